import { describe, expect, it } from 'vitest';
import type { LogLine } from '../../../src/core/log/log-line.ts';
import type { Cursor } from '../../../src/core/log/position.ts';
import { createPosition, LOOK_LINES, type Position, timeStamp } from '../../../src/core/log/position.ts';
import type { TrailMark } from '../../../src/core/log/trail.ts';

const T = Date.parse('2026-11-24T02:00:00Z');
const S = 1_000;

/** A line at T plus so many ms: `5`, or on stderr `'5e'`. */
function line(at: number | string): LogLine {
  const isError = String(at).endsWith('e');
  return { stream: isError ? 'stderr' : 'stdout', stamp: stampAt(Number.parseInt(String(at), 10)), text: '' };
}
const stampAt = (ms: number) => timeStamp(T + ms);
const lines = (...at: readonly (number | string)[]) => at.map(line);

/** What is made of each line; new ones are handled. */
function read(position: Position, ...at: readonly (number | string)[]): string[] {
  return lines(...at).map((one) => {
    const judged = position.judge(one);
    if (judged === 'new') position.advance(one);
    return judged;
  });
}

/** A position that has handled these lines of container c. */
function handled(...at: readonly (number | string)[]): Position {
  const position = createPosition(null);
  position.attach('c', 'first', 0);
  read(position, ...at);
  return position;
}
const attach = (position: Position, container = 'c') => position.attach(container, 'first', 0);

describe('a position', () => {
  it('that has handled nothing has no cursor, knows no container and begins where it is told to', () => {
    const position = createPosition(null);
    expect([position.cursor, position.container, position.knows('c')]).toEqual([null, null, false]);
    position.notice(T);
    position.look(lines(0, -60 * S));
    expect(attach(position)).toBe('first');
    expect([position.cursor, position.container, position.knows('c')]).toEqual([null, 'c', false]);
    read(position, 0);
    expect([position.knows('c'), position.knows('d')]).toEqual([true, false]);
  });

  it('of another container forgets the first one when it handles a line of the second', () => {
    const position = handled(0, '5e');
    expect(attach(position, 'd')).toBeUndefined();
    expect(position.cursor?.container).toBe('c');
    read(position, 7);
    expect(position.cursor).toEqual({
      ...{ container: 'd', stdout: { stamp: stampAt(7), count: 1 }, stderr: null },
      trail: [{ stream: 'stdout', stamp: stampAt(7), count: 1 }],
    });
  });

  it('keeps the stamps that came last, by stream, and no more than sixteen', () => {
    expect(handled(0, '0e', 0, 0).cursor?.trail).toEqual([
      { stream: 'stdout', stamp: stampAt(0), count: 1 },
      { stream: 'stderr', stamp: stampAt(0), count: 1 },
      { stream: 'stdout', stamp: stampAt(0), count: 2 },
    ]);
    const trail = Array.from(
      { length: 20 },
      (_, i): TrailMark => ({ stream: 'stdout', stamp: stampAt(i), count: 1 }),
    );
    const cursor: Cursor = { container: 'c', stdout: { stamp: stampAt(19), count: 1 }, stderr: null, trail };
    const position = createPosition(cursor);
    expect(position.cursor?.trail).toEqual(trail.slice(4));
    attach(position);
    read(position, ...trail.map((_, i) => i), 20);
    expect(position.cursor?.trail.map(({ stamp }) => stamp)).toEqual([
      ...trail.slice(5).map(({ stamp }) => stamp),
      stampAt(20),
    ]);
  });

  it('is read from ten seconds before the line that was handled last', () => {
    expect(attach(handled(0, 1, 20 * S))).toBe(stampAt(10 * S));
    expect(attach(handled(20 * S, 0))).toBe(stampAt(-10 * S));
  });

  it.each([
    [5, 0],
    [0, 5],
  ])('without a trail is read from before the highest stamp (stdout %i, stderr %i)', (out, err) => {
    const cursor: Cursor = {
      ...{ container: 'c', stdout: { stamp: stampAt(out), count: 1 } },
      ...{ stderr: { stamp: stampAt(err), count: 1 }, trail: [] },
    };
    const position = createPosition(cursor);
    position.look(lines(60 * S, 0));
    expect(attach(position)).toBe(stampAt(5 - 10 * S));
  });

  it('is deaf when the clock is before what was asked for', () => {
    const position = handled(0);
    expect(createPosition(null).isDeaf(0)).toBe(false);
    attach(position);
    expect(position.isDeaf(T - 10 * S)).toBe(false);
    expect(position.isDeaf(T - 10 * S - 1)).toBe(true);
  });
});

describe('a clock that is behind the log by more than ten seconds', () => {
  it('has the whole log read, and no less than that', () => {
    const position = handled(0);
    position.notice(T - 10 * S);
    expect(attach(position)).toBe(stampAt(-10 * S));
    position.notice(T - 10 * S - 1);
    expect(attach(position)).toBeUndefined();
    expect(position.isDeaf(0)).toBe(false);
    position.notice(T);
    expect(attach(position)).toBeUndefined();
    read(position, 0);
    expect(attach(position)).toBe(stampAt(-10 * S));
  });
});

describe('a look at the last lines', () => {
  const since = (look: readonly LogLine[], position = handled(0, 1)) => {
    position.look(look);
    return attach(position);
  };
  const LIMITED = stampAt(1 - 10 * S);

  it('shows that nothing was set back, whatever came before what was handled', () => {
    expect(since(lines(0, 1))).toBe(LIMITED);
    expect(since(lines(-3_600 * S, 0, 1, 2))).toBe(LIMITED);
    expect(since(lines(-60 * S, 0), handled(-60 * S, 0))).toBe(stampAt(-10 * S));
  });

  it('shows that the clock was set back by a line behind it that is earlier by more than ten seconds', () => {
    expect(since(lines(0, 1, 2, 1 - 10 * S))).toBe(LIMITED);
    expect(since(lines(0, 1, 2, 0 - 10 * S))).toBeUndefined();
    expect(since(lines(0, 1, 0 - 10 * S, 2))).toBeUndefined();
  });

  it('that finds only the last of what was handled, since the rest rotated away, is one all the same', () => {
    expect(since(lines(1, 20 * S, 9 * S))).toBe(LIMITED);
  });

  it('that does not find it goes by steps back among its lines', () => {
    const full = (...at: readonly number[]) =>
      lines(...Array.from({ length: LOOK_LINES - at.length }, () => 5 * S), ...at);
    expect(since(full(20 * S, 10 * S))).toBe(LIMITED);
    expect(since(full(20 * S, 10 * S - 1))).toBeUndefined();
    expect(since(full(20 * S, 20 * S, 21 * S, 11 * S))).toBe(LIMITED);
    expect(since(full(20 * S, 10 * S - 1, 30 * S))).toBeUndefined();
  });

  it('at all of the log in which nothing is left forgets what was handled', () => {
    const position = handled(0, 1);
    expect(since(lines(-60 * S, 5 * S), position)).toBeUndefined();
    expect(position.cursor).toMatchObject({ stdout: null, stderr: null, trail: [] });
    expect(read(position, -60 * S, 0)).toEqual(['new', 'new']);
    const empty = handled(0);
    expect(since([], empty)).toBeUndefined();
  });

  it('at a part of the log, or at one that has the last stamp, forgets nothing', () => {
    const part = handled(0, 1);
    part.look(lines(...Array.from({ length: LOOK_LINES }, () => 5 * S)));
    expect(part.cursor?.trail).toHaveLength(2);
    const all = handled(0, 1);
    all.look(lines(...Array.from({ length: LOOK_LINES - 1 }, () => 5 * S)));
    expect(all.cursor?.trail).toHaveLength(0);
    const same = handled(0, 1);
    same.look(lines(-5 * S, 1, 1, 5 * S));
    expect(same.cursor?.trail).toHaveLength(2);
    const found = handled(0, 1);
    found.look(lines(0, 1));
    expect(found.cursor?.trail).toHaveLength(2);
  });
});

describe('what was handled is found again', () => {
  /** A line that is stamped before all, and new where the trail was found in front of it. */
  const OLD = -5 * S;
  const again = (before: readonly (number | string)[], ...log: readonly (number | string)[]) => {
    const position = handled(...before);
    attach(position);
    return read(position, ...log);
  };

  it('by the stamps that came last, so that a line behind them is new', () => {
    expect(again([0, 1], 0, 1, OLD)).toEqual(['seen', 'seen', 'new']);
    expect(again([0, 1, 1], 0, 1, 1, OLD)).toEqual(['seen', 'seen', 'seen', 'new']);
  });

  it('where the first of these stamps rotated away in part, or all but the last did', () => {
    expect(again([0, 0, 0, 1], 0, 1, OLD).at(-1)).toBe('new');
    expect(again([0, 1], 1, OLD).at(-1)).toBe('new');
  });

  it('but not where a stamp in the middle or at the end has another number of lines', () => {
    expect(again([0, 1], 0, 0, 1, OLD).at(-1)).toBe('seen');
    expect(again([0, 1, 1, 1], 0, 1, OLD).at(-1)).toBe('seen');
    expect(again([0, 1, 1, 2], 0, 1, 2, OLD).at(-1)).toBe('seen');
    expect(again([0, 0, 0], 0, 0, 0, 5)).toEqual(['seen', 'seen', 'seen', 'new']);
  });

  it('but not by a last stamp that came twice, where the log begins at it', () => {
    expect(again([1, 5, 1], 1, OLD).at(-1)).toBe('seen');
  });

  it('by each stream for itself', () => {
    expect(again([0, '1e'], 0, 1)).toEqual(['seen', 'new']);
  });

  it('or, where it is gone, by the highest stamp, whose own lines are passed over as often as they were handled', () => {
    expect(again([-2, 0, 0], 3)).toEqual(['new']);
    expect(again([-2, 0, 0], -1, 0, 0, 0, -1)).toEqual(['seen', 'seen', 'seen', 'new', 'new']);
    expect(again([0, 0], 0, 7, 0)).toEqual(['seen', 'new', 'new']);
  });

  it('where the Engine leaves out what is stamped before the time that was asked for', () => {
    // What lies between was stamped half a minute earlier, and is not given again.
    expect(again([0, -30 * S, 0], 0, 0, OLD)).toEqual(['seen', 'seen', 'new']);
    expect(again([-30 * S, 0], -6 * S, 0, OLD).at(-1)).toBe('new');
    expect(again([-10 * S, 0], -10 * S, -10 * S, 0, OLD).at(-1)).toBe('seen');
  });
});

it('a stamp has nine decimals, and is one that a log can have', () => {
  expect(timeStamp(T + 123)).toBe('2026-11-24T02:00:00.123000000Z');
  expect(timeStamp(-1)).toBe('1970-01-01T00:00:00.000000000Z');
  expect(timeStamp(1e15)).toBe('9999-12-31T23:59:59.000000000Z');
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPosition, stampTime, timeStamp } from '../../src/core/position.ts';
import type { Cursor } from '../../src/core/state.ts';
import type { LogLine } from '../../src/ports.ts';

const line = (ms: number, stream: LogLine['stream'] = 'stdout', text = ''): LogLine => ({
  stream,
  stamp: timeStamp(ms),
  text,
});
const T = Date.parse('2026-11-24T02:00:00Z');

/** Handles what is new and gives it back. */
function handle(position: ReturnType<typeof createPosition>, lines: readonly LogLine[]): LogLine[] {
  return lines.filter((one) => {
    if (position.judge(one) !== 'new') return false;
    position.advance(one);
    return true;
  });
}

describe('the position in the log', () => {
  it('reads the lookback at the very first start and everything of it', () => {
    const position = createPosition(null);
    expect(position.attach('c1', 'first', 1000)).toBe('first');
    expect(handle(position, [line(T), line(T), line(T + 1)])).toHaveLength(3);
    expect(position.cursor).toEqual({
      container: 'c1',
      stdout: { stamp: timeStamp(T + 1), count: 1 },
      stderr: null,
    });
  });

  it('reads an overlap after a cut and drops what was handled, also of several lines with one stamp', () => {
    const position = createPosition(null);
    position.attach('c1', 'first', 0);
    handle(position, [line(T), line(T + 5), line(T + 5)]);
    expect(position.attach('c1', 'first', 0)).toBe(timeStamp(T + 5 - 10_000));
    expect(position.judge(line(T + 5))).toBe('seen');
    expect(handle(position, [line(T + 5), line(T + 5), line(T + 6)])).toEqual([line(T + 5), line(T + 6)]);
  });

  it('does not lose a line of one stream that is older than the last one of the other', () => {
    const position = createPosition(null);
    position.attach('c1', 'first', 0);
    handle(position, [line(T, 'stdout'), line(T + 500, 'stderr')]);
    position.attach('c1', 'first', 0);
    expect(handle(position, [line(T, 'stdout'), line(T + 400, 'stdout'), line(T + 500, 'stderr')])).toEqual([
      line(T + 400, 'stdout'),
    ]);
  });

  it('after a restart reads further back, only to know the open sessions again', () => {
    const cursor: Cursor = { container: 'c1', stdout: { stamp: timeStamp(T), count: 1 }, stderr: null };
    const position = createPosition(cursor);
    expect(position.attach('c1', 'first', 60_000)).toBe(timeStamp(T - 70_000));
    expect(position.judge(line(T - 60_000))).toBe('rebuild');
    expect(position.judge(line(T))).toBe('rebuild');
    expect(handle(position, [line(T), line(T + 1)])).toHaveLength(2);
  });

  it('reads the whole log of a container that was made anew, whatever the clock says', () => {
    const position = createPosition(null);
    position.attach('c1', 'first', 0);
    handle(position, [line(T)]);
    expect(position.attach('c2', 'first', 0)).toBeUndefined();
    expect(handle(position, [line(T - 1000), line(T)])).toHaveLength(2);
    expect(position.cursor?.container).toBe('c2');
  });

  it('loses nothing and doubles nothing, wherever the stream is cut and the process killed', () => {
    // Stamps grow within a stream, often several lines share one, and the streams are mixed at random.
    const entries = fc.array(
      fc.record({ step: fc.constantFrom(0, 0, 1, 700), err: fc.boolean(), late: fc.nat(3) }),
      { maxLength: 40 },
    );
    const plan = fc.array(fc.record({ reads: fc.nat(15), kill: fc.boolean() }), { maxLength: 8 });
    fc.assert(
      fc.property(entries, plan, (all, cuts) => {
        const now = { stdout: T, stderr: T };
        const log = all.map(({ step, err, late }, i) => {
          const stream = err ? 'stderr' : 'stdout';
          now[stream] = Math.max(now[stream] + step, Math.max(now.stdout, now.stderr) - late);
          return line(now[stream], stream, String(i));
        });
        let position = createPosition(null);
        const handled: LogLine[] = [];
        for (const { reads, kill } of [...cuts, { reads: 1000, kill: false }]) {
          if (kill) position = createPosition(position.cursor);
          const since = position.attach('c', timeStamp(T - 1), 0);
          const visible = log.filter(({ stamp }) => since === undefined || stamp >= since);
          handled.push(...handle(position, visible.slice(0, reads)));
        }
        expect(handled.map(({ text }) => text).sort()).toEqual(log.map(({ text }) => text).sort());
      }),
    );
  });

  it('has stamps that read back', () => expect(stampTime(timeStamp(T + 123))).toBe(T + 123));
});

it('a cursor is of its moment, and does not move with the lines that come later', () => {
  const position = createPosition(null);
  position.attach('c1', 'first', 0);
  handle(position, [line(T)]);
  const { cursor } = position;
  handle(position, [line(T), line(T + 1)]);
  expect(cursor?.stdout).toEqual({ stamp: timeStamp(T), count: 1 });
  const again = createPosition(cursor);
  again.attach('c1', 'first', 0);
  handle(again, [line(T), line(T), line(T + 1)]);
  expect(cursor?.stdout).toEqual({ stamp: timeStamp(T), count: 1 });
});

it('a stamp has the time that Date.parse gives', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }), fc.nat(999_999), (ms, nanos) => {
      const stamp = `${new Date(ms).toISOString().slice(0, 23)}${String(nanos).padStart(6, '0')}Z`;
      expect(stampTime(stamp)).toBe(Date.parse(`${stamp.slice(0, 23)}Z`));
    }),
  );
});

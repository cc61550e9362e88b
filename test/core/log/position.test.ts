import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogLine } from '../../../src/core/log/log-line.ts';
import type { Cursor } from '../../../src/core/log/position.ts';
import { createPosition, stampTime, timeStamp } from '../../../src/core/log/position.ts';

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
      trail: [
        { stream: 'stdout', stamp: timeStamp(T), count: 2 },
        { stream: 'stdout', stamp: timeStamp(T + 1), count: 1 },
      ],
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
    const mark = { stamp: timeStamp(T), count: 1 };
    const cursor: Cursor = { container: 'c1', stdout: mark, stderr: null, trail: [] };
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

  it('knows all that came before when it handles something new, wherever the stream is cut and the process killed', () => {
    const steps = fc.array(fc.constantFrom(0, 1, 700), { minLength: 1, maxLength: 40 });
    const plan = fc.array(fc.record({ reads: fc.nat(15), kill: fc.boolean() }), { maxLength: 8 });
    fc.assert(
      fc.property(steps, plan, (all, cuts) => {
        let now = T;
        const log = all.map((step, i) => {
          now += step;
          return line(now, 'stdout', String(i));
        });
        let position = createPosition(null);
        let known = new Set<LogLine>();
        for (const { reads, kill } of [...cuts, { reads: 1000, kill: false }]) {
          if (kill) {
            position = createPosition(position.cursor);
            known = new Set();
          }
          const since = position.attach('c', timeStamp(T - 1), 60_000);
          for (const one of log
            .filter(({ stamp }) => since === undefined || stamp >= since)
            .slice(0, reads)) {
            const judged = position.judge(one);
            if (judged === 'new')
              expect(log.slice(0, log.indexOf(one)).filter((before) => !known.has(before))).toEqual([]);
            if (judged !== 'seen') known.add(one);
            if (judged === 'new') position.advance(one);
          }
        }
      }),
    );
  });

  it('reads further back again when the stream was cut before the end of that', () => {
    const cursor: Cursor = {
      ...{ container: 'c1', stdout: { stamp: timeStamp(T), count: 1 }, stderr: null },
      trail: [{ stream: 'stdout', stamp: timeStamp(T), count: 1 }],
    };
    const position = createPosition(cursor);
    position.attach('c1', 'first', 60_000);
    expect(position.judge(line(T - 30_000))).toBe('rebuild');
    expect(position.attach('c1', 'first', 60_000)).toBe(timeStamp(T - 70_000));
    expect([T - 30_000, T - 20_000, T].map((ms) => position.judge(line(ms)))).toEqual(
      Array(3).fill('rebuild'),
    );
    expect(position.attach('c1', 'first', 60_000)).toBe(timeStamp(T - 10_000));
    expect(position.judge(line(T))).toBe('seen');
  });

  it('has stamps that read back', () => expect(stampTime(timeStamp(T + 123))).toBe(T + 123));
});

type Step =
  | { readonly kind: 'write'; readonly step: number; readonly err: boolean }
  | { readonly kind: 'jump'; readonly ms: number }
  | { readonly kind: 'read' | 'rotate'; readonly lines: number }
  | { readonly kind: 'cut' | 'stop' | 'start' };

const HOUR = 3_600_000;
const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      step: fc.constantFrom(0, 1, 700, HOUR),
      err: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), lines: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('jump' as const),
      ms: fc.constantFrom(
        -1,
        -2_000,
        -9_000,
        -11_000,
        -HOUR,
        -24 * HOUR,
        5_000,
        HOUR,
        24 * HOUR,
        9000 * HOUR,
        -9000 * HOUR,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rotate' as const), lines: fc.nat(20) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('cut' as const, 'stop' as const, 'start' as const) }),
  },
);

/** An Engine's log, its clock that jumps, and a reader of it that is cut off, stopped and started. */
class Reader {
  readonly written: LogLine[] = [];
  readonly handled: LogLine[] = [];
  #log: LogLine[] = [];
  #now = T;
  #position = createPosition(null);
  /** Null: it does not run. */
  #stream: { at: number; readonly since: string | undefined } | null = null;

  constructor() {
    this.#attach();
  }

  /** No two lines have one stamp. */
  #write(stream: LogLine['stream']): void {
    const { length } = this.written;
    const written = line(this.#now, stream, String(length));
    const nanos = String(length).padStart(6, '0');
    this.written.push({ ...written, stamp: written.stamp.replace('000000Z', `${nanos}Z`) });
    this.#log.push(...this.written.slice(-1));
  }

  step(step: Step): void {
    switch (step.kind) {
      case 'write':
        this.#now += step.step;
        this.#write(step.err ? 'stderr' : 'stdout');
        break;
      case 'jump':
        this.#now = Math.max(T - 20_000 * HOUR, this.#now + step.ms);
        break;
      case 'read':
        this.#read(step.lines);
        break;
      case 'rotate':
        this.#rotate(step.lines);
        break;
      case 'stop':
        this.#stream = null;
        this.#position = createPosition(this.#position.cursor);
        break;
      case 'cut':
        if (this.#stream !== null) this.#attach();
        break;
      case 'start':
        if (this.#stream === null) this.#attach();
    }
    if (this.#stream === null) return;
    this.#position.notice(this.#now);
    if (this.#position.isDeaf(this.#now)) this.#attach();
  }

  /** Reads all that there is. */
  finish(): void {
    this.step({ kind: 'start' });
    this.#read(Number.POSITIVE_INFINITY);
  }

  #attach(): void {
    this.#position.notice(this.#now);
    if (this.#position.knows('c')) this.#position.look(this.#log);
    const since = this.#position.attach('c', timeStamp(T - 30_000 * HOUR), HOUR / 4);
    this.#stream = { at: 0, since };
  }

  #read(lines: number): void {
    const stream = this.#stream;
    if (stream === null) return;
    const end = Math.min(this.#log.length, stream.at + lines);
    const visible = this.#log.slice(stream.at, end).filter(({ stamp }) => stamp >= (stream.since ?? ''));
    this.handled.push(...handle(this.#position, visible));
    stream.at = end;
  }

  /** The oldest lines go, as far as they were handled, and read by the open stream if there is one. */
  #rotate(lines: number): void {
    const first = this.#log.findIndex((one) => !this.handled.includes(one));
    const kept = Math.min(first < 0 ? this.#log.length : first, this.#stream?.at ?? this.#log.length);
    const gone = Math.min(lines, kept);
    this.#log = this.#log.slice(gone);
    if (this.#stream !== null) this.#stream.at = Math.max(0, this.#stream.at - gone);
  }
}

describe('when the clock jumps, in either direction and however far', () => {
  it('no line is lost and none is handled twice, whatever is cut, stopped or rotated meanwhile', () => {
    fc.assert(
      fc.property(fc.array(STEP, { maxLength: 60, size: 'max' }), (steps) => {
        const reader = new Reader();
        for (const step of steps) reader.step(step);
        reader.finish();
        expect(reader.handled.map(({ text }) => text)).toEqual(reader.written.map(({ text }) => text));
      }),
      { numRuns: 500 },
    );
  });

  it('a line that is stamped ahead of the clock does not make us deaf to those that come after a cut', () => {
    const position = createPosition(null);
    position.attach('c', 'first', 0);
    handle(position, [line(T), line(T + 24 * HOUR)]);
    position.notice(T + 1000);
    expect(position.attach('c', 'first', 0)).toBeUndefined();
    const log = [line(T), line(T + 24 * HOUR), line(T + 2000)];
    expect(handle(position, log)).toEqual([line(T + 2000)]);
  });

  it('lines from after the clock was set back while nobody read are new', () => {
    const position = createPosition(null);
    position.attach('c', 'first', 0);
    handle(position, [line(T), line(T + HOUR)]);
    const again = createPosition(position.cursor);
    again.notice(T + 1000);
    expect(again.attach('c', 'first', 0)).toBeUndefined();
    expect(handle(again, [line(T), line(T + HOUR), line(T + 5), line(T + 6)])).toEqual([
      line(T + 5),
      line(T + 6),
    ]);
  });
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

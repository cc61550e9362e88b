import { afterEach, describe, expect, it } from 'vitest';
import { createClock, cronInterval } from '../../src/edge/clock.ts';
import { SILENT } from '../double/report.ts';

const EACH_SECOND = '* * * * * *';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const RealDate = Date;

afterEach(() => {
  globalThis.Date = RealDate;
});

/** The host's clock is set by others: from now on it is wrong by `ms`. */
function setClock(ms: number): void {
  globalThis.Date = class extends RealDate {
    constructor(...given: unknown[]) {
      super(...((given.length > 0 ? given : [RealDate.now() + ms]) as [number]));
    }

    static override now(): number {
      return RealDate.now() + ms;
    }
  } as DateConstructor;
}

describe('sleep', () => {
  it.each([-DAY, DAY])('lasts as long as it should when the clock jumps by %s ms', async (jump) => {
    const clock = createClock(SILENT);
    const [before, began] = [clock.now(), performance.now()];
    const slept = clock.sleep(50, new AbortController().signal);
    setClock(jump);
    await slept;
    expect(performance.now() - began).toBeGreaterThanOrEqual(49);
    expect(Math.round((clock.now() - before) / DAY)).toBe(jump / DAY);
  });

  it('ends without an error when it is aborted, also when that was before it began', async () => {
    const stop = new AbortController();
    const clock = createClock(SILENT);
    const slept = clock.sleep(DAY, stop.signal);
    stop.abort();
    await slept;
    await clock.sleep(DAY, stop.signal);
  });

  it('does not end at once when it is longer than a timer can be', async () => {
    const stop = new AbortController();
    const clock = createClock(SILENT);
    let isOver = false;
    const slept = clock.sleep(2 ** 40, stop.signal).then(() => {
      isOver = true;
    });
    await clock.sleep(20, new AbortController().signal);
    expect(isOver).toBe(false);
    stop.abort();
    await slept;
  });
});

describe('the schedule', () => {
  it.each<[string, () => Promise<void>]>([
    [
      'throws',
      () => {
        throw new Error('bug');
      },
    ],
    ['rejects', () => Promise.reject(new Error('bug'))],
  ])('hands a bug of a job on that %s', async (_, job) => {
    const stop = new AbortController();
    const { ended } = createClock(SILENT).cron(EACH_SECOND, job, stop.signal);
    await expect(ended).rejects.toThrow('bug');
    stop.abort();
  });

  it('ends when it is stopped, also when that was before it began', async () => {
    const stop = new AbortController();
    const clock = createClock(SILENT);
    const { ended } = clock.cron(EACH_SECOND, () => {}, stop.signal);
    stop.abort();
    await ended;
    await clock.cron(EACH_SECOND, () => {}, stop.signal).ended;
  });

  it('runs no job after its end', async () => {
    const stop = new AbortController();
    const clock = createClock(SILENT);
    let runs = 0;
    const job = () => {
      runs += 1;
      stop.abort();
    };
    await clock.cron(EACH_SECOND, job, stop.signal).ended;
    await clock.sleep(1_100, new AbortController().signal);
    expect(runs).toBe(1);
  });

  it('goes on when the clock jumps ahead, and knows its next run by the new time', async () => {
    const stop = new AbortController();
    const clock = createClock(SILENT);
    const runs: number[] = [];
    const job = () => {
      runs.push(clock.now());
      if (runs.length === 1) setClock(HOUR);
      else stop.abort();
    };
    const { next, ended } = clock.cron(EACH_SECOND, job, stop.signal);
    await ended;
    expect((runs[1] ?? 0) - (runs[0] ?? 0)).toBeGreaterThan(HOUR);
    expect(next() ?? HOUR * 1e6).toBeGreaterThan(runs[0] ?? 0);
  });

  it('goes on within seconds when the clock is set back, and stops at its end after that', async () => {
    const stop = new AbortController();
    const clock = createClock(SILENT);
    const runs: number[] = [];
    const job = () => {
      runs.push(clock.now());
      if (runs.length === 1) setClock(-2 * HOUR);
      else stop.abort();
    };
    await clock.cron(EACH_SECOND, job, stop.signal).ended;
    expect((runs[1] ?? 0) - (runs[0] ?? 0)).toBeLessThan(-HOUR);
    await clock.sleep(1_100, new AbortController().signal);
    expect(runs).toHaveLength(2);
  });

  it('runs a job that has a jitter at its time or later, and knows the time without it', async () => {
    const stop = new AbortController();
    const clock = createClock(SILENT);
    const began = clock.now();
    const job = () => stop.abort();
    const { next, ended } = clock.cron(EACH_SECOND, job, stop.signal, 300);
    expect((next() ?? 0) - began).toBeLessThanOrEqual(1_000);
    await ended;
    expect(clock.now()).toBeGreaterThanOrEqual(Math.ceil(began / 1_000) * 1_000);
  });
});

describe('the longest time between two runs', () => {
  it.each([
    ['23 4 * * *', DAY],
    ['0 */6 * * *', 6 * HOUR],
    ['0 4 * * sun', 7 * DAY],
    ['0 4 1 * *', 31 * DAY],
  ])('of %s', (expression, interval) => {
    const read = cronInterval(expression);
    // In a time zone with daylight saving time, one of the runs may be an hour later.
    expect(Math.abs((read.ok ? read.value : 0) - interval)).toBeLessThanOrEqual(HOUR);
  });

  it.each([
    ['61 4 * * *', '61 is not a minute from 0 to 59'],
    ['0 4 * 13 *', '13 is not a month from 1 to 12'],
    ['0 4 30 2 *', 'is not a cron expression'],
    ['daily', 'is not a cron expression'],
  ])('of %s is a problem', (expression, problem) => {
    expect(cronInterval(expression)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
  });
});

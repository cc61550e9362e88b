import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BurstLimits,
  type Bursts,
  dueEvents,
  type EventGroup,
  restOfEvents,
  takeEvent,
} from '../../../src/core/alerts/burst.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ONE_AN_HOUR: BurstLimits = { alone: 1, everyMs: HOUR };

/** Events are numbers here; what is reported is kept with its time. */
class Reporter {
  bursts: Bursts<number> = [];
  readonly reported: (EventGroup<number> & { at: number })[] = [];
  readonly #limits: BurstLimits;

  constructor(limits: BurstLimits) {
    this.#limits = limits;
  }

  take(key: string, event: number, at: number): void {
    const { bursts, due } = takeEvent(this.bursts, key, event, at, this.#limits);
    this.bursts = bursts;
    if (due !== null) this.reported.push({ ...due, at });
  }

  due(at: number): void {
    const { bursts, due } = dueEvents(this.bursts, at, this.#limits);
    this.bursts = bursts;
    this.reported.push(...due.map((one) => ({ ...one, at })));
  }

  rest(at: number): void {
    const { bursts, due } = restOfEvents(this.bursts);
    this.bursts = bursts;
    this.reported.push(...due.map((one) => ({ ...one, at })));
  }
}

describe('events of one source', () => {
  it('are reported at the first, and the others of the interval together when it is over', () => {
    const reporter = new Reporter(ONE_AN_HOUR);
    reporter.take('ses', 1, 0);
    reporter.take('ses', 2, 10 * MINUTE);
    reporter.take('ses', 3, 59 * MINUTE);
    reporter.due(HOUR - 1);
    expect(reporter.reported).toEqual([{ first: 1, last: 1, count: 1, at: 0 }]);
    reporter.due(HOUR);
    expect(reporter.reported[1]).toEqual({ first: 2, last: 3, count: 2, at: HOUR });
    reporter.take('ses', 4, HOUR + MINUTE);
    reporter.due(HOUR + MINUTE);
    expect(reporter.reported).toHaveLength(2);
  });

  it('are reported at once again after an interval without any', () => {
    const reporter = new Reporter(ONE_AN_HOUR);
    reporter.take('ses', 1, 0);
    reporter.due(HOUR);
    reporter.take('ses', 2, HOUR + 1);
    expect(reporter.reported).toMatchObject([{ first: 1 }, { first: 2, count: 1 }]);
    expect(reporter.bursts).toHaveLength(1);
  });

  it('are reported with what still waits when nothing asked what is due', () => {
    const reporter = new Reporter(ONE_AN_HOUR);
    for (const at of [0, 1, 2 * HOUR]) reporter.take('ses', at, at);
    expect(reporter.reported[1]).toEqual({ first: 1, last: 2 * HOUR, count: 2, at: 2 * HOUR });
  });

  it('are reported one by one as long as they are few', () => {
    const reporter = new Reporter({ alone: 3, everyMs: MINUTE });
    for (let event = 0; event < 10; event += 1) reporter.take('ses', event, event);
    reporter.due(MINUTE);
    expect(reporter.reported.map(({ count }) => count)).toEqual([1, 1, 1, 7]);
    reporter.take('ses', 10, MINUTE + 1);
    reporter.rest(MINUTE + 2);
    expect(reporter.reported.map(({ count }) => count)).toEqual([1, 1, 1, 7, 1]);
    reporter.rest(MINUTE + 3);
    expect(reporter.reported).toHaveLength(5);
  });

  it('do not make those of another source wait', () => {
    const reporter = new Reporter(ONE_AN_HOUR);
    for (let event = 0; event < 10_000; event += 1) reporter.take('ses', event, event);
    reporter.take('google', 1, 10_000);
    expect(reporter.reported).toMatchObject([{ count: 1 }, { first: 1, count: 1, at: 10_000 }]);
  });

  it('do not fall silent when the clock was set far ahead and back', () => {
    const reporter = new Reporter(ONE_AN_HOUR);
    reporter.take('ses', 1, 1000 * HOUR);
    reporter.take('ses', 2, 0);
    expect(reporter.reported).toHaveLength(2);
  });

  it('are each reported once, in so many lines an interval', () => {
    const event = fc.record({
      key: fc.constantFrom('ses', 'google'),
      after: fc.integer({ min: 0, max: 90 * MINUTE }),
      asks: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 100 }), fc.integer({ min: 1, max: 3 }), (events, alone) => {
        const reporter = new Reporter({ alone, everyMs: HOUR });
        let at = 0;
        for (const [i, { key, after, asks }] of events.entries()) {
          at += after;
          if (asks) reporter.due(at);
          reporter.take(key, i, at);
        }
        for (const one of reporter.reported) {
          const near = reporter.reported.filter((other) => {
            const same = events[other.last]?.key === events[one.last]?.key;
            return same && other.at > one.at - HOUR && other.at <= one.at;
          });
          // The end of one interval and the beginning of the next can share an hour.
          expect(near.length).toBeLessThanOrEqual(2 * alone);
        }
        reporter.rest(at);
        expect(reporter.reported.reduce((sum, { count }) => sum + count, 0)).toBe(events.length);
      }),
    );
  });
});

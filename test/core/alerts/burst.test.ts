import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BurstLimits,
  type Bursts,
  dueEvents,
  restOfEvents,
  type Told,
  takeEvent,
} from '../../../src/core/alerts/burst.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ONE_AN_HOUR: BurstLimits = { alone: 1, everyMs: HOUR };

/** Events are numbers here; what is told is kept with its time. */
class Teller {
  bursts: Bursts<number> = [];
  readonly told: (Told<number> & { at: number })[] = [];
  readonly #limits: BurstLimits;

  constructor(limits: BurstLimits) {
    this.#limits = limits;
  }

  take(key: string, event: number, at: number): void {
    const { bursts, told } = takeEvent(this.bursts, key, event, at, this.#limits);
    this.bursts = bursts;
    if (told !== null) this.told.push({ ...told, at });
  }

  due(at: number): void {
    const { bursts, told } = dueEvents(this.bursts, at, this.#limits);
    this.bursts = bursts;
    this.told.push(...told.map((one) => ({ ...one, at })));
  }

  rest(at: number): void {
    const { bursts, told } = restOfEvents(this.bursts);
    this.bursts = bursts;
    this.told.push(...told.map((one) => ({ ...one, at })));
  }
}

describe('events of one source', () => {
  it('are told at the first, and the others of the interval together when it is over', () => {
    const teller = new Teller(ONE_AN_HOUR);
    teller.take('ses', 1, 0);
    teller.take('ses', 2, 10 * MINUTE);
    teller.take('ses', 3, 59 * MINUTE);
    teller.due(HOUR - 1);
    expect(teller.told).toEqual([{ first: 1, last: 1, count: 1, at: 0 }]);
    teller.due(HOUR);
    expect(teller.told[1]).toEqual({ first: 2, last: 3, count: 2, at: HOUR });
    teller.take('ses', 4, HOUR + MINUTE);
    teller.due(HOUR + MINUTE);
    expect(teller.told).toHaveLength(2);
  });

  it('are told at once again after an interval without any', () => {
    const teller = new Teller(ONE_AN_HOUR);
    teller.take('ses', 1, 0);
    teller.due(HOUR);
    teller.take('ses', 2, HOUR + 1);
    expect(teller.told).toMatchObject([{ first: 1 }, { first: 2, count: 1 }]);
    expect(teller.bursts).toHaveLength(1);
  });

  it('are told with what still waits when nobody asked what is due', () => {
    const teller = new Teller(ONE_AN_HOUR);
    for (const at of [0, 1, 2 * HOUR]) teller.take('ses', at, at);
    expect(teller.told[1]).toEqual({ first: 1, last: 2 * HOUR, count: 2, at: 2 * HOUR });
  });

  it('are told one by one as long as they are few', () => {
    const teller = new Teller({ alone: 3, everyMs: MINUTE });
    for (let event = 0; event < 10; event += 1) teller.take('ses', event, event);
    teller.due(MINUTE);
    expect(teller.told.map(({ count }) => count)).toEqual([1, 1, 1, 7]);
    teller.take('ses', 10, MINUTE + 1);
    teller.rest(MINUTE + 2);
    expect(teller.told.map(({ count }) => count)).toEqual([1, 1, 1, 7, 1]);
    teller.rest(MINUTE + 3);
    expect(teller.told).toHaveLength(5);
  });

  it('do not make those of another source wait', () => {
    const teller = new Teller(ONE_AN_HOUR);
    for (let event = 0; event < 10_000; event += 1) teller.take('ses', event, event);
    teller.take('google', 1, 10_000);
    expect(teller.told).toMatchObject([{ count: 1 }, { first: 1, count: 1, at: 10_000 }]);
  });

  it('do not fall silent when the clock was set far ahead and back', () => {
    const teller = new Teller(ONE_AN_HOUR);
    teller.take('ses', 1, 1000 * HOUR);
    teller.take('ses', 2, 0);
    expect(teller.told).toHaveLength(2);
  });

  it('are each told once, in so many lines an interval', () => {
    const event = fc.record({
      key: fc.constantFrom('ses', 'google'),
      after: fc.integer({ min: 0, max: 90 * MINUTE }),
      asks: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 100 }), fc.integer({ min: 1, max: 3 }), (events, alone) => {
        const teller = new Teller({ alone, everyMs: HOUR });
        let at = 0;
        for (const [i, { key, after, asks }] of events.entries()) {
          at += after;
          if (asks) teller.due(at);
          teller.take(key, i, at);
        }
        for (const one of teller.told) {
          const near = teller.told.filter((other) => {
            const same = events[other.last]?.key === events[one.last]?.key;
            return same && other.at > one.at - HOUR && other.at <= one.at;
          });
          // The end of one interval and the beginning of the next can share an hour.
          expect(near.length).toBeLessThanOrEqual(2 * alone);
        }
        teller.rest(at);
        expect(teller.told.reduce((sum, { count }) => sum + count, 0)).toBe(events.length);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LaterGate } from '../../src/core/gate.ts';
import { createGateWatch } from '../../src/core/gate-watch.ts';
import type { LaterRefusal } from '../../src/core/later-gate.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let lines = 0;

/** Each from a line of its own. */
function refusal(gate: LaterGate, ip = '54.240.27.75'): LaterRefusal {
  lines += 1;
  return { ip, gate, code: 450, enhanced: '4.7.1', text: null, line: `line ${lines}` };
}

describe('refusals by later gates', () => {
  it('are told at the first, and the others of the hour together when it is over', () => {
    const watch = createGateWatch();
    expect(watch.take('ses', refusal('helo'), 0)).toMatchObject({ sender: 'ses', count: 1, since: 0 });
    expect(watch.take('ses', refusal('helo', '54.240.27.76'), 10 * MINUTE)).toBeUndefined();
    expect(watch.take('ses', refusal('helo', '54.240.27.77'), 59 * MINUTE)).toBeUndefined();
    expect(watch.due(HOUR - 1)).toEqual([]);
    expect(watch.due(HOUR)).toMatchObject([
      { sender: 'ses', count: 2, since: 10 * MINUTE, refusal: { ip: '54.240.27.77' } },
    ]);
    expect(watch.due(HOUR)).toEqual([]);
    expect(watch.take('ses', refusal('helo'), HOUR + MINUTE)).toBeUndefined();
  });

  it('are told at once again after an hour without any', () => {
    const watch = createGateWatch();
    watch.take('ses', refusal('helo'), 0);
    expect(watch.due(HOUR)).toEqual([]);
    expect(watch.take('ses', refusal('helo'), HOUR + 1)).toMatchObject({ count: 1 });
  });

  it('are told with what still waits when nobody asked what is due', () => {
    const watch = createGateWatch();
    watch.take('ses', refusal('helo'), 0);
    watch.take('ses', refusal('helo'), 1);
    expect(watch.take('ses', refusal('helo'), 2 * HOUR)).toMatchObject({ count: 2, since: 1 });
  });

  it('are kept apart by sender and by gate', () => {
    const watch = createGateWatch();
    expect(watch.take('ses', refusal('helo'), 0)).toBeDefined();
    expect(watch.take('ses', refusal('spf'), 0)).toBeDefined();
    expect(watch.take('google', refusal('helo'), 0)).toBeDefined();
    expect(watch.take('ses', refusal('helo'), 1)).toBeUndefined();
  });

  it('count once when their line is printed twice', () => {
    const watch = createGateWatch();
    const twice = refusal('helo');
    watch.take('ses', twice, 0);
    watch.take('ses', twice, 0);
    expect(watch.waiting()).toEqual([]);
  });

  it('do not fall silent when the clock was set far ahead and back', () => {
    const watch = createGateWatch();
    watch.take('ses', refusal('helo'), 1000 * HOUR);
    expect(watch.take('ses', refusal('helo'), 0)).toMatchObject({ count: 1 });
  });

  it('are each told once, and none twice within the hour', () => {
    const event = fc.record({
      sender: fc.constantFrom('ses', 'google'),
      gate: fc.constantFrom('helo' as const, 'spf' as const),
      after: fc.integer({ min: 0, max: 90 * MINUTE }),
      asks: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 100 }), (events) => {
        const watch = createGateWatch();
        const last = new Map<string, number>();
        let at = 0;
        let counted = 0;
        for (const { sender, gate, after, asks } of events) {
          at += after;
          const told = [...(asks ? watch.due(at) : []), watch.take(sender, refusal(gate), at) ?? []].flat();
          for (const one of told) {
            const key = `${one.sender} ${one.refusal.gate}`;
            expect(at - (last.get(key) ?? -HOUR)).toBeGreaterThanOrEqual(HOUR);
            last.set(key, at);
            counted += one.count;
          }
        }
        const waiting = watch.waiting().reduce((sum, { count }) => sum + count, 0);
        expect(counted + waiting).toBe(events.length);
      }),
    );
  });
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMemory, own } from '../../../src/core/base/bounded-memory.ts';

const LIMITS = { open: 6, ageMs: 10 };

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const step = fc.record({ key: fc.constantFrom(...KEYS), after: fc.integer({ min: -12, max: 12 }) });

it('a memory keeps the newest half for certain, never too many or too old, whatever is set again and however time goes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const memory = createMemory<{ since: number }>(LIMITS);
      let all: { key: string; since: number }[] = [];
      let now = 1000;
      for (const { key, after } of steps) {
        // A leap of the clock ends what was.
        if (Math.abs(after) > LIMITS.ageMs) all = [];
        now += after;
        memory.set(key, { since: now });
        all.push({ key, since: now });
        expect(memory.size).toBeLessThanOrEqual(LIMITS.open);
        const newest = all.slice(-LIMITS.open / 2);
        for (const one of KEYS) {
          const latest = all.findLast((set) => set.key === one);
          const got = memory.get(one);
          if (got !== undefined) expect(got.since).toBe(latest?.since);
          if (got !== undefined) expect(Math.abs(now - got.since)).toBeLessThanOrEqual(LIMITS.ageMs);
          const near = newest.every(({ since }) => Math.abs(now - since) <= LIMITS.ageMs);
          if (near && latest !== undefined && newest.includes(latest)) expect(got?.since).toBe(latest.since);
        }
      }
    }),
  );
});

it('a memory holds as many as it may in a flood of new keys, and no more', () => {
  const memory = createMemory<{ since: number }>({ open: 1000, ageMs: 1e9 });
  for (let i = 0; i < 100_000; i += 1) memory.set(`key ${i}`, { since: i });
  expect(memory.size).toBe(1000);
  expect(memory.get('key 99500')).toEqual({ since: 99_500 });
  expect(memory.get('key 98999')).toBeUndefined();
});

it('an own copy of a text is the same text, of any byte', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      expect(own(text)).toBe(text);
    }),
  );
});

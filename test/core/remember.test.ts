import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMemory } from '../../src/core/remember.ts';

const LIMITS = { open: 4, ageMs: 10 };

/** What a memory is, told plainly: a list in order of arrival, from whose old end values leave. */
function model() {
  let list: { key: string; since: number }[] = [];
  return {
    set(key: string, since: number) {
      list = [...list.filter((one) => one.key !== key), { key, since }];
      for (let [first] = list; first !== undefined; [first] = list) {
        if (list.length <= LIMITS.open && Math.abs(since - first.since) <= LIMITS.ageMs) break;
        list = list.slice(1);
      }
    },
    get: (key: string) => list.find((one) => one.key === key)?.since,
    size: () => list.length,
  };
}

it('a memory keeps the newest, by number and by age, whatever is set again and however time goes', () => {
  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const step = fc.record({ key: fc.constantFrom(...keys), after: fc.integer({ min: -12, max: 12 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const memory = createMemory<{ since: number }>(LIMITS);
      const plain = model();
      let now = 0;
      for (const { key, after } of steps) {
        now += after;
        memory.set(key, { since: now });
        plain.set(key, now);
        expect(keys.map((one) => memory.get(one)?.since)).toEqual(keys.map(plain.get));
        expect(memory.size).toBe(plain.size());
      }
    }),
  );
});

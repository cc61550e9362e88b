import { describe, expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';
import { TARGETS } from './targets.ts';

/** A bounded share of `npm run fuzz`, with the same inputs each time. */
const INPUTS = 4_000;

describe('hostile input', () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))('cannot break the %s', (_name, target) => {
    const { inputs, crashes } = fuzz(target, 1, (done) => done < INPUTS);
    expect(crashes).toEqual([]);
    expect(inputs).toBe(INPUTS);
  });

  it('is found when it does break a parser', () => {
    const target = {
      name: 'one that does not know NUL',
      seeds: ['harmless'],
      words: [],
      read(input: string) {
        if (input.includes('\0')) throw new Error('NUL');
      },
    };
    const { crashes, inputs } = fuzz(target, 1, (done) => done < INPUTS);
    expect(crashes[0]?.input).toContain('\0');
    expect(fuzz(target, 1, (done) => done < INPUTS)).toMatchObject({ inputs, crashes });
  });
});

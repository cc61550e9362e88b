import { describe, expect, it, vi } from 'vitest';
import { hashOf, judge, keptVerdicts } from './regex-verdicts.ts';
import { regexesIn, regexesOf } from './regexes.ts';

/** Each is judged in this process: no other program is started, and nothing is asked of the network. */
vi.stubEnv('RECHECK_BACKEND', 'pure');

describe('every regular expression of src', () => {
  const all = regexesIn('src');
  const kept = keptVerdicts();

  it.each(
    all.map((one) => [one.file, one.source, one] as const),
  )('of %s takes time linear to its input: %s', (...[, , one]) => {
    expect(kept[hashOf(one)] ?? 'no verdict yet: run npm run regexes').toBe('linear');
  });

  it('is found, as a literal or built of constant text, and judged', () => {
    const built = `const A: string = String.raw\`\\s\`; export const b = new RegExp(\`^(?:\${A}+)+\` + "$", "i");`;
    const found = regexesOf('one.ts', `${built} export const c = /d\\/[/]/u;`);
    expect(found).toEqual([
      { file: 'one.ts', source: '^(?:\\s+)+$', flags: 'i' },
      { file: 'one.ts', source: 'd\\/[/]', flags: 'u' },
    ]);
    expect(found.map(judge)).toEqual(['exponential', 'linear']);
    expect(all.length).toBeGreaterThan(80);
  });

  it('that is built of anything else is an error, since it cannot be judged', () => {
    expect(() => regexesOf('one.ts', 'export const a = (b: string) => new RegExp(b);')).toThrow(
      /one\.ts.*constant/,
    );
  });
});

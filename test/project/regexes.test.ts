import { checkSync } from 'recheck';
import { describe, expect, it, vi } from 'vitest';
import { type Regex, regexesIn, regexesOf } from './regexes.ts';

/** Each is judged in this process: no other program is started, and nothing is asked of the network. */
vi.stubEnv('RECHECK_BACKEND', 'pure');

/** What an input could do to it; undefined: its time is linear to the input's length. */
function danger({ source, flags }: Regex): string | undefined {
  const judged = checkSync(source, flags, { timeout: 60_000 });
  if (judged.status === 'safe') return undefined;
  return judged.status === 'vulnerable' ? judged.complexity.summary : `not judged: ${judged.error.kind}`;
}

describe('every regular expression of src', () => {
  const all = regexesIn('src');

  it.each(
    all.map((one) => [one.file, one.source, one] as const),
  )('of %s takes time linear to its input: %s', (...[, , one]) => {
    expect(danger(one)).toBeUndefined();
  });

  it('is found, as a literal or built of constant text, and judged', () => {
    const built = `const A: string = String.raw\`\\s\`; export const b = new RegExp(\`^(?:\${A}+)+\` + "$", "i");`;
    const found = regexesOf('one.ts', `${built} export const c = /d\\/[/]/u;`);
    expect(found).toEqual([
      { file: 'one.ts', source: '^(?:\\s+)+$', flags: 'i' },
      { file: 'one.ts', source: 'd\\/[/]', flags: 'u' },
    ]);
    expect(found.map(danger)).toEqual(['exponential', undefined]);
    expect(all.length).toBeGreaterThan(80);
  });

  it('that is built of anything else is an error, since nobody could judge it', () => {
    expect(() => regexesOf('one.ts', 'export const a = (b: string) => new RegExp(b);')).toThrow(
      /one\.ts.*constant/,
    );
  });
});

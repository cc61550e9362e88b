// What recheck says of each regular expression of src. It takes long to say, so regexes.json keeps it by the hash of the expression.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkSync } from 'recheck';
import { type Regex, regexesIn } from './regexes.ts';

export const KEPT = join(import.meta.dirname, 'regexes.json');

/** By the hash of the expression. `linear`: its time is linear to the input's length; else what an input could do to it. */
export type Verdicts = Readonly<Record<string, string>>;

/** No limit of time and one seed: the verdict is the same on any machine, however busy it is. */
const UNHURRIED = { timeout: null, incubationTimeout: null, attackTimeout: null, randomSeed: 1 } as const;

export function hashOf({ source, flags }: Regex): string {
  return createHash('sha256').update(`/${source}/${flags}`).digest('hex').slice(0, 24);
}

/** Judges in this process when RECHECK_BACKEND is `pure`. */
export function judge({ source, flags }: Regex): string {
  const judged = checkSync(source, flags, UNHURRIED);
  if (judged.status === 'safe') return 'linear';
  return judged.status === 'vulnerable' ? judged.complexity.summary : `not judged: ${judged.error.kind}`;
}

export function keptVerdicts(): Verdicts {
  return JSON.parse(readFileSync(KEPT, 'utf8')) as Verdicts;
}

/** All of src, judged now. */
export function judgeAll(): Verdicts {
  const judged = regexesIn('src').map((one) => [hashOf(one), judge(one)] as const);
  return Object.fromEntries(judged.sort(([a], [b]) => (a < b ? -1 : 1)));
}

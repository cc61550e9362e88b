// Judges every regular expression of src again: what regexes.json keeps for the fast suite must be what the checker says.
import { writeFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { judgeAll, KEPT, keptVerdicts } from './regex-verdicts.ts';

vi.stubEnv('RECHECK_BACKEND', 'pure');

it('the kept verdicts are those of the checker, for the expressions of src and no others', () => {
  const judged = judgeAll();
  if (process.env['KEEP_VERDICTS'] === '1') writeFileSync(KEPT, `${JSON.stringify(judged, null, 2)}\n`);
  expect(keptVerdicts()).toEqual(judged);
});

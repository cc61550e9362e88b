/** Runs all checks of doctor on what was observed, and derives the exit code. */

import { CHECKS, type CheckName, type CheckResult } from './check-result.ts';
import { type EngineFacts, judgeEngine } from './engine-checks.ts';
import { judgePostfix, type PostfixFacts } from './postfix-checks.ts';
import { judgeSelf, type SelfFacts } from './self-checks.ts';
import { judgeTableFacts, type TableFacts } from './table-checks.ts';

/** All that doctor observed. */
export interface InstallationFacts {
  readonly engine: EngineFacts;
  readonly postfix: PostfixFacts;
  readonly table: TableFacts;
  readonly self: SelfFacts;
}

/** One result for each check, in the order of CHECKS. */
export function judgeAll({ engine, postfix, table, self }: InstallationFacts): readonly CheckResult[] {
  const findings = [
    ...judgeEngine(engine),
    ...judgePostfix(postfix),
    ...judgeTableFacts(table),
    ...judgeSelf(self),
  ];
  const order = Object.keys(CHECKS) as CheckName[];
  return findings.sort((a, b) => order.indexOf(a.check) - order.indexOf(b.check));
}

/** 3: the Engine gave no answer, so that most was not checked. 1: a check failed. */
export function exitCode(findings: readonly CheckResult[]): 0 | 1 | 3 {
  const failed = findings.filter(({ verdict }) => verdict === 'fail');
  if (failed.some(({ check }) => check === 'engine')) return 3;
  return failed.length > 0 ? 1 : 0;
}

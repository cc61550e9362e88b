import { expect, it } from 'vitest';
import { exitCode } from '../../src/core/doctor/all-checks.ts';
import type { CheckName, CheckResult, CheckVerdict } from '../../src/core/doctor/check-result.ts';
import { Patient } from '../double/patient.ts';

type Verdicts = Partial<Record<CheckName, CheckVerdict>>;

/** Everything that is not ok. */
export function ills(findings: readonly CheckResult[]): Verdicts {
  const ill = findings.filter(({ verdict }) => verdict !== 'ok');
  return Object.fromEntries(ill.map(({ check, verdict }) => [check, verdict]));
}

export function of(check: CheckName, findings: readonly CheckResult[]): CheckResult {
  const [found, ...more] = findings.filter((finding) => finding.check === check);
  if (found === undefined || more.length > 0) throw new Error(`${check}: not one finding`);
  return found;
}

/** What cannot be looked at without a running container. */
export const IN_CONTAINER = [
  ...(['log', 'exec', 'reload', 'postfix', 'postscreen', 'wired', 'order', 'dnsbl', 'action'] as const),
  ...(['table-postfix', 'table-shared', 'clients'] as const),
];

export function unknowns(...checks: CheckName[]): Verdicts {
  return Object.fromEntries(checks.map((check) => [check, 'unknown' as const]));
}

export interface Illness {
  readonly title: string;
  readonly make: (patient: Patient) => unknown;
  /** All that is not ok then. */
  readonly ills: Verdicts;
  readonly check: CheckName;
  readonly says: RegExp;
  readonly remedy: RegExp;
  /** 1, unless said otherwise. */
  readonly code?: 0 | 3;
}

export function except(...checks: CheckName[]): CheckName[] {
  return IN_CONTAINER.filter((check) => !checks.includes(check));
}

/**
 * A test for each: doctor finds it and what follows from it, and nothing else. With `follow`, which does what a remedy
 * says: the check is ok when its remedy was followed.
 */
export function findsEach(
  illnesses: readonly Illness[],
  follow?: (patient: Patient, remedy: string) => Promise<void>,
): void {
  it.each(illnesses)('finds $title, and what to do', async ({
    make,
    ills: expected,
    check,
    says,
    remedy,
    code = 1,
  }) => {
    await using patient = await Patient.create();
    await make(patient);
    const findings = await patient.look();
    expect(ills(findings)).toEqual(expected);
    expect(of(check, findings)).toMatchObject({
      says: expect.stringMatching(says),
      remedy: expect.stringMatching(remedy),
    });
    expect(exitCode(findings)).toBe(code);
    // Whatever is ill has a remedy, and what was not looked at is not called well.
    for (const finding of findings) {
      const isIll = finding.verdict === 'warn' || finding.verdict === 'fail';
      expect(finding.remedy === null).toBe(!isIll);
      expect(finding.says).toMatch(finding.verdict === 'unknown' ? /^not checked: ./ : /^(?!not checked)./);
    }
    if (follow === undefined) return;
    await follow(patient, of(check, findings).remedy ?? '');
    expect(of(check, await patient.look())).toMatchObject({ verdict: 'ok' });
  });
}

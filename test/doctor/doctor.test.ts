import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { exitCode } from '../../src/core/doctor/all-checks.ts';
import { CHECKS } from '../../src/core/doctor/check-result.ts';
import { Patient, TABLE } from '../double/patient.ts';
import { ills } from './illness.ts';

describe('doctor', () => {
  it('finds nothing to say about a healthy installation, and each check once, in order', async () => {
    await using patient = await Patient.create();
    const findings = await patient.look();
    expect(ills(findings)).toEqual({});
    expect(findings.map(({ check }) => check)).toEqual(Object.keys(CHECKS));
    expect(findings.map(({ remedy }) => remedy)).toEqual(findings.map(() => null));
    expect(exitCode(findings)).toBe(0);
  });

  it('changes nothing: no file, no reload, nothing in the container', async () => {
    await using patient = await Patient.create();
    const files = () => readdir(patient.folder);
    const before = [await files(), await readFile(patient.table, 'latin1')];
    const ran: string[] = [];
    const run = patient.mail;
    patient.engine.onExec(async (argv) => {
      ran.push(argv.join(' '));
      return run.exec(argv);
    });
    expect(ills(await patient.look())).toEqual({});
    expect([await files(), await readFile(patient.table, 'latin1')]).toEqual(before);
    expect(ran).toEqual([
      'id -u',
      'postfix status',
      'postconf -hx postscreen_access_list mynetworks',
      'postconf -Px */inet/*',
      'postconf -M',
      'postconf -x postscreen_dnsbl_sites postscreen_dnsbl_action postscreen_greet_action',
      `stat -L -c %i %s %Y ${TABLE}`,
      // Whether it is whole, and whether the access list lets that network in.
      `postmap -q 54.240.0.0 cidr:${TABLE}`,
      `postmap -q 54.240.0.0 cidr:${TABLE}`,
    ]);
  });
});

import { expect, it } from 'vitest';
import { CHECKS } from '../../src/core/doctor/check-result.ts';
import { startDnsServer } from '../double/dns-server.ts';
import { Patient, SENDERS, TABLE } from '../double/patient.ts';
import { screenpass } from '../double/program.ts';
import { sendersZone } from '../double/senders-zone.ts';

async function doctor(patient: Patient, ...args: string[]) {
  const env = {
    DOCKER_HOST: patient.engine.host,
    SCREENPASS_TABLE: patient.table,
    SCREENPASS_TABLE_IN_CONTAINER: TABLE,
    SCREENPASS_STATE_DIR: patient.folder,
  };
  await using dns = await startDnsServer({ zone: sendersZone(SENDERS) });
  return await screenpass(['doctor', '--dns', dns.server, ...args], { env });
}

it('prints a line for each check and exits 0 when nothing failed', async () => {
  await using patient = await Patient.create();
  const { code, stdout, stderr } = await doctor(patient);
  expect([code, stderr]).toEqual([0, '']);
  // Only the daemon is missing.
  expect(stdout).toMatch(/^warn {2}daemon {9}.*control\.sock: no screenpass runs/m);
  const lines = stdout.split('\n').filter((line) => /^(ok|warn|FAIL|\?) /.test(line));
  expect(lines.map((line) => line.split(/\s+/)[1])).toEqual(Object.keys(CHECKS));
  const all = Object.keys(CHECKS).length;
  expect(stdout.endsWith(`\n\n${all} checks: ${all - 1} ok, 1 warn, 0 failed, 0 not checked\n`)).toBe(true);
});

it('exits 1 when a check failed, and puts the remedy below it', async () => {
  await using patient = await Patient.create();
  patient.mail.wiring = 'not-wired';
  const { code, stdout } = await doctor(patient);
  expect(code).toBe(1);
  const line = `postscreen_access_list = permit_mynetworks, cidr:${TABLE}`;
  expect(stdout).toMatch(/^FAIL {2}wired {10}postscreen_access_list does not name it\n {21}Put this line /m);
  expect(stdout).toContain(`\n                       ${line}\n`);
  expect(stdout).toMatch(/^\? {5}order {10}not checked: /m);
});

it('prints one JSON array, and exits 3 when the Engine does not answer', async () => {
  await using patient = await Patient.create();
  await patient.engine.close();
  const { code, stdout, stderr } = await doctor(patient, '--json');
  expect([code, stderr]).toEqual([3, '']);
  const findings = JSON.parse(stdout);
  expect(findings[0]).toEqual({
    check: 'engine',
    verdict: 'fail',
    says: expect.stringContaining('docker.sock'),
    remedy: expect.stringContaining('DOCKER_HOST'),
  });
  expect(findings[1]).toMatchObject({ check: 'container', verdict: 'unknown', remedy: null });
});

it('exits 2 for wrong settings, before it looks at anything', async () => {
  const { code, stdout } = await screenpass(['doctor'], { env: { SCREENPASS_MODE: 'off' } });
  expect([code, stdout]).toEqual([2, '']);
});

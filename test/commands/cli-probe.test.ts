import { expect, it } from 'vitest';
import { EMPTY_STATE } from '../../src/core/state/state.ts';
import { startDnsServer } from '../double/dns-server.ts';
import type { Zone } from '../double/dns-zone.ts';
import { BLOCK, Patient, TABLE } from '../double/patient.ts';
import { screenpass } from '../double/program.ts';

/** The first usable address of Amazon SES in the catalogue. */
const SES = '23.249.208.1';
/** In BLOCK. */
const LISTED: Zone = { '1.208.249.23.zen.spamhaus.org': { A: ['127.0.0.2'] } };

async function probe(patient: Patient, zone: Zone, ...args: string[]) {
  const env = {
    DOCKER_HOST: patient.engine.host,
    SCREENPASS_TABLE: patient.table,
    SCREENPASS_TABLE_IN_CONTAINER: TABLE,
    SCREENPASS_STATE_DIR: patient.folder,
    ...patient.env,
  };
  await using dns = await startDnsServer({ zone });
  const result = await screenpass(['probe', '--dns', dns.server, ...args], { env });
  return { ...result, asked: dns.asked };
}

it('prints a table of the watched senders and a line of summary, and exits 0 when none would be refused', async () => {
  await using patient = await Patient.create();
  patient.env = { SCREENPASS_SENDERS: 'amazon-ses,sendgrid' };
  const { code, stdout, stderr, asked } = await probe(patient, {});
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^ID +NETWORKS +SAMPLED +PERMITTED +VERDICT +WHY\n/);
  expect(stdout).toMatch(/^amazon-ses +12 +4 +0 +passes +highest score 0$/m);
  expect(stdout).toMatch(/^sendgrid +\d+ +4 +0 +passes +highest score 0$/m);
  const sum = '2 senders: 2 pass, 0 refused, 0 unknown; 8 addresses; threshold 3, zones zen.spamhaus.org';
  expect(stdout.endsWith(`\n\n${sum}\n`)).toBe(true);
  expect(asked.toSorted()).toEqual([...new Set(asked)].toSorted());
  expect(asked).toContain('udp A 1.208.249.23.zen.spamhaus.org');
});

it('exits 1 and says why when a sender would be refused, and 0 once the table permits it', async () => {
  await using patient = await Patient.create();
  const refused = await probe(patient, LISTED, 'amazon-ses');
  expect([refused.code, refused.stderr]).toEqual([1, '']);
  expect(refused.stdout).toMatch(
    /^amazon-ses +12 +4 +0 +refused +23\.249\.208\.1: zen\.spamhaus\.org 127\.0\.0\.2; score 3, threshold 3$/m,
  );
  await patient.writeTable('23.249.208.0/20 permit\n54.240.0.0/17 permit\n');
  const allowed = await probe(patient, LISTED, 'amazon-ses', '--json');
  expect(allowed.code).toBe(0);
  const { senders } = JSON.parse(allowed.stdout);
  expect(senders[0].addresses[0]).toEqual({
    ...{ address: SES, verdict: 'permitted', why: `cidr:${TABLE} permits it` },
    ...{ score: null, listings: [], faults: [] },
  });
  // What the table permits is not asked about.
  expect(allowed.asked).not.toContain('udp A 1.208.249.23.zen.spamhaus.org');
});

it('prints one JSON document, with the settings that it went by', async () => {
  await using patient = await Patient.create();
  patient.mail.overrides = { postscreen_dnsbl_threshold: '2' };
  const { code, stdout } = await probe(patient, LISTED, 'amazon-ses', '--json');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ service: 'smtp', action: 'enforce', threshold: 2, zones: ['zen.spamhaus.org'] },
    senders: [
      {
        ...{ sender: 'amazon-ses', networks: 12, verdict: 'refused', why: expect.stringContaining(SES) },
        addresses: expect.arrayContaining([
          {
            ...{ address: SES, verdict: 'refused', why: expect.any(String), score: { least: 3, most: 3 } },
            ...{ listings: [{ zone: 'zen.spamhaus.org', answers: ['127.0.0.2'] }], faults: [] },
          },
        ]),
      },
    ],
  });
});

it('refuses nobody for a score that postscreen ignores, and asks no zone', async () => {
  await using patient = await Patient.create();
  Object.assign(patient.mail.parameters, { postscreen_dnsbl_action: 'ignore' });
  const { code, stdout, asked } = await probe(patient, LISTED, 'amazon-ses');
  expect([code, asked]).toEqual([0, []]);
  expect(stdout).toMatch(/ passes +no DNSBL zone can refuse it$/m);
  expect(stdout).toContain('no zone can refuse (postscreen_dnsbl_action = ignore)');
});

it('takes a reject of the operator for a refusal when postscreen enforces it', async () => {
  await using patient = await Patient.create();
  await patient.writeTable(`23.249.208.0/24 reject\n${BLOCK}`);
  expect(await probe(patient, {}, 'amazon-ses')).toMatchObject({ code: 0 });
  Object.assign(patient.mail.parameters, { postscreen_denylist_action: 'enforce' });
  const { code, stdout } = await probe(patient, {}, 'amazon-ses');
  expect(code).toBe(1);
  expect(stdout).toContain(`${SES}: cidr:${TABLE} rejects it`);
});

it.each([
  ['SERVFAIL', 'SERVFAIL', 'no answer (servfail)'],
  ['an error of the zone', { A: ['127.255.255.254'] }, 'public resolver (127.255.255.254)'],
] as const)('exits 3 when the verdict hangs on %s, and tells it from passing', async (_, answer, says) => {
  await using patient = await Patient.create();
  const { code, stdout } = await probe(patient, { '1.208.249.23.zen.spamhaus.org': answer }, 'amazon-ses');
  expect(code).toBe(3);
  expect(stdout).toMatch(
    /^amazon-ses .* unknown +23\.249\.208\.1: zen\.spamhaus\.org: .*; score 0 to 3, threshold 3$/m,
  );
  expect(stdout).toMatch(/0 pass, 0 refused, 1 unknown; .*zen\.spamhaus\.org: .* \(1 address\)\n$/);
  expect(stdout).toContain(says);
});

it('asks a zone that never answers a few times only', async () => {
  await using patient = await Patient.create();
  const zone = new Proxy<Record<string, 'REFUSED'>>(
    {},
    { get: () => 'REFUSED', getOwnPropertyDescriptor: () => ({ configurable: true, value: 'REFUSED' }) },
  );
  const { code, stdout, asked } = await probe(patient, zone);
  expect(code).toBe(3);
  expect(stdout).toMatch(/: 0 pass, 0 refused, \d+ unknown; /);
  expect(new Set(asked.map((line) => line.slice(4))).size).toBeLessThan(20);
});

it('goes by what the daemon has learnt of a sender', async () => {
  await using patient = await Patient.create();
  const sender = { spf: ['amazonses.com'], askedAt: patient.now, leaving: [], proven: [], trouble: null };
  const listed = { networks: ['198.2.128.0/32', '2600:1f00::/32'], at: patient.now, unlistable: false };
  await patient.writeState({ ...EMPTY_STATE, senders: { 'amazon-ses': { ...sender, listed } } });
  const { code, stdout, asked } = await probe(patient, {}, 'amazon-ses', '--json');
  expect(code).toBe(0);
  const [{ networks, addresses }] = JSON.parse(stdout).senders;
  expect(networks).toBe(2);
  expect(addresses.map(({ address }: { address: string }) => address)).toEqual([
    ...['198.2.128.0', '2600:1f00::1', '2600:1f00:ffff:ffff:ffff:ffff:ffff:fffe'],
  ]);
  const nibbles = `1.${'0.'.repeat(23)}0.0.f.1.0.0.6.2`;
  expect(asked).toContain(`udp A ${nibbles}.zen.spamhaus.org`);
});

it('exits 2 for a sender that is not watched, before it asks anybody', async () => {
  await using patient = await Patient.create();
  await patient.engine.close();
  const { code, stdout, stderr } = await probe(patient, {}, 'nobody');
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^screenpass: no sender is called nobody: screenpass senders lists them/);
});

it.each<[string, (patient: Patient) => unknown, string]>([
  ['the Engine does not answer', (patient) => patient.engine.close(), 'docker.sock'],
  [
    'Postfix does not run',
    ({ mail }) => {
      mail.reload = 'fails';
    },
    'Postfix does not run in mailserver',
  ],
  [
    'there is no postscreen',
    ({ mail }) => {
      mail.wiring = 'no-postscreen';
    },
    'master.cf has no postscreen service',
  ],
])('exits 3 when %s, and prints no result', async (_, make, says) => {
  await using patient = await Patient.create();
  await make(patient);
  const { code, stdout, stderr } = await probe(patient, {});
  expect([code, stdout]).toEqual([3, '']);
  expect(stderr).toContain(`screenpass: `);
  expect(stderr).toContain(says);
});

it('says that Postfix cannot read a table, and goes by the score then, as postscreen does', async () => {
  await using patient = await Patient.create();
  patient.mail.tableDenied = true;
  const { code, stdout } = await probe(patient, {}, 'amazon-ses', '--json');
  const [sender] = JSON.parse(stdout).senders;
  expect([code, sender.verdict]).toEqual([0, 'passes']);
  expect(sender.addresses[0]).toMatchObject({
    verdict: 'passes',
    why: expect.stringMatching(/^cidr:.*: open .*: Permission denied; /),
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { network } from '../../src/core/net/network.ts';
import { newEntry } from '../../src/core/policy/entry.ts';
import { knowledgeOf, withProof } from '../../src/core/senders/knowledge.ts';
import { EMPTY_STATE } from '../../src/core/state/state.ts';
import { renderBlock } from '../../src/core/table/managed-block.ts';
import data from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import { type DnsServer, startDnsServer } from '../double/dns-server.ts';
import type { Zone } from '../double/dns-zone.ts';
import { screenpass } from '../double/program.ts';
import { SALESFORCE_ZONE } from '../double/salesforce-zone.ts';

const ZONE: Zone = {
  ...SALESFORCE_ZONE,
  '9.14.110.13.in-addr.arpa': { PTR: ['smtp-9.mta.salesforce.com'] },
  'smtp-9.mta.salesforce.com': { A: ['13.110.14.9'] },
  'example.test': { TXT: ['v=spf1 ip4:192.0.2.1 exp=why.example.test -all'] },
  'why.example.test': { TXT: ['%{i} is not one of ours'] },
  'broken.test': 'SERVFAIL',
  '75.27.240.54.drop.test': { A: ['127.0.0.2'] },
  '77.27.240.54.drop.test': 'SERVFAIL',
};

const SES_ENTRY = { scope: 'sender', networks: [], cause: 'dnsbl 550' } as const;

let dns: DnsServer;
let folder: string;
let env: Record<string, string>;
beforeAll(async () => {
  dns = await startDnsServer({ zone: ZONE });
  folder = await mkdtemp(join(tmpdir(), 'screenpass-cli-'));
  env = { SCREENPASS_STATE_DIR: folder, SCREENPASS_TABLE: join(folder, 'table'), SCREENPASS_DNS: dns.server };
});
afterAll(async () => {
  await dns.close();
  await rm(folder, { recursive: true });
});

describe('screenpass check', () => {
  it.each([
    ['13.110.14.214', 'spf'],
    ['13.110.14.9', 'rdns'],
  ])('proves that %s is of Salesforce, by %s', async (address, evidence) => {
    const { code, stdout } = await screenpass(['check', '--json', address], { env });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      sender: 'salesforce',
      evidence,
      network: `${address}/32`,
      allowed: false,
      decision: 'allow',
    });
  });

  it('asks the veto zones, and says of an address what the daemon would', async () => {
    const vetoes = [{ address: '54.240.27.80', zone: 'drop.test', since: 1, askedAt: 1 }];
    await writeFile(join(folder, 'state.json'), JSON.stringify({ ...EMPTY_STATE, vetoes }));
    const block = renderBlock([
      { entry: newEntry('amazon-ses', 1, SES_ENTRY), networks: [network('54.240.0.0/17')] },
    ]);
    await writeFile(join(folder, 'vetoed'), block);
    const ask = (address: string, table = 'table') =>
      screenpass(['check', '--json', address], {
        env: { ...env, SCREENPASS_TABLE: join(folder, table), SCREENPASS_VETO_DNSBL: 'drop.test' },
      });
    const read = async (...asked: Parameters<typeof ask>) => {
      const { code, stdout } = await ask(...asked);
      return { code, ...JSON.parse(stdout) };
    };
    const listed = expect.stringContaining('SCREENPASS_VETO_DNSBL lists it');
    expect(await read('54.240.27.75')).toMatchObject({ code: 1, decision: 'refuse', reason: listed });
    expect(await read('54.240.27.76')).toMatchObject({ code: 0, decision: 'allow' });
    const silent = {
      code: 3,
      decision: 'wait',
      reason: expect.stringContaining('drop.test: no answer (servfail)'),
    };
    expect(await read('54.240.27.77')).toMatchObject(silent);
    expect(await read('54.240.27.76', 'vetoed')).toMatchObject({ code: 0, decision: 'keep', allowed: true });
    expect(await read('54.240.27.75', 'vetoed')).toMatchObject({
      code: 1,
      decision: 'refuse',
      allowed: false,
    });
    await rm(join(folder, 'state.json'));
  });

  it('asks the servers of --dns, and exits 3 when they do not answer', async () => {
    const args = ['check', '--json', '13.110.14.214', '--dns'];
    const good = await screenpass([...args, dns.server], { env: { ...env, SCREENPASS_DNS: '127.0.0.1:9' } });
    expect(JSON.parse(good.stdout)).toMatchObject({ evidence: 'spf' });
    const { code, stdout } = await screenpass([...args, '127.0.0.1:9'], { env });
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      sender: null,
      reason: expect.stringContaining('no answer'),
    });
    const wrong = await screenpass([...args, 'dns.example'], { env });
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('must be given by its address')]);
  });
});

describe('screenpass spf', () => {
  const ask = (ip: string, sender: string, ...rest: string[]) =>
    screenpass(['spf', '--ip', ip, '--sender', sender, '--helo', 'mail.example.test', ...rest], { env });

  it('prints the result of check_host, and exits 0 for pass only', async () => {
    const { code, stdout } = await ask('192.0.2.1', 'a@example.test', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      result: 'pass',
      domain: 'example.test',
      term: 'ip4:192.0.2.1',
      problem: null,
      explanation: null,
      lookups: 0,
    });
    expect(await ask('192.0.2.2', 'a@example.test')).toMatchObject({
      code: 1,
      stdout: 'fail: example.test; by -all; 192.0.2.2 is not one of ours; 0 lookups\n',
    });
    expect(await ask('192.0.2.2', 'a@nowhere.test')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^none/),
    });
  });

  it('takes the domain of HELO for the null sender, and exits 3 when DNS does not answer', async () => {
    expect((await ask('192.0.2.1', '')).stdout).toMatch(/^none: mail\.example\.test/);
    expect(await ask('192.0.2.1', 'a@broken.test')).toMatchObject({ code: 3 });
  });

  it('exits 2 when something is missing', async () => {
    const { code, stderr } = await screenpass(['spf', '--ip', '192.0.2.1'], { env });
    expect([code, stderr]).toEqual([2, expect.stringContaining('--sender')]);
  });
});

describe('screenpass senders', () => {
  it('shows what is bundled, and what the daemon has learnt', async () => {
    const before = JSON.parse((await screenpass(['senders', '--json'], { env })).stdout);
    expect(before).toHaveLength(data.senders.length);
    expect(before[0]).toMatchObject({ id: 'amazon-ses', watched: true, freshness: 'bundled', learnt: null });

    const [ses, salesforce] = ['amazon-ses', 'salesforce'].map((id) => {
      const sender = readCatalogue(data).find((one) => one.id === id);
      if (sender === undefined) throw new Error(id);
      return knowledgeOf(sender, {});
    });
    if (ses === undefined || salesforce === undefined) throw new Error();
    const listed = { networks: ['54.240.0.0/17'], at: Date.now() - 3 * 3_600_000, unlistable: false };
    const senders = {
      'amazon-ses': { ...ses, listed },
      salesforce: withProof(salesforce, network('13.110.14.9'), 'rdns', Date.now()),
    };
    await writeFile(join(folder, 'state.json'), JSON.stringify({ ...EMPTY_STATE, senders }));
    const after = JSON.parse((await screenpass(['senders', '--json'], { env })).stdout);
    expect(after[0]).toMatchObject({ freshness: 'fresh', networks: ['54.240.0.0/17'], trouble: null });
    const { stdout } = await screenpass(['senders'], { env });
    expect(stdout).toMatch(/^amazon-ses +Amazon SES +yes +1 +fresh +3h +SPF of amazonses\.com$/m);
    expect(stdout).toMatch(/^salesforce +Salesforce .* yes +8\+ +bundled /m);
    const { stdout: whose } = await screenpass(['check', '--json', '13.110.14.9'], { env });
    expect(JSON.parse(whose)).toMatchObject({ sender: 'salesforce', evidence: 'rdns' });
  });
});

describe('screenpass health', () => {
  it('exits 1 when no daemon runs', async () => {
    const { code, stdout, stderr } = await screenpass(['health'], { env });
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(/^screenpass: .*start it/)]);
  });
});

describe('screenpass refresh', () => {
  it('exits 3 and says what to do when no daemon runs', async () => {
    const { code, stdout, stderr } = await screenpass(['refresh'], { env });
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^screenpass: .*control\.sock.*start it/);
  });
});

import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { RefreshSummary } from '../../src/core/senders/list-judgement.ts';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import type { Zone } from '../double/dns-zone.ts';
import { World } from '../double/world.ts';

const DAY = 86_400_000;
const LISTED = catalogue.senders.find(({ id }) => id === 'amazon-ses')?.networks ?? [];
const GROWN = ses([...LISTED, '185.199.108.0/22']);
const DEAD: Zone = {
  'amazonses.com': 'TIMEOUT',
  'sendgrid.net': 'TIMEOUT',
  '_spf.salesforce.com': 'TIMEOUT',
};

/** What Amazon SES lists. */
function ses(networks: readonly string[]): Zone {
  return { 'amazonses.com': { TXT: [`v=spf1 ${networks.map((one) => `ip4:${one}`).join(' ')} -all`] } };
}

/** A world in which SES was refused and is allowed. */
async function allowed(env: Record<string, string> = {}): Promise<World> {
  const world = await World.following({ SCREENPASS_SENDERS: 'amazon-ses,salesforce,sendgrid', ...env });
  await settled(world);
  await world.connect('54.240.27.75');
  await world.alert('reload-done');
  return world;
}

/** A refresh that this one waited for has ended. */
async function settled(world: World): Promise<void> {
  const { questions } = world;
  for (let seen = -1; seen !== questions.length; ) {
    seen = questions.length;
    for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
  }
}

async function refresh(world: World, accept: readonly string[] = []): Promise<RefreshSummary> {
  const reply = await world.ask('refresh', { accept });
  if (!reply.ok) throw new Error(reply.problem);
  return reply.result as RefreshSummary;
}

describe('a refresh of the senders', () => {
  it('brings a new network into the table at once, with one write and one reload, and says which', async () => {
    await using world = await allowed();
    world.zone = GROWN;
    const summary = await refresh(world);
    expect(summary).toMatchObject({ added: { 'amazon-ses': ['185.199.108.0/22'] }, removed: {}, failed: [] });
    await world.eventually('the table is loaded again', () => world.told('reload-done').length === 2);
    expect(await world.readTable()).toContain('\n185.199.108.0/22 permit\n');
    expect(world.told('senders-refreshed').at(-1)).toMatchObject({
      added: { 'amazon-ses': ['185.199.108.0/22'] },
      recovered: [],
    });
    await world.pass(20_000);
    expect(world.told('reload-done')).toHaveLength(2);
    expect(world.told('sender-allowed')).toHaveLength(1);
  });

  it('opens nothing for a sender that was never refused', async () => {
    await using world = await allowed();
    const before = await world.readTable();
    world.zone = { ...world.zone, 'sendgrid.net': { TXT: ['v=spf1 ip4:167.89.0.0/17 -all'] } };
    await refresh(world, ['sendgrid']);
    await world.pass(20_000);
    expect(await world.readTable()).toBe(before);
  });

  it('withdraws what is listed no more after the grace period', async () => {
    await using world = await allowed();
    world.zone = ses(LISTED.filter((one) => one !== '23.249.208.0/20'));
    await refresh(world);
    world.clock.advance(7 * DAY - 60_000);
    await world.pass(20_000);
    expect(await world.readTable()).toContain('23.249.208.0/20 permit');
    world.clock.advance(3_600_000);
    await world.eventually('it is gone', async () => !(await world.readTable()).includes('23.249.208.0/20'));
    await world.eventually('the table is loaded again', () => world.told('reload-done').length === 2);
  });

  it('changes nothing when DNS is dead, and says so once, with all whom it concerns', async () => {
    await using world = await allowed();
    const before = await world.readTable();
    world.zone = DEAD;
    expect((await refresh(world)).failed.map(({ sender }) => sender)).toEqual([
      'amazon-ses',
      'sendgrid',
      'salesforce',
    ]);
    await refresh(world);
    expect(world.told('refresh-failed')).toMatchObject([
      { count: 3, reason: expect.stringContaining('timeout') },
    ]);
    await world.pass(20_000);
    expect(await world.readTable()).toBe(before);
    world.clock.advance(9 * DAY);
    await world.connect('54.240.99.1', { listed: ['zen.spamhaus.org'] });
    await world.pass(20_000);
    expect(await world.readTable()).toContain('54.240.0.0/17 permit');
  });

  it('says when senders answer again', async () => {
    await using world = await allowed();
    world.zone = DEAD;
    await refresh(world);
    world.zone = {};
    await refresh(world);
    expect(world.told('senders-refreshed').at(-1)).toMatchObject({
      added: {},
      recovered: expect.arrayContaining(['amazon-ses', 'salesforce', 'sendgrid']),
    });
  });

  it('does not believe a sender that loses most of its networks, until the administrator does', async () => {
    await using world = await allowed();
    world.zone = ses(['199.255.192.0/22']);
    await refresh(world);
    expect(world.told('sender-suspicious')).toMatchObject([
      { sender: 'amazon-ses', remedy: expect.stringContaining('screenpass refresh --accept amazon-ses') },
    ]);
    await refresh(world);
    expect(world.told('sender-suspicious')).toHaveLength(1);
    expect(await world.ask('refresh', { accept: ['nobody'] })).toMatchObject({ ok: false, kind: 'usage' });
    expect(await refresh(world, ['amazon-ses'])).toMatchObject({ suspicious: [] });
  });

  it('holds back one sender without taking the others down', async () => {
    await using world = await allowed();
    world.zone = { ...GROWN, 'sendgrid.net': { TXT: ['v=spf1 +all'] } };
    const { added, suspicious } = await refresh(world);
    expect(added).toEqual({ 'amazon-ses': ['185.199.108.0/22'] });
    expect(suspicious).toMatchObject([{ sender: 'sendgrid', reason: expect.stringContaining('everyone') }]);
  });

  it('answers a command that it does not know', async () => {
    await using world = await allowed();
    expect(await world.ask('dance')).toMatchObject({ ok: false, kind: 'usage' });
  });
});

describe('the senders are asked', () => {
  const asked = (world: World) => world.questions.filter((one) => one === 'TXT amazonses.com').length;

  it('at the first start, and after a restart only when that is older than the interval', async () => {
    await using world = await allowed();
    expect(asked(world)).toBe(1);
    await world.stop();
    world.clock.advance(DAY / 2);
    world.start({ SCREENPASS_SENDERS: 'amazon-ses' });
    await world.alert('started', 2);
    await settled(world);
    expect(asked(world)).toBe(1);
    await world.stop();
    world.clock.advance(DAY / 2 + 3_600_000);
    world.start({ SCREENPASS_SENDERS: 'amazon-ses' });
    await world.alert('started', 3);
    await world.until('they are asked', () => asked(world) === 2);
  });

  it('at once after a restart when they did not answer, since another DNS server may be set', async () => {
    await using world = await allowed();
    world.zone = DEAD;
    await refresh(world);
    expect((await world.ask('status')) as unknown).toMatchObject({
      result: { unanswered: ['amazon-ses', 'sendgrid', 'salesforce'] },
    });
    await world.stop();
    world.zone = {};
    world.start({ SCREENPASS_SENDERS: 'amazon-ses,salesforce,sendgrid', SCREENPASS_DNS: '192.0.2.53' });
    const { recovered } = await world.alert('senders-refreshed');
    expect(recovered).toEqual(['amazon-ses', 'sendgrid', 'salesforce']);
    expect((await world.ask('status')) as unknown).toMatchObject({
      result: { unanswered: [], nextTry: null },
    });
  });

  it('and a DNS filter that denies most of them is one report, which names it', async () => {
    await using world = await World.create();
    const filtered = catalogue.senders.filter(({ default: isDefault }) => isDefault).slice(0, 40);
    const denied = filtered.flatMap(({ spf }) => spf.map((name) => [name, { A: ['192.0.2.1'] }] as const));
    world.zone = Object.fromEntries(denied);
    world.start({ SCREENPASS_DNS: '192.0.2.53' });
    const { reason, count } = await world.alert('refresh-failed');
    await settled(world);
    expect(count).toBeGreaterThan(30);
    expect(reason).toMatch(/^the DNS server 192\.0\.2\.53 knows no SPF record of \d+ of \d+ senders \(/);
    expect(world.told('refresh-failed')).toHaveLength(1);
    expect(world.told('sender-suspicious')).toEqual([]);
  });

  it('on schedule, and by the hourly job when the scheduled run was missed', async () => {
    await using world = await allowed();
    world.clock.runJob('17 * * * *');
    await settled(world);
    expect(asked(world)).toBe(1);
    world.clock.runJob('23 4 * * *');
    await settled(world);
    expect(asked(world)).toBe(2);
    world.clock.advance(DAY + 3_600_000);
    world.clock.runJob('17 * * * *');
    await settled(world);
    expect(asked(world)).toBe(3);
  });

  it('again when the clock was set back, since nobody knows how old the answers are', async () => {
    await using world = await allowed();
    world.clock.advance(-30 * DAY);
    world.clock.runJob('17 * * * *');
    await settled(world);
    expect(asked(world)).toBe(2);
  });

  it('each hour as long as they do not answer', async () => {
    await using world = await allowed();
    world.zone = DEAD;
    await refresh(world);
    world.zone = {};
    world.clock.advance(3_600_000);
    world.clock.runJob('17 * * * *');
    await world.alert('senders-refreshed');
    expect(world.told('senders-refreshed').at(-1)?.recovered).toContain('amazon-ses');
  });

  it('of the operator’s own, too', async () => {
    await using world = await World.create();
    const file = `${world.folder}/senders.yaml`;
    await writeFile(file, 'senders:\n  - id: partner\n    spf: [partner.example]\n');
    world.zone = { 'partner.example': { TXT: ['v=spf1 ip4:185.199.108.0/22 -all'] } };
    world.start({ SCREENPASS_SENDERS_FILE: file, SCREENPASS_SENDERS: 'partner' });
    await world.alert('senders-refreshed');
    await world.connect('185.199.108.7');
    expect(await world.alert('sender-refused')).toMatchObject({ sender: 'partner', decision: 'allow' });
  });
});

describe('an address that no list holds', () => {
  const salesforce: Zone = { '13.110.14.214._spf._spf.salesforce.com': { A: ['127.0.0.2'] } };
  const claims = { helo: 'smtp-9.mta.salesforce.com', from: 'x@salesforce.com' };

  it('is allowed when the sender’s own record lets it in, and its retry gets through', async () => {
    await using world = await allowed();
    world.zone = salesforce;
    await world.connect('13.110.14.214', claims);
    await world.eventually('it is loaded', () => world.told('reload-done').length === 2);
    expect(world.told('sender-refused').at(-1)).toMatchObject({
      sender: 'salesforce',
      evidence: 'spf',
      decision: 'allow',
      reason: expect.stringContaining('SPF'),
    });
    expect(await world.readTable()).toContain('\n13.110.14.214/32 permit\n');
    expect(await world.connect('13.110.14.214', claims)).toBe('allowlisted');
    await world.alert('sender-recovered');
  });

  it('stays allowed over a restart, and is asked about again at each refresh', async () => {
    await using world = await allowed();
    world.zone = salesforce;
    await world.connect('13.110.14.214', claims);
    await world.eventually('it is loaded', () => world.told('reload-done').length === 2);
    await world.stop();
    world.start({ SCREENPASS_SENDERS: 'amazon-ses,salesforce,sendgrid' });
    await world.alert('started', 2);
    world.zone = {};
    await refresh(world);
    await world.pass(20_000);
    expect(await world.readTable()).toContain('13.110.14.214/32 permit');
    world.clock.advance(8 * DAY);
    await world.eventually('it is gone', async () => !(await world.readTable()).includes('13.110.14.214'));
  });

  it('opens nothing when it merely claims the name, in HELO, MAIL FROM or PTR', async () => {
    await using world = await allowed();
    world.zone = { ...salesforce, '9.113.0.203.in-addr.arpa': { PTR: ['smtp-9.mta.salesforce.com'] } };
    const before = await world.readTable();
    await world.connect('185.199.108.9', claims);
    await world.eventually('it was asked about', () => world.questions.includes('PTR 185.199.108.9'));
    await settled(world);
    await world.pass(20_000);
    expect(world.told('sender-refused')).toHaveLength(1);
    expect(await world.readTable()).toBe(before);
    expect(await readFile(world.stateFile, 'utf8')).not.toContain('185.199.108.9');
  });

  it('is not asked about when postscreen lets it pass, nor a second time within the hour', async () => {
    await using world = await allowed();
    await world.connect('185.199.108.9', { listed: [] });
    await world.connect('185.199.108.10');
    await world.connect('185.199.108.10');
    await world.until('it was asked about', () => world.questions.includes('PTR 185.199.108.10'));
    await settled(world);
    await world.connect('185.199.108.10');
    await settled(world);
    const about = (ip: string) => world.questions.filter((one) => one === `PTR ${ip}`).length;
    expect([about('185.199.108.9'), about('185.199.108.10')]).toEqual([0, 1]);
    world.clock.advance(3_600_000);
    await world.connect('185.199.108.10');
    await world.until('it is asked about again', () => about('185.199.108.10') === 2);
  });

  it('is one of few to be asked about when ten thousand strangers come in a minute', async () => {
    await using world = await allowed();
    const before = world.questions.length;
    const stranger = (i: number) => `185.${200 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
    for (let i = 0; i < 10_000; i += 1) {
      world.mail.log('postscreen', 911, `DNSBL rank 3 for [${stranger(i)}]:5`);
      world.mail.log('postscreen', 911, `DISCONNECT [${stranger(i)}]:5`);
      if (i % 500 === 0) await settled(world);
    }
    world.zone = salesforce;
    await settled(world);
    expect(world.questions.length - before).toBeLessThan(1_000);
    world.clock.advance(60_000);
    await world.connect('13.110.14.214', claims);
    await world.until('it is allowed all the same', () => world.told('sender-refused').length === 2);
  });

  it('is asked about again each minute while DNS does not answer, and allowed as soon as it does', async () => {
    await using world = await allowed();
    world.zone = salesforce;
    world.dnsAnswers = new Promise(() => {});
    await world.connect('13.110.14.214', claims);
    const asked = () => world.questions.filter((one) => one === 'PTR 13.110.14.214').length;
    for (let minute = 1; minute <= 3; minute += 1) {
      await world.until('it is asked about', () => asked() === minute);
      // Longer than the deadline of one question.
      await world.pass(61_000);
      world.clock.runJob('* * * * *');
    }
    expect(world.told('sender-refused')).toHaveLength(1);
    await world.pass(61_000);
    world.dnsAnswers = Promise.resolve();
    world.clock.runJob('* * * * *');
    await world.eventually('it is allowed', () => world.told('sender-refused').length === 2);
    await world.stop();
    expect(JSON.parse(await readFile(world.stateFile, 'utf8')).questions).toEqual([]);
  });

  it('is given up when DNS did not answer for an hour, so that another can be asked about', async () => {
    await using world = await allowed();
    world.zone = { ...salesforce, '9.108.199.185.in-addr.arpa': 'SERVFAIL' };
    await world.connect('185.199.108.9', claims);
    const asked = () => world.questions.filter((one) => one === 'PTR 185.199.108.9').length;
    for (let minute = 1; minute <= 65; minute += 1) {
      await world.until('it is asked about', () => asked() === Math.min(minute, 60));
      await settled(world);
      world.clock.advance(60_000);
      world.clock.runJob('* * * * *');
    }
    await settled(world);
    expect(asked()).toBe(60);
    await world.stop();
    expect(JSON.parse(await readFile(world.stateFile, 'utf8')).questions).toEqual([]);
  });

  it('is asked about again after a restart that came before the answer', async () => {
    await using world = await allowed();
    world.zone = salesforce;
    world.dnsAnswers = new Promise(() => {});
    await world.connect('13.110.14.214', claims);
    await world.until('it is asked about', () => world.questions.includes('PTR 13.110.14.214'));
    await world.stop();
    world.dnsAnswers = Promise.resolve();
    world.start({ SCREENPASS_SENDERS: 'amazon-ses,salesforce,sendgrid' });
    await world.eventually('it is loaded', () => world.told('reload-done').length === 2);
    expect(world.told('sender-refused').map(({ client }) => client)).toEqual([
      '54.240.27.75',
      '13.110.14.214',
    ]);
    await world.stop();
    expect(JSON.parse(await readFile(world.stateFile, 'utf8')).questions).toEqual([]);
  });
});

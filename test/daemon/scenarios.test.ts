import { describe, expect, it } from 'vitest';
import { World } from '../double/world.ts';

/** What users of docker-mailserver reported, one scenario each; the issue where it was reported stands behind it. */

const HOST = '2026-11-24T02:00:00.000001+00:00 mail postfix/';

async function following(env: Record<string, string> = {}): Promise<World> {
  const world = await World.following(env);
  await world.eventually('the table is there', async () => (await world.readTable().catch(() => '')) !== '');
  return world;
}

/** The log in the mail container's own words. */
function say(world: World, ...lines: readonly string[]): void {
  for (const line of lines) world.engine.say('stdout', line);
}

/** All kinds of alerts but the usual ones of a daemon that runs. */
function kinds(world: World): string[] {
  return world.alerts.map(({ alert }) => alert).filter((kind) => kind !== 'started');
}

/** The lines before have been handled when this one has. */
async function settled(world: World): Promise<void> {
  const before = world.told('sender-refused').length;
  await world.connect('209.85.128.77');
  await world.alert('sender-refused', before + 1);
}

describe('a refusal behind postscreen changes nothing and names the setting', () => {
  it.each([
    [
      'no reverse name (docker-mailserver 2970)',
      'smtpd[1]: NOQUEUE: reject: RCPT from unknown[54.240.85.218]: 450 4.7.25 Client host rejected: cannot find your hostname, [54.240.85.218]; from=<0101@us-west-2.amazonses.com> to=<u@example.test> proto=ESMTP helo=<a85-218.smtp-out.amazonses.com>',
      'client-hostname',
      'POSTFIX_REJECT_UNKNOWN_CLIENT_HOSTNAME',
    ],
    [
      'Postgrey (docker-mailserver 3945)',
      'smtpd[1]: NOQUEUE: reject: RCPT from a10-219.smtp-out.amazonses.com[54.240.10.219]: 450 4.2.0 <u@example.test>: Recipient address rejected: Delayed by Postgrey; from=<0101@amazonses.com> to=<u@example.test> proto=ESMTP helo=<a10-219.smtp-out.amazonses.com>',
      'postgrey',
      'ENABLE_POSTGREY',
    ],
    [
      "smtpd's own DNSBL (docker-mailserver 4318)",
      'smtpd[1]: NOQUEUE: reject: RCPT from a27-75.smtp-out.amazonses.com[54.240.27.75]: 554 5.7.1 Service unavailable; Client host [54.240.27.75] blocked using zen.spamhaus.org; from=<0101@amazonses.com> to=<u@example.test> proto=ESMTP helo=<a27-75.smtp-out.amazonses.com>',
      'smtpd-dnsbl',
      'reject_rbl_client',
    ],
  ])('%s', async (_, line, gate, setting) => {
    await using world = await following();
    const before = await world.readTable();
    say(world, `${HOST}${line}`);
    const alert = await world.alert('other-gate');
    expect(alert).toMatchObject({ sender: 'amazon-ses', gate });
    expect(alert.remedy).toContain(setting);
    await world.pass(20_000);
    expect(await world.readTable()).toBe(before);
    expect(kinds(world)).toEqual(['other-gate']);
  });
});

it('many senders refused by one DNSBL, Gmail included, are one alert (docker-mailserver 2889)', async () => {
  await using world = await following();
  for (const ip of ['54.240.27.75', '167.89.93.77', '209.85.128.1', '199.15.212.1', '54.240.27.76'])
    await world.connect(ip);
  await world.alert('sender-refused', 5);
  expect(world.told('dnsbl-fault')).toHaveLength(1);
});

it('a client that Docker’s network hides is told, and nothing is allowed (docker-mailserver 2066)', async () => {
  await using world = await following();
  const before = await world.readTable();
  await world.connect('172.22.0.1', { helo: 'b224-1.smtp-out.eu-central-1.amazonses.com' });
  await world.alert('clients-hidden');
  await world.pass(20_000);
  expect(kinds(world)).toEqual(['clients-hidden']);
  expect(await world.readTable()).toBe(before);
});

it('an address of nobody with the HELO of amazonses.com opens nothing', async () => {
  await using world = await following();
  const before = await world.readTable();
  await world.connect('203.0.113.9', { helo: 'a8-1.smtp-out.amazonses.com', from: 'x@amazonses.com' });
  await world.connect('185.199.108.9', { helo: 'a8-1.smtp-out.amazonses.com', from: 'x@amazonses.com' });
  await world.until('it was asked about', () => world.questions.includes('PTR 185.199.108.9'));
  await world.pass(20_000);
  expect(kinds(world)).toEqual([]);
  expect(await world.readTable()).toBe(before);
});

const SESSION = [
  'postscreen[9]: CONNECT from [54.240.27.75]:58839 to [192.0.2.1]:25',
  'dnsblog[9]: addr 54.240.27.75 listed by domain zen.spamhaus.org as 127.0.0.2',
  'postscreen[9]: DNSBL rank 3 for [54.240.27.75]:58839',
  'postscreen[9]: NOQUEUE: reject: RCPT from [54.240.27.75]:58839: 550 5.7.1 Service unavailable; client [54.240.27.75] blocked using zen.spamhaus.org; from=<a@amazonses.com>, to=<u@example.test>, proto=ESMTP, helo=<a27-75.smtp-out.amazonses.com>',
  'postscreen[9]: DISCONNECT [54.240.27.75]:58839',
];

it('lines that supervisord prints twice count once (docker-mailserver 4313)', async () => {
  await using world = await following({ SCREENPASS_THRESHOLD: '3' });
  const lines = SESSION.map((line) => `${HOST}${line}`);
  say(
    world,
    ...lines.flatMap((line) => [line, `2026-11-24 02:00:00,000 DEBG 'mailserver' stdout output: ${line}`]),
  );
  await settled(world);
  expect(world.told('sender-refused').map(({ sender }) => sender)).toEqual(['amazon-ses', 'google']);
});

describe('the same events in the wording of any version are the same', () => {
  const VARIANTS: readonly (readonly [string, (line: string) => string])[] = [
    ['RFC 3339 stamps', (line) => `${HOST}${line}`],
    ['classic stamps', (line) => `Nov 24 02:00:00 mail postfix/${line}`],
    ['a syslog name', (line) => `${HOST}smtpd-proxyprotocol/${line}`],
    ['WHITELISTED for ALLOWLISTED', (line) => `${HOST}${line.replace('ALLOWLISTED', 'WHITELISTED')}`],
  ];

  it.each(VARIANTS)('%s', async (_, written) => {
    await using world = await following();
    say(world, ...SESSION.map(written));
    await world.alert('reload-done');
    world.clock.advance(42_000);
    say(
      world,
      written('postscreen[9]: CONNECT from [54.240.10.219]:4 to [192.0.2.1]:25'),
      written('postscreen[9]: ALLOWLISTED [54.240.10.219]:4'),
    );
    expect(await world.alert('sender-recovered')).toMatchObject({ client: '54.240.10.219', seconds: 42 });
    expect(kinds(world)).toEqual(['sender-refused', 'sender-allowed', 'reload-done', 'sender-recovered']);
    expect(world.told('sender-refused')).toMatchObject([
      { client: '54.240.27.75', gate: 'dnsbl', code: 550, zones: ['zen.spamhaus.org'], decision: 'allow' },
    ]);
  });
});

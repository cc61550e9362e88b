import { describe, expect, it } from 'vitest';
import { World } from '../double/world.ts';

const DAY = 86_400_000;
/** One address each of four watched senders that have nothing to do with each other. */
const UNRELATED = ['54.240.27.75', '167.89.93.77', '209.85.128.1', '199.15.212.1'];

describe('a DNSBL that refuses everybody', () => {
  it('is told once, and the entries that it made live one day', async () => {
    await using world = await World.following();
    for (const ip of UNRELATED) await world.connect(ip);
    expect(await world.alert('dnsbl-fault')).toMatchObject({
      zone: 'zen.spamhaus.org',
      reason: expect.stringMatching(/refused 4 unrelated senders .*amazon-ses, google, marketo, sendgrid/),
    });
    await world.connect('54.240.27.76');
    await world.until('five refusals are told', () => world.told('sender-refused').length === 5);
    expect(world.told('dnsbl-fault')).toHaveLength(1);
    await world.eventually('all is loaded', () => world.told('reload-done').at(-1)?.senders.length === 4);
    world.quiet(DAY);
    expect(world.told('entry-expired').map(({ sender }) => sender)).toEqual([
      'amazon-ses',
      'google',
      'marketo',
      'sendgrid',
    ]);
  });

  it('is told at the first answer from the range of errors, with what the zone means by it', async () => {
    await using world = await World.following();
    const line = 'addr 198.51.100.7 listed by domain Zen.Spamhaus.org as 127.255.255.254';
    world.mail.log('dnsblog', 912, line);
    world.mail.log('dnsblog', 912, line.replace('100.7', '100.8'));
    expect(await world.alert('dnsbl-fault')).toMatchObject({
      zone: 'zen.spamhaus.org',
      reason: expect.stringContaining('public resolver'),
      remedy: expect.stringContaining('its own resolver'),
    });
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    expect(world.told('dnsbl-fault')).toHaveLength(1);
    world.quiet(DAY);
    await world.alert('entry-expired');
  });

  it('is over when nothing was seen of it for an hour: then entries live as usual, and the next fault is told', async () => {
    await using world = await World.following();
    const line = 'addr 198.51.100.7 listed by domain zen.spamhaus.org as 127.255.255.255';
    world.mail.log('dnsblog', 912, line);
    await world.alert('dnsbl-fault');
    world.clock.advance(3_600_001);
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    world.mail.log('dnsblog', 912, line);
    await world.alert('dnsbl-fault', 2);
    world.quiet(DAY);
    expect(world.told('entry-expired')).toEqual([]);
  });

  it('is not a zone that refuses three senders, nor four in an hour', async () => {
    await using world = await World.following();
    for (const ip of UNRELATED) {
      await world.connect(ip);
      world.clock.advance(4 * 60_000);
    }
    await world.until('all refusals are told', () => world.told('sender-refused').length === 4);
    expect(world.told('dnsbl-fault')).toEqual([]);
  });
});

describe('clients that a gateway hides', () => {
  it('are told at the first refusal of the gateway, and nothing is allowed', async () => {
    await using world = await World.following();
    await world.connect('172.22.0.1', { helo: 'b224-1.smtp-out.eu-central-1.amazonses.com' });
    await world.connect('172.22.0.1', { helo: 'b224-1.smtp-out.eu-central-1.amazonses.com' });
    expect(await world.alert('clients-hidden')).toMatchObject({
      client: '172.22.0.1',
      remedy: expect.stringContaining('userland proxy'),
    });
    await world.connect('54.240.27.75');
    await world.alert('sender-refused');
    expect(world.told('clients-hidden')).toHaveLength(1);
    expect(world.told('sender-refused').map(({ client }) => client)).toEqual(['54.240.27.75']);
    expect(world.questions.filter((one) => one.includes('172.22'))).toEqual([]);
    await world.alert('reload-done');
    expect(await world.readTable()).not.toContain('172.');
  });

  it('are reported when only the gateway passes, twenty times in a row, and no other client for an hour', async () => {
    await using world = await World.following();
    for (let i = 0; i < 19; i += 1) await world.connect('172.22.0.1', { listed: [] });
    await world.connect('54.240.27.75');
    await world.alert('sender-refused');
    for (let i = 0; i < 20; i += 1) await world.connect('172.22.0.1', { listed: [] });
    await world.connect('54.240.27.76');
    await world.alert('sender-refused', 2);
    expect(world.told('clients-hidden')).toEqual([]);
    world.clock.advance(3_600_001);
    for (let i = 0; i < 20; i += 1) await world.connect('172.22.0.1', { listed: [] });
    await world.alert('clients-hidden');
  });

  it('of one family are reported as such, since the others are seen', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.connect('172.22.0.1');
    await world.connect('172.18.0.1');
    expect(await world.alert('clients-hidden')).toMatchObject({ client: '172.18.0.1', family: 'IPv6' });
    for (let i = 0; i < 40; i += 1) await world.connect(i % 2 === 0 ? '172.18.0.1' : '54.240.27.76');
    await world.connect('2a01:111:f403::1', { listed: [] });
    expect(await world.alert('clients-visible')).toMatchObject({ family: 'IPv6' });
    expect(world.told('clients-hidden')).toHaveLength(1);
  });
});

describe('an entry that does not help', () => {
  it('is told once, with the reason, until the sender gets through', async () => {
    await using world = await World.openedInVain();
    await world.connect('54.240.27.76');
    await world.connect('54.240.27.77');
    expect(await world.alertLater('sender-still-refused')).toMatchObject({
      sender: 'amazon-ses',
      client: '54.240.27.77',
      why: expect.stringContaining('master.cf'),
    });
    await world.until('all refusals are told', () => world.told('sender-refused').length === 3);
    expect(world.told('sender-still-refused')).toHaveLength(1);
    world.mail.wiring = 'wired';
    world.mail.idle();
    expect(await world.connect('54.240.27.75')).toBe('allowlisted');
    await world.alert('sender-recovered');
    world.mail.wiring = 'not-wired';
    world.mail.idle();
    world.clock.advance(3_600_000);
    await world.connect('54.240.27.76');
    await world.alertLater('sender-still-refused', 2);
    expect(new Set(world.told('sender-still-refused').map(({ id }) => id)).size).toBe(2);
  });

  it.each([
    [
      'NOQUEUE: reject: RCPT from [54.240.27.76]:5: 550 5.3.2 Service currently unavailable; from=<a@b>, to=<c@d>, proto=ESMTP, helo=<e>',
      'a reject rule of yours',
    ],
    ['NOQUEUE: reject: CONNECT from [54.240.27.76]:5: too many connections', 'too busy'],
  ])('is told with what stands above it: %s', async (line, why) => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    world.clock.advance(10_000);
    world.mail.log('postscreen', 911, 'CONNECT from [54.240.27.76]:5 to [192.0.2.1]:25');
    world.mail.log('postscreen', 911, line);
    expect(await world.alertLater('sender-still-refused')).toMatchObject({
      why: expect.stringContaining(why),
    });
  });

  it('is not told of a session that began before Postfix used it', async () => {
    await using world = await World.following();
    world.mail.log('postscreen', 911, 'CONNECT from [54.240.27.76]:5 to [192.0.2.1]:25');
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    world.clock.advance(10_000);
    world.mail.log('postscreen', 911, 'DNSBL rank 3 for [54.240.27.76]:5');
    world.mail.log('postscreen', 911, 'DISCONNECT [54.240.27.76]:5');
    await world.alert('sender-refused', 2);
    expect(world.told('sender-still-refused')).toEqual([]);
  });

  it('is not told of another network of the sender that the entry does not open', async () => {
    await using world = await World.following({ SCREENPASS_SCOPE: 'address' });
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    world.clock.advance(20_000);
    await world.connect('54.240.27.76');
    await world.alert('sender-refused', 2);
    expect(world.told('sender-still-refused')).toEqual([]);
  });
});

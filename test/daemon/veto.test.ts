import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import type { ZoneFault } from '../double/dns-zone.ts';
import { SALESFORCE_ZONE } from '../double/salesforce-zone.ts';
import { World } from '../double/world.ts';

const MINUTE = '* * * * *';
const DAY = 86_400_000;
const ZONE = 'drop.example.org';

const reversed = (ip: string) => ip.split('.').reverse().join('.');

/** The veto zone lists these; a fault in place of its answers. */
function listing(ips: readonly string[], answer: readonly string[] | ZoneFault = ['127.0.0.2']) {
  return Object.fromEntries(ips.map((ip) => [`${reversed(ip)}.${ZONE}`, { A: answer }]));
}

const following = (env: Record<string, string> = {}) =>
  World.following({ SCREENPASS_VETO_DNSBL: ZONE, SCREENPASS_SENDERS: 'amazon-ses,salesforce', ...env });

async function quiet(world: World): Promise<void> {
  for (let seen = -1; seen !== world.questions.length; ) {
    seen = world.questions.length;
    for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
  }
}

/** Whether Postfix, with the table as it is, lets the address in. */
async function isIn(world: World, ip: string): Promise<boolean> {
  return (await world.connect(ip, { listed: [] })) === 'allowlisted';
}

it('an address that a veto zone lists is not opened, though postscreen asked other zones', async () => {
  await using world = await following();
  world.zone = listing(['54.240.27.75']);
  await world.connect('54.240.27.75');
  expect(await world.alert('sender-refused')).toMatchObject({
    decision: 'wait',
    reason: expect.stringContaining('SCREENPASS_VETO_DNSBL'),
  });
  expect(await world.alert('sender-vetoed')).toMatchObject({
    ...{ sender: 'amazon-ses', client: '54.240.27.75', zone: ZONE },
  });
  await quiet(world);
  expect(world.told('sender-allowed')).toEqual([]);
  expect(await world.ask('list')).toMatchObject({ result: [] });
  await world.connect('54.240.27.75');
  expect(await world.alert('sender-refused', 2)).toMatchObject({ decision: 'refuse' });
});

it('the entry of its sender leaves it out, whichever came first', async () => {
  await using world = await following();
  world.zone = listing(['54.240.27.75', '54.240.27.90']);
  await world.connect('54.240.27.75');
  await world.alert('sender-vetoed');
  await world.connect('54.240.27.76');
  await world.alert('reload-done');
  expect(await isIn(world, '54.240.27.77')).toBe(true);
  expect(await isIn(world, '54.240.27.75')).toBe(false);
  expect(await isIn(world, '54.240.27.90')).toBe(true);
  expect(await world.alert('sender-vetoed', 2)).toMatchObject({ client: '54.240.27.90' });
  await world.eventually('it is loaded', () => world.told('reload-done').length === 2);
  expect(await isIn(world, '54.240.27.90')).toBe(false);
  expect(await world.ask('status')).toMatchObject({ result: { vetoed: 2 } });
});

it('one that only postscreen knows as listed is left out as well', async () => {
  await using world = await following();
  world.zone = listing(['54.240.27.75'], 'SERVFAIL');
  await world.connect('54.240.27.75', { listed: [ZONE] });
  expect(await world.alert('sender-refused')).toMatchObject({ decision: 'refuse' });
  await world.connect('54.240.27.76');
  await world.alert('reload-done');
  expect(await isIn(world, '54.240.27.75')).toBe(false);
  expect(await isIn(world, '54.240.27.76')).toBe(true);
});

it('a zone that does not answer opens nothing, is reported, and is asked until it does', async () => {
  await using world = await following();
  world.zone = listing(['54.240.27.76'], 'SERVFAIL');
  await world.connect('54.240.27.76');
  await world.alert('sender-refused');
  for (let minute = 1; minute <= 3; minute += 1) {
    await quiet(world);
    world.clock.advance(60_000);
    world.clock.runJob(MINUTE);
  }
  expect(await world.alert('veto-unanswered')).toMatchObject({ zone: ZONE });
  expect(world.told('sender-allowed')).toEqual([]);
  await world.stop();
  expect(JSON.parse(await readFile(world.stateFile, 'utf8')).vetoQuestions).toHaveLength(1);
  world.zone = {};
  world.start({ SCREENPASS_VETO_DNSBL: ZONE, SCREENPASS_SENDERS: 'amazon-ses,salesforce' });
  await world.eventually('a minute is over', async () => {
    world.clock.advance(20_000);
    await world.until('it follows', () => world.engine.followers > 0);
    world.clock.runJob(MINUTE);
    await quiet(world);
    return world.told('sender-allowed').length === 1;
  });
  await world.alert('veto-answered');
});

it.each([
  '127.255.255.254',
  '198.51.100.7',
])('an answer %s is no listing and no "not listed"', async (answer) => {
  await using world = await following();
  world.zone = listing(['54.240.27.76'], [answer]);
  await world.connect('54.240.27.76');
  await world.alert('sender-refused');
  await quiet(world);
  expect([world.told('sender-allowed'), world.told('sender-vetoed')]).toEqual([[], []]);
  expect(await world.ask('status')).toMatchObject({ result: { questions: 1, vetoed: 0 } });
});

it('a vetoed address is asked about again each day, and returns when no zone lists it', async () => {
  await using world = await following();
  world.zone = listing(['54.240.27.75']);
  await world.connect('54.240.27.75');
  await world.alert('sender-vetoed');
  await world.connect('54.240.27.76');
  await world.alert('reload-done');
  world.zone = {};
  world.clock.advance(DAY - 60_000);
  world.clock.runJob(MINUTE);
  await quiet(world);
  expect(world.told('veto-ended')).toEqual([]);
  world.clock.advance(120_000);
  world.clock.runJob(MINUTE);
  expect(await world.alert('veto-ended')).toMatchObject({ client: '54.240.27.75', zone: ZONE });
  await world.eventually('it is loaded', () => world.told('reload-done').length === 2);
  expect(await isIn(world, '54.240.27.75')).toBe(true);
});

it('an address that its SPF record proves is asked about as well', async () => {
  await using world = await following();
  world.zone = { ...SALESFORCE_ZONE, ...listing(['13.110.14.214']) };
  await world.connect('13.110.14.214');
  expect(await world.alert('sender-vetoed')).toMatchObject({ sender: 'salesforce', client: '13.110.14.214' });
  await quiet(world);
  expect(world.told('sender-allowed')).toEqual([]);
});

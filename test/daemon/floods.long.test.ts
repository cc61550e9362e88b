import { statSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { LogLine } from '../../src/core/log/log-line.ts';
import type { State } from '../../src/core/state/state.ts';
import { OPENED, type Ports } from '../../src/ports.ts';
import { World } from '../double/world.ts';

const HOST = '2026-11-24T02:00:00.000001+00:00 mail postfix/';

/** A session that postscreen refuses, in the mail container's own words. */
function refused(world: World, ip: string, port: number): void {
  const [at, to] = [`[${ip}]:${port}`, '[172.18.0.5]:25'];
  const reply = `550 5.7.1 Service unavailable; client [${ip}] blocked using zen.spamhaus.org`;
  for (const text of [
    `CONNECT from ${at} to ${to}`,
    `DNSBL rank 3 for ${at}`,
    `NOQUEUE: reject: RCPT from ${at}: ${reply}; from=<a@b.c>, to=<d@e.f>, proto=ESMTP, helo=<g${port}.h>`,
    `DISCONNECT ${at}`,
  ])
    world.engine.say('stdout', `${HOST}postscreen[910]: ${text}`);
}

function refusedLater(world: World, ip: string): void {
  const reply = `450 4.7.25 Client host rejected: cannot find your hostname, [${ip}]`;
  const rest = 'from=<a@b.c> to=<d@e.f> proto=ESMTP helo=<g.h>';
  world.engine.say(
    'stdout',
    `${HOST}smtpd[1038]: NOQUEUE: reject: RCPT from unknown[${ip}]: ${reply}; ${rest}`,
  );
}

async function saved(world: World): Promise<State> {
  return JSON.parse(await readFile(world.stateFile, 'latin1'));
}

describe('10,000 refusals in a minute', () => {
  it('of one sender are told one by one at first, then in one line, and mute nothing else', async () => {
    await using world = await World.following();
    for (let port = 1; port <= 10_000; port += 1) refused(world, '54.240.27.75', port);
    refused(world, '74.125.82.41', 1);
    await world.alert('sender-refused', 61);
    expect(world.told('sender-refused').at(-1)).toMatchObject({ sender: 'google' });
    expect(world.told('sender-allowed').length + world.told('sender-refused').length).toBeLessThan(70);
    world.clock.advance(60_000);
    world.clock.runJob('* * * * *');
    const told = world.told('sender-refused');
    expect(told.at(-1)).toMatchObject({ sender: 'amazon-ses', count: 9_940 });
    expect(told.every(({ count }, i) => i === told.length - 1 || count === undefined)).toBe(true);
    expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
    await world.stop();
    expect((await saved(world)).days['2026-11-24']?.refusals).toEqual({
      'amazon-ses': { dnsbl: 10_000 },
      google: { dnsbl: 1 },
    });
  });
});

describe('what waits to be told', () => {
  it('is told by the next process when this one is killed', async () => {
    await using world = await World.following();
    for (let i = 1; i <= 3; i += 1) refusedLater(world, `54.240.27.${i}`);
    for (let port = 1; port <= 70; port += 1) refused(world, '54.240.27.75', port);
    await world.eventually('it is saved', async () => {
      const { otherGates = [], bursts = [] } = await saved(world).catch(() => ({}) as Partial<State>);
      return otherGates[0]?.waiting?.count === 2 && bursts[0]?.waiting?.count === 10;
    });
    const copy = `${world.stateFile}.copy`;
    await copyFile(world.stateFile, copy);
    await world.stop();
    // As a kill leaves it: without what the stop told and saved.
    await copyFile(copy, world.stateFile);
    world.alerts.length = 0;

    world.start();
    await world.until('it follows', () => world.engine.followers > 0);
    world.clock.advance(60_000);
    world.clock.runJob('* * * * *');
    world.clock.advance(3_600_000);
    world.clock.runJob('17 * * * *');
    expect(world.told('sender-refused')).toMatchObject([{ sender: 'amazon-ses', count: 10 }]);
    expect(world.told('other-gate')).toMatchObject([{ gate: 'client-hostname', count: 2 }]);
  });
});

describe('the digest', () => {
  it('comes when it is due, once for each day, also when its time came while nobody ran', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    await world.connect('54.240.27.76');
    await world.alert('sender-recovered');
    world.clock.advance(86_400_000);
    world.clock.runJob('23 6 * * *');
    world.clock.runJob('23 6 * * *');
    expect(world.told('digest')).toMatchObject([
      {
        ...{ from: '2026-11-24', to: '2026-11-24', id: '2026-11-24 2026-11-24' },
        refusals: { 'amazon-ses': { dnsbl: 1 } },
        recovered: { 'amazon-ses': 1 },
        zones: { 'zen.spamhaus.org': 1 },
      },
    ]);
    await world.stop();
    world.clock.advance(3 * 86_400_000);
    world.start();
    await world.alert('digest', 2);
    expect(world.told('digest')[1]).toMatchObject({ from: '2026-11-25', to: '2026-11-27', refusals: {} });
  });

  it('can be switched off', async () => {
    await using world = await World.following({ SCREENPASS_DIGEST: 'off' });
    await world.alert('started');
    expect(() => world.clock.runJob('23 6 * * *')).toThrow();
  });
});

const STAMP = '2026-11-24T02:00:00';
const SESSIONS = 20_000;
/** So many sessions to one of Amazon SES. */
const WATCHED = 100;

/** The nth session: of another client each, with a HELO of its own, refused and with an end. */
function session(n: number): LogLine[] {
  const host = `${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
  const ip = n % WATCHED === 0 ? `54.240.${(n >> 8) & 127}.${n & 255}` : `11.${host}`;
  const client = `[${ip}]:${20_000 + (n % 40_000)}`;
  return [
    `postscreen[910]: CONNECT from ${client} to [192.0.2.25]:25`,
    `dnsblog[911]: addr ${ip} listed by domain zen.spamhaus.org as 127.0.0.2`,
    `postscreen[910]: DNSBL rank 3 for ${client}`,
    `postscreen[910]: NOQUEUE: reject: RCPT from ${client}: 550 5.7.1 Service unavailable; client [${ip}] blocked using zen.spamhaus.org; from=<a${n}@b.example>, to=<u@example.test>, proto=ESMTP, helo=<h${n}.example>`,
    `postscreen[910]: DISCONNECT ${client}`,
    `smtpd[912]: connect from h${n}.example[${ip}]`,
  ].map((message) => ({
    stream: 'stdout',
    stamp: `${STAMP}.${String(n).padStart(9, '0')}Z`,
    text: `${STAMP}.000000+00:00 mail postfix/${message}`,
  }));
}

/** An Engine whose log is the flood, and that has read it when `read` is called. */
function flooding(read: () => void): Ports['engine'] {
  const container = {
    id: 'c1',
    run: '1',
    tty: false,
    logDriver: 'json-file',
    networks: [],
    mounts: [],
    gateways: [],
  };
  return {
    inspect: async () => ({ kind: 'running', container }),
    async *follow(_container, _since, signal) {
      yield OPENED;
      for (let n = 0; n < SESSIONS; n += 100) {
        yield Array.from({ length: 100 }, (_, i) => session(n + i)).flat();
        await new Promise((done) => setImmediate(done));
      }
      read();
      await new Promise((done) => signal.addEventListener('abort', done, { once: true }));
    },
    lastLines: async () => [],
    exec: async () => ({ exitCode: 0, stdout: '', stderr: '' }),
  };
}

it('a flood of strangers asks DNS little, tells nothing of them and saves little, and no refusal of a sender is lost in it', async () => {
  await using world = await World.create();
  let isRead = false;
  // Nobody answers until all is read: what waits must be bounded, too.
  let answer = () => {};
  world.dnsAnswers = new Promise((done) => {
    answer = done;
  });
  const engine = flooding(() => {
    isRead = true;
  });
  world.start({ SCREENPASS_MODE: 'observe' }, { engine });
  await world.until('the flood is read', () => isRead);
  const asked = () => new Set(world.questions.filter((one) => one.startsWith('PTR '))).size;
  expect(asked()).toBe(50);
  answer();
  expect(world.told('sender-refused')).toHaveLength(60);
  expect(world.told('sender-refused').every(({ sender }) => sender === 'amazon-ses')).toBe(true);
  await world.alert('sender-allowed');
  const others = world.alerts.filter(({ alert }) => alert !== 'sender-refused');
  expect(others.length).toBeLessThan(60);
  await world.stop();
  const refusals = world.told('sender-refused').reduce((sum, { count = 1 }) => sum + count, 0);
  expect(refusals).toBe(SESSIONS / WATCHED);
  expect((await saved(world)).days['2026-11-24']?.strangers).toBe(SESSIONS - SESSIONS / WATCHED);
  expect(statSync(world.stateFile).size).toBeLessThan(100_000);
});

it('of strangers who come one after the other, so many are asked about in a minute and no more', async () => {
  await using world = await World.create();
  let isRead = false;
  const engine = flooding(() => {
    isRead = true;
  });
  world.start({ SCREENPASS_MODE: 'observe' }, { engine });
  await world.until('the flood is read', () => isRead);
  const asked = world.questions.filter((one) => one.startsWith('PTR ')).length;
  expect(asked).toBeGreaterThan(50);
  expect(asked).toBeLessThanOrEqual(120);
});

import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type LogLine, OPENED, type Ports } from '../src/ports.ts';
import { World } from './double/world.ts';

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
  const container = { id: 'c1', run: '1', tty: false, logDriver: 'json-file', networks: [], mounts: [] };
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
  expect(world.told('sender-refused')).toHaveLength(SESSIONS / WATCHED);
  expect(world.told('sender-refused').every(({ sender }) => sender === 'amazon-ses')).toBe(true);
  await world.alert('sender-allowed');
  const others = world.alerts.filter(({ alert }) => alert !== 'sender-refused');
  expect(others.length).toBeLessThan(60);
  await world.stop();
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

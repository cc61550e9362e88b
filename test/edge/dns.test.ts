import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readName } from '../../src/core/dns/dns-name.ts';
import { createResolver } from '../../src/edge/dns.ts';
import { startDnsServer } from '../double/dns-server.ts';

const LONG = 'x'.repeat(700);
const zone = {
  'example.test': { TXT: ['v=spf1 -all'], A: ['192.0.2.1'] },
  'long.test': { TXT: [LONG] },
  'servfail.test': 'SERVFAIL',
} as const;

const CANCELLED = { kind: 'failed', reason: 'cancelled' };

/** Looks again whenever the world may have moved. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((done) => setImmediate(done));
}

it('shares one lookup among equal questions, while it is under way', async () => {
  await using dns = await startDnsServer({ zone, delayMs: 50 });
  const { txt, a } = createResolver({ servers: [dns.server] });
  const names = ['example.test', 'Example.TEST', 'example.test.'];
  const answers = await Promise.all([...names.map(txt), a('example.test')]);
  const spf = { kind: 'found', records: ['v=spf1 -all'] };
  expect(answers).toEqual([spf, spf, spf, { kind: 'found', records: ['192.0.2.1'] }]);
  expect(dns.count('TXT', 'example.test')).toBe(1);
  expect(dns.count('A', 'example.test')).toBe(1);
  await txt('example.test');
  expect(dns.count('TXT', 'example.test')).toBe(2);
});

it('keeps no failure: the next question asks again', async () => {
  await using dns = await startDnsServer({ zone });
  const { txt } = createResolver({ servers: [dns.server] });
  const twice = [await txt('servfail.test'), await txt('servfail.test')];
  expect(twice).toEqual(Array(2).fill({ kind: 'failed', reason: 'servfail' }));
  expect(dns.count('TXT', 'servfail.test')).toBe(2);
});

it('has no more questions under way than it may, and asks the others in order', async () => {
  await using dns = await startDnsServer({ zone, delayMs: 20 });
  const { txt } = createResolver({ servers: [dns.server], concurrency: 3 });
  const names = Array.from({ length: 10 }, (_, i) => `n${i}.test`);
  expect(await Promise.all(names.map(txt))).toEqual(Array(10).fill({ kind: 'no-name' }));
  expect(dns.mostAtOnce).toBe(3);
  const order = dns.asked.map((line) => Number(/\d+/.exec(line)?.[0]));
  for (const [place, number] of order.entries()) expect(Math.abs(place - number)).toBeLessThan(3);
});

it('asks again over TCP for an answer that is too long for UDP', async () => {
  await using dns = await startDnsServer({ zone });
  const { txt } = createResolver({ servers: [dns.server] });
  expect(await txt('long.test')).toEqual({ kind: 'found', records: [LONG] });
  expect(dns.asked).toEqual(['udp TXT long.test', 'tcp TXT long.test']);
});

it('is unreachable when the server is gone, and finds it when it is back', async () => {
  const dns = await startDnsServer({ zone });
  const { txt } = createResolver({ servers: [dns.server] });
  await dns.close();
  expect(await txt('example.test')).toEqual({ kind: 'failed', reason: 'unreachable' });
  await using _again = await startDnsServer({ zone, port: Number(dns.server.split(':')[1]) });
  expect(await txt('example.test')).toMatchObject({ kind: 'found' });
});

it('asks the second server when the first is gone', async () => {
  const gone = await startDnsServer({ zone });
  await gone.close();
  await using dns = await startDnsServer({ zone });
  const { txt } = createResolver({ servers: [gone.server, dns.server] });
  expect(await txt('example.test')).toMatchObject({ kind: 'found' });
});

it('waits for a slow answer after many quick ones', async () => {
  // Quick answers teach c-ares to give up early: a resolver that is kept is down to a second here.
  await using quick = await startDnsServer({ zone });
  const resolver = createResolver({ servers: [quick.server], tries: 1, timeoutMs: 4_000 });
  for (let i = 0; i < 20; i += 1) await resolver.txt(`n${i}.test`);
  await quick.close();
  const port = Number(quick.server.split(':')[1]);
  await using _slow = await startDnsServer({ zone, port, delayMs: 1_500 });
  expect(await resolver.txt('example.test')).toMatchObject({ kind: 'found' });
});

it('ends lookups under way and in the queue when it is told to stop, and asks nothing more', async () => {
  await using dns = await startDnsServer({ zone, delayMs: 600_000 });
  const stop = new AbortController();
  const { txt, ptr } = createResolver({ servers: [dns.server], concurrency: 2, signal: stop.signal });
  const names = ['example.test', 'EXAMPLE.test', 'long.test', 'n1.test', 'n2.test', 'n3.test'];
  const answers = Promise.all([...names.map(txt), ptr('192.0.2.1')]);
  await until(() => dns.asked.length === 2);
  stop.abort();
  expect(await Promise.all([txt('n1.test'), txt('n4.test'), ptr('192.0.2.2')])).toEqual(
    Array(3).fill(CANCELLED),
  );
  expect(await answers).toEqual(Array(7).fill(CANCELLED));
  expect(await txt('n5.test')).toEqual(CANCELLED);
  expect(dns.asked).toEqual(['udp TXT example.test', 'udp TXT long.test']);
});

it('ends a lookup that waits for its answer over TCP, too', async () => {
  await using dns = await startDnsServer({ zone, delayMs: 50 });
  const stop = new AbortController();
  const { txt } = createResolver({ servers: [dns.server], signal: stop.signal });
  const answer = txt('long.test');
  await until(() => dns.asked.includes('tcp TXT long.test'));
  stop.abort();
  expect(await answer).toEqual(CANCELLED);
});

it('asks nothing when it was told to stop before', async () => {
  await using dns = await startDnsServer({ zone });
  const { txt } = createResolver({ servers: [dns.server], signal: AbortSignal.abort() });
  expect(await txt('example.test')).toEqual(CANCELLED);
  expect(dns.asked).toEqual([]);
});

it('asks nothing for names that cannot be asked', async () => {
  await using dns = await startDnsServer({ zone });
  const { a, ptr } = createResolver({ servers: [dns.server] });
  await Promise.all([a(''), a('a..test'), a('a b.test'), ptr('no address')]);
  expect(dns.asked).toEqual([]);
});

it('asks for the very name that it was given, or for none', async () => {
  await using dns = await startDnsServer({ zone: {} });
  const { txt } = createResolver({ servers: [dns.server] });
  const label = fc.oneof(
    fc.stringMatching(/^[a-zA-Z0-9_*/-]{1,10}$/),
    fc.stringMatching(/^[xX][nN]--[a-zA-Z0-9-]{0,8}$/),
    fc.string({ unit: 'grapheme', maxLength: 5 }),
    fc.constantFrom('a'.repeat(63), `xn--${'a'.repeat(59)}`, '', '\\045', '%2e', '1', '0x7f'),
  );
  const names = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join('.'));
  await fc.assert(
    fc.asyncProperty(names, async (name) => {
      const before = dns.asked.length;
      const answer = await txt(name);
      const readable = readName(name);
      const expected = readable.kind === 'name' ? [`udp TXT ${readable.name}`] : [];
      expect(dns.asked.slice(before)).toEqual(expected);
      expect(answer).toEqual(readable.kind === 'name' ? { kind: 'no-name' } : readable);
    }),
    { numRuns: 500 },
  );
});

it.each(['127.0.0.1:0', 'dns.example', 'fe80::1%eth0'])('throws on the server %s', (server) => {
  expect(() => createResolver({ servers: [server] })).toThrow(TypeError);
});

it('throws on a timeout or a number of tries that Node does not take', () => {
  expect(() => createResolver({ servers: [], timeoutMs: 0.5 })).toThrow(RangeError);
  expect(() => createResolver({ servers: [], tries: 0 })).toThrow(RangeError);
});

import { describe, expect, it } from 'vitest';
import type { Resolver } from '../../src/core/dns/resolver.ts';
import { createResolver } from '../../src/edge/dns.ts';
import { publishedTexts } from '../corpus/spf/published.ts';
import { hasDnsmasq, startDnsmasq, txtOption } from '../double/dns-dnsmasq.ts';

const LONG = 'v=spf1 '.padEnd(1_400, 'ip4:192.0.2.1 ');
const OPTIONS = [
  '--local=/example.test/2.0.192.in-addr.arpa/',
  txtOption('example.test', 'v=spf1 mx exists:%{i}._spf.%{d} -all'),
  txtOption('example.test', 'another'),
  txtOption('long.example.test', LONG),
  '--host-record=mx.example.test,192.0.2.1,2001:db8::1',
  '--mx-host=example.test,mx.example.test,10',
];

// With REQUIRE_ENGINE=1 the tests run, and say themselves that there is none.
const { REQUIRE_ENGINE } = process.env;
const isSkipped = REQUIRE_ENGINE !== '1' && !hasDnsmasq();
if (isSkipped) console.log('dnsmasq (Debian: dnsmasq-base) is absent; the resolver was not tried on it');

async function withServer(options: readonly string[], check: (resolver: Resolver) => Promise<void>) {
  await using dns = await startDnsmasq(options);
  await check(createResolver({ servers: [dns.server] }));
}

describe.skipIf(isSkipped)('the resolver, asking dnsmasq', () => {
  it('reads what a real server says', async () => {
    await withServer(OPTIONS, async ({ txt, a, aaaa, mx, ptr }) => {
      const texts = await txt('example.test');
      const spf = 'v=spf1 mx exists:%{i}._spf.%{d} -all';
      expect(texts.kind === 'found' && [...texts.records].sort()).toEqual(['another', spf]);
      expect(await txt('Long.Example.TEST')).toEqual({ kind: 'found', records: [LONG] });
      expect(await a('mx.example.test')).toEqual({ kind: 'found', records: ['192.0.2.1'] });
      expect(await aaaa('mx.example.test')).toEqual({ kind: 'found', records: ['2001:db8::1'] });
      const exchange = { exchange: 'mx.example.test', priority: 10 };
      expect(await mx('example.test')).toMatchObject({ kind: 'found', records: [exchange] });
      expect(await ptr('192.0.2.1')).toEqual({ kind: 'found', records: ['mx.example.test'] });
      expect(await ptr('2001:db8::1')).toEqual({ kind: 'found', records: ['mx.example.test'] });
    });
  });

  it('tells no data, no name and a refusal apart', async () => {
    await withServer(OPTIONS, async ({ txt, a, ptr }) => {
      expect(await txt('mx.example.test')).toEqual({ kind: 'no-data' });
      expect(await a('nowhere.example.test')).toEqual({ kind: 'no-name' });
      expect(await ptr('192.0.2.9')).toEqual({ kind: 'no-name' });
      expect(await txt('elsewhere.test')).toEqual({ kind: 'failed', reason: 'refused' });
    });
  });

  it('gives the published records back byte for byte', async () => {
    const texts = Object.entries(publishedTexts());
    const options = texts.map(([name, text]) => txtOption(name, text));
    await withServer(options, async ({ txt }) => {
      const answers = await Promise.all(texts.map(async ([name]) => [name, await txt(name)]));
      expect(answers).toEqual(texts.map(([name, text]) => [name, { kind: 'found', records: [text] }]));
    });
  });
});

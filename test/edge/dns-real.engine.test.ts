import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createResolver } from '../../src/edge/dns.ts';
import type { Resolver } from '../../src/ports.ts';
import { startDnsmasq, txtOption } from '../double/dns-dnsmasq.ts';

const COLLECTED = new URL('../../../shared/data/spf-records.jsonl', import.meta.url);
const LONG = 'v=spf1 '.padEnd(1_400, 'ip4:192.0.2.1 ');
const OPTIONS = [
  '--local=/example.test/2.0.192.in-addr.arpa/',
  txtOption('example.test', 'v=spf1 mx exists:%{i}._spf.%{d} -all'),
  txtOption('example.test', 'another'),
  txtOption('long.example.test', LONG),
  '--host-record=mx.example.test,192.0.2.1,2001:db8::1',
  '--mx-host=example.test,mx.example.test,10',
];

async function withServer(options: readonly string[], check: (resolver: Resolver) => Promise<void>) {
  await using dns = await startDnsmasq(options);
  await check(createResolver({ servers: [dns.server] }));
}

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

it.runIf(existsSync(COLLECTED))('gives the collected records back byte for byte', async () => {
  const lines = readFileSync(COLLECTED, 'utf8').trim().split('\n');
  const records = new Map<string, string>();
  for (const line of lines) {
    const { domain, txt } = JSON.parse(line) as { domain: string; txt: string };
    records.set(domain, txt);
  }
  const options = [...records].map(([name, text]) => txtOption(name, text));
  await withServer(options, async ({ txt }) => {
    const answers = await Promise.all(
      [...records.keys()].map(async (name) => [name, await txt(name)] as const),
    );
    const expected = [...records].map(([name, text]) => [name, { kind: 'found', records: [text] }]);
    expect(answers).toEqual(expected);
  });
});

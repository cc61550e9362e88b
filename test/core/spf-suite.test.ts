import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Address, addressValue, formatAddress, parseAddress } from '../../src/core/network.ts';
import { checkHost } from '../../src/core/spf-check.ts';
import { type Name, zoneResolver } from './spf-zone.ts';

/** The public test suite of RFC 7208 is not ours to hand on: it is run where it lies beside the project. */
const SUITE = new URL('../../../shared/data/rfc7208/rfc7208-tests.yml', import.meta.url);

interface Test {
  helo: string;
  host: string;
  mailfrom: string;
  result: string | string[];
  explanation?: string;
}

type Entry = 'TIMEOUT' | Record<string, unknown>;

interface Scenario {
  description: string;
  tests: Record<string, Test>;
  zonedata: Record<string, Entry[]>;
}

/** A name's records. Without a TXT of its own, a record of the old type SPF stands for one. */
function toName(entries: readonly Entry[]): Name {
  const of = (type: string) =>
    entries.flatMap((entry) => (entry !== 'TIMEOUT' && type in entry ? [entry[type]] : []));
  const own = of('TXT');
  const texts = (own.length > 0 ? own : of('SPF')).filter((text) => text !== 'NONE');
  const cname = of('CNAME')[0];
  return {
    txt: texts.map((text) => (Array.isArray(text) ? text : String(text))),
    a: of('A').map(String),
    aaaa: of('AAAA').map(String),
    mx: of('MX').map((record) => withoutDot(String((record as unknown[])[1]))),
    ptr: of('PTR').map((name) => withoutDot(String(name))),
    ...(cname === undefined ? {} : { cname: withoutDot(String(cname)).toLowerCase() }),
    ...(entries.includes('TIMEOUT') ? { fails: 'timeout' as const } : {}),
  };
}

const withoutDot = (name: string) => name.replace(/\.$/, '');

/** The port asks for names of an address by the address; the suite has them under its arpa name. */
function reverseName(address: Address): string {
  if (address.family === 4) return `${formatAddress(address).split('.').reverse().join('.')}.in-addr.arpa`;
  const nibbles = addressValue(address).toString(16).padStart(32, '0');
  return `${[...nibbles].reverse().join('.')}.ip6.arpa`;
}

async function run(test: Test, zonedata: Scenario['zonedata']): Promise<void> {
  const ip = parseAddress(test.host) as Address;
  const zone = Object.fromEntries(
    Object.entries(zonedata).map(([name, entries]) => [name.toLowerCase(), toName(entries)]),
  );
  const reverse = zone[reverseName(ip)];
  const resolver = zoneResolver(reverse === undefined ? zone : { ...zone, [formatAddress(ip)]: reverse });
  const domain = test.mailfrom === '' ? test.helo : test.mailfrom.slice(test.mailfrom.lastIndexOf('@') + 1);
  const check = await checkHost({ ip, domain, sender: test.mailfrom, helo: test.helo }, resolver);
  expect([test.result].flat()).toContain(check.result);
  if (test.explanation !== undefined)
    expect(check.explanation).toBe(test.explanation === 'DEFAULT' ? null : test.explanation);
}

if (existsSync(SUITE)) {
  const documents = parseAllDocuments(readFileSync(SUITE, 'utf8'));
  const scenarios = documents.map((document) => document.toJS() as Scenario | null);
  for (const scenario of scenarios) {
    if (scenario === null) continue;
    describe(`the public suite: ${scenario.description}`, () => {
      for (const [name, test] of Object.entries(scenario.tests)) it(name, () => run(test, scenario.zonedata));
    });
  }
} else {
  it.skip(`the public suite of RFC 7208 was not run: it is not at ${SUITE.pathname}`, () => {});
}

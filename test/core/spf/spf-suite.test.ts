import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readName } from '../../../src/core/dns/dns-name.ts';
import { type Address, parseAddress } from '../../../src/core/net/network.ts';
import { checkHost, type SpfCheck } from '../../../src/core/spf/spf-check.ts';
import type { ZoneRecords } from '../../double/dns-zone.ts';
import { zoneResolver } from '../../double/zone-resolver.ts';

/** The public test suite of RFC 7208 is not ours to hand on: it is run where it lies beside the project. */
const SUITE = new URL('../../../../shared/data/rfc7208/rfc7208-tests.yml', import.meta.url);

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

/**
 * A name's records. Without a TXT of its own, a record of the old type SPF stands for one. TIMEOUT: there is no
 * answer for the types that are not there.
 */
function toRecords(entries: readonly Entry[]): ZoneRecords {
  const of = (type: string) =>
    entries.flatMap((entry) => (entry !== 'TIMEOUT' && type in entry ? [entry[type]] : []));
  const orFault = <T>(found: T[]) => (found.length === 0 && entries.includes('TIMEOUT') ? 'TIMEOUT' : found);
  const own = of('TXT');
  const texts = (own.length > 0 ? own : of('SPF')).filter((text) => text !== 'NONE');
  const cname = of('CNAME')[0];
  return {
    TXT: orFault(texts.map((text) => (Array.isArray(text) ? text : String(text)))),
    A: orFault(of('A').map(String)),
    AAAA: orFault(of('AAAA').map(String)),
    MX: orFault((of('MX') as [number, string][]).map(([priority, name]) => [priority, withoutDot(name)])),
    PTR: orFault(of('PTR').map((name) => withoutDot(String(name)))),
    ...(cname === undefined ? {} : { CNAME: withoutDot(String(cname)) }),
  };
}

const withoutDot = (name: string) => name.replace(/\.$/, '');

/** Labels of any characters are names in DNS (RFC 2181 section 11), and some tests have them. */
const readAnyName: typeof readName = (given) => {
  const read = readName(given);
  return read.kind === 'failed' ? { kind: 'name', name: given.toLowerCase() } : read;
};

function evaluate(test: Test, zonedata: Scenario['zonedata'], read: typeof readName): Promise<SpfCheck> {
  const ip = parseAddress(test.host) as Address;
  const zone = Object.fromEntries(
    Object.entries(zonedata).map(([name, entries]) => [name.toLowerCase(), toRecords(entries)]),
  );
  const domain = test.mailfrom === '' ? test.helo : test.mailfrom.slice(test.mailfrom.lastIndexOf('@') + 1);
  const query = { ip, domain, sender: test.mailfrom, helo: test.helo };
  return checkHost(query, zoneResolver(zone, read));
}

async function run(test: Test, zonedata: Scenario['zonedata']): Promise<void> {
  const check = await evaluate(test, zonedata, readAnyName);
  expect([test.result].flat()).toContain(check.result);
  if (test.explanation !== undefined)
    expect(check.explanation).toBe(test.explanation === 'DEFAULT' ? null : test.explanation);
}

function scenarios(): Scenario[] {
  const documents = parseAllDocuments(readFileSync(SUITE, 'utf8'));
  return documents.map((document) => document.toJS() as Scenario | null).filter((one) => one !== null);
}

if (existsSync(SUITE)) {
  for (const { description, tests, zonedata } of scenarios())
    describe(`the public suite: ${description}`, () => {
      for (const [name, test] of Object.entries(tests)) it(name, () => run(test, zonedata));
    });

  it('the public suite: a name that our resolver cannot ask for is at worst a temperror', async () => {
    const others: string[] = [];
    for (const { tests, zonedata } of scenarios())
      for (const test of Object.values(tests)) {
        const { result } = await evaluate(test, zonedata, readName);
        if (![test.result].flat().includes(result)) others.push(result);
      }
    expect(others).toEqual(Array(6).fill('temperror'));
  });
} else {
  it.skip(`the public suite of RFC 7208 was not run: it is not at ${SUITE.pathname}`, () => {});
}

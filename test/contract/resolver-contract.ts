import { describe, expect, it } from 'vitest';
import type { Resolver } from '../../src/core/dns/resolver.ts';
import type { Zone } from '../double/dns-zone.ts';

/** A resolver that knows what the zone says, until it is disposed of. */
export type ResolverSetup = (zone: Zone) => Promise<{ readonly resolver: Resolver } & AsyncDisposable>;

const LONG = 'v=spf1 '.padEnd(600, 'ip4:192.0.2.1 ');
const NO_NAME = { kind: 'no-name' };
const failed = (reason: string) => ({ kind: 'failed', reason });
const found = (...records: unknown[]) => ({ kind: 'found', records });

/** Order of records is the server's business (RFC 2181 section 5). */
const ZONE: Zone = {
  'example.test': {
    TXT: ['v=spf1 -all', ['v=spf1 ip4:192.0.', '2.0/24', ' -all'], '', 'caf\u00e9'],
    A: ['192.0.2.1', '192.0.2.2'],
    AAAA: ['2001:db8::1'],
    MX: [
      [10, 'mx.example.test'],
      [0, 'MX0.example.test'],
    ],
  },
  'null-mx.test': { MX: [[0, '']] },
  'long.test': { TXT: [LONG] },
  'only.a.test': { A: ['192.0.2.3'] },
  'alias.test': { CNAME: 'Only.A.test' },
  'dangling.test': { CNAME: 'nowhere.test' },
  'long-way.test': { CNAME: 'alias.test' },
  'loop.test': { CNAME: 'loop.test' },
  '1.2.0.192.in-addr.arpa': { PTR: ['host.example.test', 'Other.example.test'] },
  '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa': { PTR: ['six.test'] },
  'xn--a.test': { TXT: ['not valid IDNA'] },
  'xn--caf-dma.test': { TXT: ['valid IDNA'] },
  '_spf.a_b.test': { TXT: ['underscores'] },
  'servfail.test': 'SERVFAIL',
  'refused.test': 'REFUSED',
  'timeout.test': 'TIMEOUT',
  'malformed.test': 'MALFORMED',
  'truncated.test': 'TRUNCATED',
  'partly.test': { TXT: ['v=spf1 a -all'], A: 'SERVFAIL' },
};

/** What the checks of SPF and of reverse names rely on. */
export function resolverContract(name: string, setup: ResolverSetup): void {
  describe(name, () => {
    async function ask<T>(question: (resolver: Resolver) => Promise<T>): Promise<T> {
      await using subject = await setup(ZONE);
      return await question(subject.resolver);
    }
    recordsContract(ask);
    reverseContract(ask);
    absenceContract(ask);
    failureContract(ask);
    namesContract(ask);
  });
}

type Ask = <T>(question: (resolver: Resolver) => Promise<T>) => Promise<T>;

function recordsContract(ask: Ask): void {
  it('joins the strings of each TXT record without a blank, one character a byte', async () => {
    const answer = await ask(({ txt }) => txt('example.test'));
    const joined = 'v=spf1 ip4:192.0.2.0/24 -all';
    expect(answer.kind === 'found' && [...answer.records].sort()).toEqual([
      '',
      'caf\u00e9',
      'v=spf1 -all',
      joined,
    ]);
  });

  it('has a record that is longer than UDP carries', async () => {
    expect(await ask(({ txt }) => txt('long.test'))).toEqual(found(LONG));
  });

  it('finds all addresses of both families', async () => {
    const answer = await ask(({ a }) => a('example.test'));
    expect(answer.kind === 'found' && [...answer.records].sort()).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(await ask(({ aaaa }) => aaaa('example.test'))).toEqual(found('2001:db8::1'));
  });

  it('finds mail exchanges, also the null one', async () => {
    const answer = await ask(({ mx }) => mx('example.test'));
    expect(
      answer.kind === 'found' && [...answer.records].sort((a, b) => a.priority - b.priority),
    ).toMatchObject([
      { priority: 0, exchange: 'MX0.example.test' },
      { priority: 10, exchange: 'mx.example.test' },
    ]);
    expect(await ask(({ mx }) => mx('null-mx.test'))).toMatchObject(found({ priority: 0, exchange: '' }));
  });

  it('follows an alias', async () => {
    expect(await ask(({ a }) => a('alias.test'))).toEqual(found('192.0.2.3'));
    expect(await ask(({ a }) => a('long-way.test'))).toEqual(found('192.0.2.3'));
  });

  it('says which name an alias stands for, one step only', async () => {
    expect(await ask(({ cname }) => cname('long-way.test'))).toEqual(found('alias.test'));
    expect(await ask(({ cname }) => cname('alias.test'))).toEqual(found('Only.A.test'));
    expect(await ask(({ cname }) => cname('dangling.test'))).toEqual(found('nowhere.test'));
    expect(await ask(({ cname }) => cname('loop.test'))).toEqual(found('loop.test'));
  });

  it('has no alias at a name that is none', async () => {
    expect(await ask(({ cname }) => cname('only.a.test'))).toEqual({ kind: 'no-data' });
    expect(await ask(({ cname }) => cname('nowhere.test'))).toEqual(NO_NAME);
    expect(await ask(({ cname }) => cname('servfail.test'))).toEqual(failed('servfail'));
  });
}

function reverseContract(ask: Ask): void {
  it('finds the names of an IPv4 and an IPv6 address', async () => {
    const answer = await ask(({ ptr }) => ptr('192.0.2.1'));
    expect(answer.kind === 'found' && [...answer.records].sort()).toEqual([
      'Other.example.test',
      'host.example.test',
    ]);
    expect(await ask(({ ptr }) => ptr('::ffff:192.0.2.1'))).toMatchObject({ kind: 'found' });
    expect(await ask(({ ptr }) => ptr('2001:DB8::1'))).toEqual(found('six.test'));
  });

  it('has no name for an address without one, and for what is no address', async () => {
    expect(await ask(({ ptr }) => ptr('192.0.2.9'))).toEqual(NO_NAME);
    expect(await ask(({ ptr }) => ptr('example.test'))).toEqual(NO_NAME);
  });
}

function absenceContract(ask: Ask): void {
  it.each(['only.a.test', 'a.test', 'alias.test'])('has no TXT data at %s, which is there', async (name) => {
    expect(await ask(({ txt }) => txt(name))).toEqual({ kind: 'no-data' });
  });

  it.each(['nowhere.test', 'x.example.test', 'dangling.test'])('has no name %s', async (name) => {
    expect(await ask(({ txt }) => txt(name))).toEqual(NO_NAME);
    expect(await ask(({ mx }) => mx(name))).toEqual(NO_NAME);
  });
}

function failureContract(ask: Ask): void {
  it.each([
    ['servfail.test', 'servfail'],
    ['refused.test', 'refused'],
    ['timeout.test', 'timeout'],
    ['malformed.test', 'malformed'],
    ['truncated.test', 'unreachable'],
    ['loop.test', 'servfail'],
  ])('tells the failure at %s from no data', async (name, reason) => {
    const answers = await ask(({ txt, a }) => Promise.all([txt(name), a(name)]));
    expect(answers).toEqual([failed(reason), failed(reason)]);
  });

  it('may fail for one type only', async () => {
    expect(await ask(({ txt }) => txt('partly.test'))).toEqual(found('v=spf1 a -all'));
    expect(await ask(({ a }) => a('partly.test'))).toEqual(failed('servfail'));
    expect(await ask(({ mx }) => mx('partly.test'))).toEqual({ kind: 'no-data' });
  });
}

function namesContract(ask: Ask): void {
  it.each([
    ['ONLY.A.Test', 'upper case'],
    ['only.a.test.', 'a final dot'],
  ])('asks for %s, with %s', async (name) => {
    expect(await ask(({ a }) => a(name))).toEqual(found('192.0.2.3'));
  });

  it('asks for the very name, be it valid IDNA or not', async () => {
    expect(await ask(({ txt }) => txt('xn--a.test'))).toEqual(found('not valid IDNA'));
    expect(await ask(({ txt }) => txt('XN--caf-dma.test'))).toEqual(found('valid IDNA'));
    expect(await ask(({ txt }) => txt('_spf.a_b.test'))).toEqual(found('underscores'));
  });

  it.each([
    ['empty', ''],
    ['the root', '.'],
    ['an empty label', 'a..test'],
    ['a label over 63', `${'a'.repeat(64)}.test`],
    ['a name over 253', `${'a.'.repeat(125)}test`],
  ])('has no name that cannot exist: %s', async (_, name) => {
    expect(await ask(({ txt }) => txt(name))).toEqual(NO_NAME);
  });

  it.each([
    'a b.test',
    'a+b.test',
    'a\0.test',
    'only\\.a.test',
    '\uff4fnly.a.test',
    'only.a\u3002test',
  ])('fails on a name that it cannot ask for, and asks for no other: %j', async (name) => {
    expect(await ask(({ a }) => a(name))).toEqual(failed('malformed'));
  });
}

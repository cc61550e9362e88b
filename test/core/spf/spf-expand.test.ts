import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Resolver } from '../../../src/core/dns/resolver.ts';
import { type Address, contains, formatNetwork, parseAddress } from '../../../src/core/net/network.ts';
import { checkHost } from '../../../src/core/spf/spf-check.ts';
import { type Expansion, expandDomain } from '../../../src/core/spf/spf-expand.ts';
import { exchanges, records, type Zone, type ZoneRecords } from '../../double/dns-zone.ts';
import { zoneResolver } from '../../double/zone-resolver.ts';

const expand = (zone: Zone, domain = 'd.example') => expandDomain(domain, zoneResolver(zone));

function networks(expansion: Expansion): string[] {
  if (expansion.kind !== 'listed') throw new Error(JSON.stringify(expansion));
  return expansion.networks.map(formatNetwork);
}

/** What one record lists, beside a few domains that it can name. */
async function listed(record: string): Promise<string[]> {
  return networks(
    await expand({
      'd.example': { TXT: [record], A: ['203.0.113.1'], MX: exchanges('mx.example', '') },
      'mx.example': { A: ['203.0.113.9'], AAAA: ['2001:db8:9::9', '::ffff:203.0.113.8'] },
      '_spf.d.example': { TXT: ['v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/30 ?ip4:192.0.2.64 -all'] },
      'none.example': { TXT: ['v=spf1 -all'] },
    }),
  );
}

describe('the list of a domain', () => {
  it.each([
    ['v=spf1 -all', []],
    ['v=spf1', []],
    ['v=spf1 ip4:192.0.2.129/25 ip4:192.0.2.0/25 ip6:2001:DB8::1/64', ['192.0.2.0/24', '2001:db8::/64']],
    ['v=spf1 IP4:207.68.169.173/30  ip4:10.232.176.0/27', ['10.232.176.0/27', '207.68.169.172/30']],
    ['v=spf1 a mx/24//64 -all', ['203.0.113.0/24', '2001:db8:9::/64']],
    ['v=spf1 a:none.example mx:none.example a:no..name.example', []],
    ['v=spf1 ip4:192.0.2.1 -all ip4:198.51.100.1 include:gone.example', ['192.0.2.1/32']],
    ['v=spf1 ip4:192.0.2.1 all:', 'permerror'],
    ['v=spf1 ip6:::ffff:192.0.2.1 ip6:::ffff:0:0/96', []],
    ['v=spf1 ?ip4:192.0.2.1 ~ip4:192.0.2.2 -a ?include:gone.example -all', []],
    ['v=spf1 ip4:192.0.2.0/30 -ip4:192.0.2.1 ~all', ['192.0.2.0/30']],
    ['v=spf1 ?ip4:192.0.2.1 ip4:192.0.2.0/30 ~all', ['192.0.2.0/32', '192.0.2.2/31']],
    ['v=spf1 ~ip4:0.0.0.0/0 ip4:192.0.2.0/30 ip6:2001:db8::1', ['2001:db8::1/128']],
    ['v=spf1 -a:mx.example ip4:203.0.113.8/31', ['203.0.113.8/32']],
    ['v=spf1 include:_spf.d.example', ['192.0.2.0/32', '192.0.2.2/31']],
    ['v=spf1 include:_spf.d.example ip4:192.0.2.1 -all', ['192.0.2.0/30']],
    ['v=spf1 -include:_spf.d.example ip4:192.0.2.0/29', ['192.0.2.1/32', '192.0.2.4/30']],
    ['v=spf1 include:_spf.%{d} include:none.example.', ['192.0.2.0/32', '192.0.2.2/31']],
    ['v=spf1 redirect=_spf.d.example', ['192.0.2.0/32', '192.0.2.2/31']],
    ['v=spf1 -ip4:192.0.2.2/31 redirect=_spf.d.example', ['192.0.2.0/32']],
    ['v=spf1 ?all redirect=_spf.d.example', []],
    ['v=spf1 include:d.example ip4:192.0.2.1 redirect=d.example', ['192.0.2.1/32']],
  ])('%s is %j', async (record, expected) => {
    if (expected === 'permerror') await expect(listed(record)).rejects.toThrow('has no argument');
    else expect(await listed(record)).toEqual(expected);
  });

  it('joins strings without a blank', async () => {
    const zone = { 'd.example': { TXT: [['v=spf1 ip4:184.1', '68.200.0/24 ip4:69.64', '.33.132 -all']] } };
    expect(networks(await expand(zone))).toEqual(['69.64.33.132/32', '184.168.200.0/24']);
  });

  it('tells the terms that have no list, with their domain', async () => {
    const zone = records({
      'd.example':
        'v=spf1 include:_a.d.example exists:%{i}.d.example ?ptr include:%{i}.d.example -exists:x.example ~all',
      '_a.d.example': 'v=spf1 ptr:d.example a:%{h} ip4:192.0.2.1 ptr:d.example',
    });
    expect(await expand(zone)).toMatchObject({
      kind: 'listed',
      unlistable: [
        '"exists:%{i}.d.example" in d.example',
        '"include:%{i}.d.example" in d.example',
        '"ptr:d.example" in _a.d.example',
        '"a:%{h}" in _a.d.example',
      ],
    });
  });
});

describe('no list', () => {
  const named = (domain: string, text: string) => ({
    kind: 'invalid',
    domain,
    problem: expect.stringContaining(text),
  });
  it.each([
    [{}, named('d.example', 'no SPF record')],
    [{ 'd.example': { TXT: ['hello', 'v=spf1?all'] } }, named('d.example', 'no SPF record')],
    [{ 'd.example': { TXT: ['v=spf1 -all', 'v=spf1 -all'] } }, named('d.example', '2 SPF records')],
    [records({ 'd.example': 'v=spf1 nclude:x.example' }), named('d.example', '"nclude:x.example"')],
    [records({ 'd.example': 'v=spf1 include:x.example -all' }), named('x.example', 'no SPF record')],
    [records({ 'd.example': 'v=spf1 redirect=x.example' }), named('x.example', 'no SPF record')],
    [records({ 'd.example': 'v=spf1 include:a..b.example' }), named('d.example', 'no name')],
    [
      records({ 'd.example': 'v=spf1 include:x.example', 'x.example': 'v=spf1 ip4:192.0.2' }),
      named('x.example', '"ip4:192.0.2"'),
    ],
    [
      {
        ...records({ 'd.example': 'v=spf1 mx' }),
        'd.example': { TXT: ['v=spf1 mx'], MX: exchanges(...Array(11).fill('m.example')) },
      },
      named('d.example', 'MX'),
    ],
  ])('%#: of records in error', async (zone: Zone, expected) => expect(await expand(zone)).toEqual(expected));

  it.each([
    '+all',
    'all',
    'ip4:0.0.0.0/0',
    'ip4:192.0.2.1/0',
    'ip6:::/0',
    'a/0',
    'mx//0',
  ])('of everyone, by %s at the top or included', async (term) => {
    const zone = records({
      'd.example': 'v=spf1 include:x.example',
      'x.example': `v=spf1 ip4:192.0.2.1 ${term}`,
    });
    expect(await expand(zone)).toEqual(named('x.example', 'lets everyone in'));
    expect(await expand(zone, 'x.example')).toEqual(named('x.example', 'lets everyone in'));
  });

  it.each(['example', '', 'a..example', 'ä.example'])('of %j, which is no domain', async (domain) => {
    expect(await expand({}, domain)).toMatchObject({ kind: 'invalid', domain });
  });

  it('of a chain that does not end, after as many lookups as levels', async () => {
    const chain = Array.from({ length: 2000 }, (_, i) => [
      `n${i}.example`,
      `v=spf1 include:n${i + 1}.example`,
    ]);
    const resolver = zoneResolver(records(Object.fromEntries(chain)));
    expect(await expandDomain('n0.example', resolver)).toEqual(named('n50.example', '50 records deep'));
    expect(resolver.asked).toHaveLength(50);
  });

  it('of too many lookups, networks or terms', async () => {
    const wide = Array.from({ length: 400 }, (_, i) => `include:n${i}.example`).join(' ');
    const resolver = zoneResolver(records({ 'd.example': `v=spf1 ${wide}` }));
    expect((await expandDomain('d.example', resolver)).kind).toBe('invalid');
    expect(resolver.asked).toHaveLength(300);
    const hosts = Array.from({ length: 20_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    expect(await expand({ 'd.example': { TXT: ['v=spf1 a'], A: hosts } })).toEqual(
      named('d.example', '20000'),
    );
    const long = `v=spf1${' ip4:192.0.2.1'.repeat(100_000)}`;
    expect(await expand(records({ 'd.example': long }))).toEqual(named('d.example', 'so long'));
  });

  it('of a record built so that its list costs time', async () => {
    const pairs = Array.from({ length: 1900 }, (_, i) => {
      const base = `10.${i >> 8}.${i & 255}`;
      return `-ip4:${base}.1 ip4:${base}.0/24`;
    });
    const start = performance.now();
    const expansion = await expand(records({ 'd.example': `v=spf1 ${pairs.join(' ')}` }));
    expect(expansion).toEqual(named('d.example', 'tangle'));
    expect(performance.now() - start).toBeLessThan(5_000);
    const few = await expand(records({ 'd.example': `v=spf1 ${pairs.slice(0, 50).join(' ')}` }));
    expect(networks(few)).toHaveLength(50 * 8);
  });
});

describe('the questions', () => {
  const zone: Zone = {
    'd.example': {
      TXT: ['v=spf1 include:x.example include:Y.example mx a:H.example include:x.example -all'],
      MX: exchanges('h.example'),
    },
    'x.example': { TXT: ['v=spf1 include:z.example a:h.example -all'] },
    'y.example': { TXT: ['v=spf1 include:z.example include:d.example mx:d.example -all'] },
    'z.example': { TXT: ['v=spf1 ip4:192.0.2.1 -all'] },
    'h.example': { A: ['192.0.2.2'] },
  };

  it('are asked once each', async () => {
    const resolver = zoneResolver(zone);
    const expansion = await expandDomain('D.Example.', resolver);
    expect(expansion).toMatchObject({ kind: 'listed', lookups: 7, depth: 3 });
    expect(new Set(resolver.asked).size).toBe(7);
    expect(resolver.asked).toHaveLength(7);
  });

  it('of one level are under way together', async () => {
    let now = 0;
    let waiting: { at: number; go: () => void }[] = [];
    const inner = zoneResolver(zone);
    const late =
      <T>(ask: (name: string) => Promise<T>) =>
      (name: string) =>
        new Promise<T>((done) => waiting.push({ at: now + 1, go: () => done(ask(name)) }));
    const resolver: Resolver = {
      txt: late(inner.txt),
      a: late(inner.a),
      aaaa: late(inner.aaaa),
      mx: late(inner.mx),
      cname: late(inner.cname),
      ptr: late(inner.ptr),
    };
    let done = false;
    const expansion = expandDomain('d.example', resolver).finally(() => {
      done = true;
    });
    while (!done) {
      await new Promise((resolve) => setImmediate(resolve));
      now += 1;
      const due = waiting;
      waiting = [];
      for (const { go } of due) go();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await expansion).kind).toBe('listed');
    expect(now).toBeLessThanOrEqual(4);
  });
});

const NAMES = ['n0.example', 'n1.example', 'n2.example', 'n3.example', 'n4.example'];
const low = fc.integer({ min: 0, max: 63 });
/** All addresses of the random zones are in 192.0.2.0/26, so that they meet. */
const host = low.map((value) => `192.0.2.${value}`);
const ip4 = fc.tuple(host, fc.integer({ min: 27, max: 32 })).map(([base, length]) => `ip4:${base}/${length}`);

/**
 * Record i leads only to later ones unless `loops`, so that RFC 7208's limit of ten lookups is seldom met.
 */
function anyZone(qualifiers: readonly string[], loops: boolean) {
  const name = (i: number) => {
    const later = loops ? NAMES : NAMES.slice(i + 1);
    const target = later.length === 0 ? ip4 : fc.constantFrom(...later).map((other) => `include:${other}`);
    const term = fc.oneof(ip4, ip4, target, fc.constantFrom('a', 'mx', 'a:n0.example/30', 'a:n4.example'));
    const terms = fc.array(
      fc.tuple(fc.constantFrom(...qualifiers), term).map(([q, text]) => q + text),
      { maxLength: 4 },
    );
    const end = later.length === 0 ? ['-all', ''] : ['-all', '~all', '', `redirect=${later[0]}`];
    return fc.record({
      TXT: fc.tuple(terms, fc.constantFrom(...end)).map(([all, last]) => [`v=spf1 ${all.join(' ')} ${last}`]),
      A: fc.array(host, { minLength: 1, maxLength: 2 }),
      MX: fc.constantFrom(exchanges('n1.example'), exchanges('n2.example', 'n3.example')),
    });
  };
  return fc.tuple(...NAMES.map((_, i) => name(i))).map((names): Zone => {
    return Object.fromEntries(names.map((one, i) => [NAMES[i], one]));
  });
}

describe('for random zones', () => {
  const top = NAMES[0] as string;
  const addresses = Array.from({ length: 66 }, (_, i) => parseAddress(`192.0.2.${i}`) as Address);

  it.each([
    ['+ only', ['', '+']],
    ['all qualifiers', ['', '+', '-', '~', '?']],
  ])('without loops, %s, the list has just the addresses that check_host lets pass', async (_, qualifiers) => {
    await fc.assert(
      fc.asyncProperty(anyZone(qualifiers, false), async (zone) => {
        const expansion = await expand(zone, top);
        if (expansion.kind !== 'listed') throw new Error(JSON.stringify(expansion));
        for (const ip of addresses) {
          const query = { ip, domain: top, sender: `a@${top}`, helo: top };
          const { result } = await checkHost(query, zoneResolver(zone));
          if (result === 'permerror') continue;
          const isListed = expansion.networks.some((network) => contains(network, ip));
          expect(isListed, `${ip.words}`).toBe(result === 'pass');
        }
      }),
      { numRuns: 150 },
    );
  });

  it('with one name that fails there is no list, instead of a smaller one', async () => {
    await fc.assert(
      fc.asyncProperty(anyZone(['', '-'], true), fc.constantFrom(...NAMES), async (zone, name) => {
        const resolver = zoneResolver(zone);
        const whole = await expandDomain(top, resolver);
        const broken = await expand({ ...zone, [name]: 'TIMEOUT' }, top);
        const asked = resolver.asked.some((question) => question.endsWith(` ${name}`));
        if (asked) expect(broken).toEqual({ kind: 'failed', domain: name, reason: 'timeout' });
        else expect(broken).toEqual(whole);
      }),
      { numRuns: 150 },
    );
  });

  it('with one kind of record that fails there is no list either', async () => {
    const kind = fc.constantFrom('TXT', 'A', 'AAAA', 'MX');
    await fc.assert(
      fc.asyncProperty(anyZone([''], true), fc.constantFrom(...NAMES), kind, async (zone, name, type) => {
        const resolver = zoneResolver(zone);
        await expandDomain(top, resolver);
        const asked = resolver.asked.includes(`${type} ${name}`);
        const broken = { ...(zone[name] as ZoneRecords), [type]: 'SERVFAIL' };
        if (asked) expect((await expand({ ...zone, [name]: broken }, top)).kind).toBe('failed');
      }),
      { numRuns: 150 },
    );
  });

  it('with loops it ends, and lists nothing that none of the records names', async () => {
    await fc.assert(
      fc.asyncProperty(anyZone(['', '-', '?'], true), async (zone) => {
        const expansion = await expand(zone, top);
        if (expansion.kind !== 'listed') throw new Error(JSON.stringify(expansion));
        expect(expansion.lookups).toBeLessThanOrEqual(4 * NAMES.length);
        for (const network of expansion.networks) expect(formatNetwork(network)).toMatch(/^192\.0\.2\./);
      }),
    );
  });
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endsInLabels } from '../../../src/core/dns/alias-chain.ts';
import { identify } from '../../../src/core/senders/identity.ts';
import { address } from '../../double/address.ts';
import { definition } from '../../double/definition.ts';
import type { Zone } from '../../double/dns-zone.ts';
import { SALESFORCE_ZONE } from '../../double/salesforce-zone.ts';
import { zoneResolver } from '../../double/zone-resolver.ts';

const salesforce = definition({
  id: 'salesforce',
  spf: ['_spf.salesforce.com'],
  rdns: ['mta.salesforce.com'],
  unlistable: true,
});
const apple = definition({ id: 'apple', spf: ['icloud.com'], rdns: ['me.com'] });
/** No record of it lists its addresses: only their names say whose they are. */
const gateway = definition({ id: 'gateway', spf: [], rdns: ['hosts.gateway.example'], incomplete: true });
const yahoo = definition({ id: 'yahoo', spf: ['_spf.yahoo.example'], unlistable: true });
const WATCHED = [apple, salesforce, gateway, yahoo];

const ZONE: Zone = {
  ...SALESFORCE_ZONE,
  'icloud.com': { TXT: ['v=spf1 ip4:17.58.0.0/16 ~all'] },
  // Leads back.
  '9.14.110.13.in-addr.arpa': { PTR: ['smtp-9.mta.salesforce.com'] },
  'smtp-9.mta.salesforce.com': { A: ['13.110.14.9'], AAAA: ['2600:1f00::9'] },
  '9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.f.1.0.0.6.2.ip6.arpa': {
    PTR: ['SMTP-9.MTA.Salesforce.com'],
  },
  // Only claims to be.
  '7.113.0.203.in-addr.arpa': { PTR: ['smtp-9.mta.salesforce.com', 'acme.com', 'notmta.salesforce.com'] },
  'acme.com': { A: ['203.0.113.7'] },
  'notmta.salesforce.com': { A: ['203.0.113.7'] },
};

async function who(ip: string, zone: Zone = ZONE) {
  const identity = await identify(address(ip), WATCHED, [salesforce, yahoo], zoneResolver(zone));
  return identity.kind === 'proven' ? `${identity.sender.id} by ${identity.by}` : identity.kind;
}

describe('an address in no list', () => {
  it('is a sender’s when the sender’s own SPF record authorises it, and only then', async () => {
    expect(await who('13.110.14.214')).toBe('salesforce by spf');
    expect(await who('13.110.14.215')).toBe('no-sender');
  });

  it('is a sender’s when its name is one of the sender’s and leads back to it', async () => {
    expect(await who('13.110.14.9')).toBe('salesforce by rdns');
    expect(await who('2600:1f00::9')).toBe('salesforce by rdns');
  });

  it('is nobody’s when its name only claims so, or ends in half a label', async () => {
    expect(await who('203.0.113.7')).toBe('no-sender');
  });

  it('is looked for in records of unlistable senders only', async () => {
    const resolver = zoneResolver(ZONE);
    await identify(address('17.58.1.1'), WATCHED, [salesforce], resolver);
    expect(resolver.asked).not.toContain('TXT icloud.com');
    expect(resolver.asked).toContain('TXT _spf.salesforce.com');
  });

  it.each([
    ['the names of the address', { ...ZONE, '215.14.110.13.in-addr.arpa': 'SERVFAIL' }],
    ['the record', { ...ZONE, '_spf.salesforce.com': 'TIMEOUT' }],
    [
      'the name that the record asks for',
      {
        ...ZONE,
        '215.14.110.13._spf.mta.salesforce.com': {},
        '13.110.14.215._spf.mta.salesforce.com': 'SERVFAIL',
      },
    ],
    [
      'the way back',
      {
        ...ZONE,
        '215.14.110.13.in-addr.arpa': { PTR: ['smtp-215.mta.salesforce.com'] },
        'smtp-215.mta.salesforce.com': 'SERVFAIL',
      },
    ],
  ] as [string, Zone][])('is of unknown owner when DNS does not answer about %s', async (_, zone) => {
    expect(await who('13.110.14.215', zone)).toBe('unknown');
  });

  it('is proven by one way though the other does not answer', async () => {
    expect(await who('13.110.14.214', { ...ZONE, '214.14.110.13.in-addr.arpa': 'TIMEOUT' })).toBe(
      'salesforce by spf',
    );
    expect(await who('13.110.14.9', { ...ZONE, '_spf.salesforce.com': 'TIMEOUT' })).toBe(
      'salesforce by rdns',
    );
  });

  it.each([
    'v=spf1 +all',
    'v=spf1 exists:there.is.always.one -all',
    'v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all',
  ])('is not proven by a record that lets everybody in: %s', async (record) => {
    const zone = {
      ...ZONE,
      '_spf.salesforce.com': { TXT: [record] },
      'there.is.always.one': { A: ['127.0.0.2'] },
    };
    expect(await who('13.110.14.215', zone)).toBe('no-sender');
  });

  it('costs a bounded number of questions, whatever names it has', async () => {
    const names = Array.from({ length: 500 }, (_, i) => `smtp-${i}.mta.salesforce.com`);
    const resolver = zoneResolver({ ...ZONE, '215.14.110.13.in-addr.arpa': { PTR: names } });
    await identify(address('13.110.14.215'), WATCHED, [salesforce], resolver);
    expect(resolver.asked.length).toBeLessThan(20);
  });
});

/** Of an address in no list, which has this name. */
const REVERSE = '7.0.110.13.in-addr.arpa';

describe('a name that leads back', () => {
  const named = (name: string, zone: Zone): Zone => ({ [REVERSE]: { PTR: [name] }, ...zone });

  it('counts only for a sender whose lists are known to be incomplete', async () => {
    const zone = { [REVERSE]: { PTR: ['smtp-7.me.com'] }, 'smtp-7.me.com': { A: ['13.110.0.7'] } };
    expect(await who('13.110.0.7', zone)).toBe('no-sender');
    const name = 'esa7.hosts.gateway.example';
    expect(await who('13.110.0.7', named(name, { [name]: { A: ['13.110.0.7'] } }))).toBe('gateway by rdns');
  });

  it('through an alias out of the sender’s domain is no evidence', async () => {
    const name = 'y.hosts.gateway.example';
    const zone = named(name, {
      [name]: { CNAME: 'z.evil.example' },
      'z.evil.example': { A: ['13.110.0.7'] },
    });
    expect(await who('13.110.0.7', zone)).toBe('no-sender');
  });

  it('through an alias out of the domain that an SPF record names with ptr is no evidence', async () => {
    const record = { '_spf.yahoo.example': { TXT: ['v=spf1 ptr:yahoo.example -all'] } };
    const direct = { 'a.yahoo.example': { A: ['13.110.0.7'] } };
    const out = { 'a.yahoo.example': { CNAME: 'z.evil.example' }, 'z.evil.example': { A: ['13.110.0.7'] } };
    expect(await who('13.110.0.7', named('a.yahoo.example', { ...record, ...direct }))).toBe('yahoo by spf');
    expect(await who('13.110.0.7', named('a.yahoo.example', { ...record, ...out }))).toBe('no-sender');
  });

  it('through an alias out of the domain does not make the p macro of an SPF record', async () => {
    const record = { '_spf.yahoo.example': { TXT: ['v=spf1 exists:%{p}.ok.example -all'] } };
    const ok = { 'a._spf.yahoo.example.ok.example': { A: ['127.0.0.2'] } };
    const name = 'a._spf.yahoo.example';
    const direct = { [name]: { A: ['13.110.0.7'] } };
    const out = { [name]: { CNAME: 'z.evil.example' }, 'z.evil.example': { A: ['13.110.0.7'] } };
    expect(await who('13.110.0.7', named(name, { ...record, ...ok, ...direct }))).toBe('yahoo by spf');
    expect(await who('13.110.0.7', named(name, { ...record, ...ok, ...out }))).toBe('no-sender');
  });

  it('leaves the owner unknown when DNS does not say whether it is an alias', async () => {
    const name = 'y.hosts.gateway.example';
    const zone = zoneResolver(named(name, { [name]: { A: ['13.110.0.7'] } }));
    const resolver = { ...zone, cname: async () => ({ kind: 'failed', reason: 'servfail' }) as const };
    expect((await identify(address('13.110.0.7'), WATCHED, [], resolver)).kind).toBe('unknown');
  });

  const labels = fc.constantFrom('a', 'b', 'c');
  const domains = fc.constantFrom('hosts.gateway.example', 'nothosts.gateway.example', 'evil.example');
  const hostNames = fc.tuple(labels, domains).map((parts) => parts.join('.'));
  const ADDRESSES = ['13.110.0.7', '13.110.0.8'];
  const hosts = fc.dictionary(
    hostNames,
    fc.oneof(
      fc.record({ CNAME: hostNames }),
      fc.record({ A: fc.subarray(ADDRESSES, { minLength: 1 }) }),
      fc.constant({}),
    ),
    { maxKeys: 9 },
  );

  /** What the rule says, read off the zone: null when the aliases never end. */
  function chainOf(zone: Zone, name: string, passed: readonly string[] = []): readonly string[] | null {
    if (passed.includes(name)) return null;
    const entry = zone[name];
    const alias = typeof entry === 'object' ? entry.CNAME : undefined;
    return alias === undefined ? [...passed, name] : chainOf(zone, alias, [...passed, name]);
  }

  it('counts in any zone if and only if it and all aliases behind it are the sender’s', async () => {
    await fc.assert(
      fc.asyncProperty(
        hosts,
        fc.uniqueArray(hostNames, { minLength: 1, maxLength: 3 }),
        async (zone, names) => {
          const counts = names.some((name) => {
            const chain = chainOf(zone, name);
            const last = zone[chain?.at(-1) ?? ''];
            const leadsBack = typeof last === 'object' && 'A' in last && last.A.includes('13.110.0.7');
            return leadsBack && chain?.every((one) => one.endsWith('.hosts.gateway.example'));
          });
          const identity = await who('13.110.0.7', { [REVERSE]: { PTR: names }, ...zone });
          expect(identity === 'gateway by rdns').toBe(counts);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('a name that cannot be', () => {
  it.each([
    ['a NUL', 'y\\000.mta.salesforce.com'],
    ['a control character', 'y\\007.mta.salesforce.com'],
    ['a dot inside a label', 'y\\.mta.salesforce.com'],
    ['an empty label', 'y..mta.salesforce.com'],
    ['more than 253 characters', `${'y.'.repeat(125)}mta.salesforce.com`],
    ['other letters', '\u00e9.mta.salesforce.com'],
    ['nothing', ''],
  ])('neither takes the place of a good one nor leaves the owner unknown: %s', async (_, bad) => {
    const zone = { ...ZONE, '215.14.110.13.in-addr.arpa': { PTR: Array<string>(20).fill(bad) } };
    expect(await who('13.110.14.215', zone)).toBe('no-sender');
    const mixed = {
      ...ZONE,
      '9.14.110.13.in-addr.arpa': { PTR: [...Array<string>(20).fill(bad), 'smtp-9.mta.salesforce.com'] },
    };
    expect(await who('13.110.14.9', mixed)).toBe('salesforce by rdns');
  });
});

describe('a name ends in the labels of a sender', () => {
  it.each([
    ['mta.salesforce.com', 'mta.salesforce.com', true],
    ['a.b.MTA.salesforce.com.', 'mta.Salesforce.com', true],
    ['notmta.salesforce.com', 'mta.salesforce.com', false],
    ['acme.com', 'me.com', false],
    ['mta.salesforce.com.evil.example', 'mta.salesforce.com', false],
    ['', 'me.com', false],
  ])('%s in %s: %s', (name, suffix, wanted) => expect(endsInLabels(name, suffix)).toBe(wanted));
});

import { describe, expect, it } from 'vitest';
import { endsInLabels, identify } from '../../src/core/identify.ts';
import { address } from '../double/address.ts';
import { definition } from '../double/definition.ts';
import type { Zone } from '../double/dns-zone.ts';
import { SALESFORCE_ZONE } from '../double/salesforce-zone.ts';
import { zoneResolver } from '../double/zone-resolver.ts';

const salesforce = definition({
  id: 'salesforce',
  spf: ['_spf.salesforce.com'],
  rdns: ['mta.salesforce.com'],
  unlistable: true,
});
const apple = definition({ id: 'apple', spf: ['icloud.com'], rdns: ['me.com'] });
const WATCHED = [apple, salesforce];

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
  const identity = await identify(address(ip), WATCHED, [salesforce], zoneResolver(zone));
  return identity.kind === 'proven' ? `${identity.sender.id} by ${identity.by}` : identity.kind;
}

describe('an address in no list', () => {
  it('is a sender’s when the sender’s own SPF record authorises it, and only then', async () => {
    expect(await who('13.110.14.214')).toBe('salesforce by spf');
    expect(await who('13.110.14.215')).toBe('nobody');
  });

  it('is a sender’s when its name is one of the sender’s and leads back to it', async () => {
    expect(await who('13.110.14.9')).toBe('salesforce by rdns');
    expect(await who('2600:1f00::9')).toBe('salesforce by rdns');
  });

  it('is nobody’s when its name only claims so, or ends in half a label', async () => {
    expect(await who('203.0.113.7')).toBe('nobody');
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
    expect(await who('13.110.14.215', zone)).toBe('nobody');
  });

  it('costs a bounded number of questions, whatever names it has', async () => {
    const names = Array.from({ length: 500 }, (_, i) => `smtp-${i}.mta.salesforce.com`);
    const resolver = zoneResolver({ ...ZONE, '215.14.110.13.in-addr.arpa': { PTR: names } });
    await identify(address('13.110.14.215'), WATCHED, [salesforce], resolver);
    expect(resolver.asked.length).toBeLessThan(20);
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

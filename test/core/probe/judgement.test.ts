import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Address, contains, network, parseAddress } from '../../../src/core/net/network.ts';
import type { Access } from '../../../src/core/postscreen/access-list.ts';
import { type DnsblSite, parseSites } from '../../../src/core/postscreen/dnsbl-sites.ts';
import type { ZoneLook } from '../../../src/core/postscreen/dnsbl-zone.ts';
import {
  faultsOf,
  judgeAddress,
  judgeSender,
  type ProbedAddress,
  probeExitCode,
  zonesOf,
} from '../../../src/core/probe/judgement.ts';
import { sampleSenders } from '../../../src/core/probe/sample.ts';
import { readScreening, type Screening } from '../../../src/core/probe/screening.ts';

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

function sites(text: string): readonly DnsblSite[] {
  const parsed = parseSites(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

describe('the sample of a sender', () => {
  const sample = (networks: readonly string[], most = 100) =>
    sampleSenders([{ id: 'one', networks: networks.map(network) }], most)[0]?.addresses;

  it.each([
    [['198.51.100.0/24'], ['198.51.100.1', '198.51.100.254', '198.51.100.85', '198.51.100.169']],
    [['198.51.100.0/30'], ['198.51.100.1', '198.51.100.2']],
    [['198.51.100.0/31'], ['198.51.100.0', '198.51.100.1']],
    [['198.51.100.7/32'], ['198.51.100.7']],
    // As many of each network, whatever its size.
    [
      ['192.0.2.0/30', '198.51.100.0/24'],
      ['192.0.2.1', '198.51.100.254', '192.0.2.1', '198.51.100.85'],
    ],
    [['2001:db8::/64'], ['2001:db8::1', '2001:db8::ffff:ffff:ffff:fffe']],
    [
      ['192.0.2.9/32', '2001:db8::/127'],
      ['192.0.2.9', '2001:db8::', '2001:db8::1'],
    ],
    [[], []],
  ])('of %j is %j', (networks, expected) => {
    expect(sample(networks)).toEqual([...new Set(expected)]);
  });

  const anyNetworks = fc.array(
    fc.oneof(
      fc.tuple(fc.ipV4(), fc.integer({ min: 13, max: 32 })),
      fc.tuple(fc.ipV6(), fc.integer({ min: 28, max: 128 })),
    ),
    { maxLength: 12 },
  );

  it('is of its own networks, each address once, the same ones each time, and never more than allowed', () => {
    fc.assert(
      fc.property(fc.array(anyNetworks, { maxLength: 6 }), fc.nat(20), (many, most) => {
        const senders = many.map((pairs, i) => ({
          id: `${i}`,
          networks: pairs
            .filter(([text]) => !/^::ffff:/i.test(text))
            .map(([text, length]) => network(`${text}/${length}`)),
        }));
        const samples = sampleSenders(senders, most);
        expect(samples).toEqual(sampleSenders(senders, most));
        expect(samples.flatMap(({ addresses }) => addresses).length).toBeLessThanOrEqual(most);
        for (const [i, { addresses }] of samples.entries()) {
          expect(new Set(addresses).size).toBe(addresses.length);
          for (const one of addresses)
            expect(senders[i]?.networks.some((own) => contains(own, address(one)))).toBe(true);
        }
      }),
    );
  });

  it('is shorter for all when there are too many, before anybody has none', () => {
    const senders = ['198.51.100.0/24', '203.0.113.0/24', '192.0.2.1/32'].map((text) => ({
      id: text,
      networks: [network(text)],
    }));
    const lengths = (most: number) => sampleSenders(senders, most).map(({ addresses }) => addresses.length);
    expect(lengths(9)).toEqual([4, 4, 1]);
    expect(lengths(6)).toEqual([3, 2, 1]);
    expect(lengths(3)).toEqual([1, 1, 1]);
    expect(lengths(1)).toEqual([1, 0, 0]);
  });
});

const SCREENING: Screening = {
  service: 'smtp',
  accessList: [],
  ownNetworks: [],
  rejects: false,
  action: 'enforce',
  sites: sites('a.example*3 b.example*2 c.example*1 good.example*-2'),
  threshold: 3,
};
const NONE: Access = { kind: 'none', by: null };
const LISTED: ZoneLook = { kind: 'listed', answers: ['127.0.0.2'] };
const NOT_LISTED: ZoneLook = { kind: 'not-listed' };
const FAULT: ZoneLook = { kind: 'fault', reason: 'no answer (timeout)' };

function judge(looks: Readonly<Record<string, ZoneLook>>, access = NONE, changes: Partial<Screening> = {}) {
  const screening = { ...SCREENING, ...changes };
  const all = zonesOf(screening.sites).map((zone) => [zone, looks[zone] ?? NOT_LISTED] as const);
  return judgeAddress('54.240.27.75', access, new Map(all), screening);
}

describe('an address', () => {
  it.each<[Record<string, ZoneLook>, string, object]>([
    [{}, 'passes', { least: 0, most: 0 }],
    [{ 'b.example': LISTED }, 'passes', { least: 2, most: 2 }],
    [{ 'a.example': LISTED }, 'refused', { least: 3, most: 3 }],
    [{ 'b.example': LISTED, 'c.example': LISTED }, 'refused', { least: 3, most: 3 }],
    [{ 'a.example': LISTED, 'good.example': LISTED }, 'passes', { least: 1, most: 1 }],
    // It hangs on the zone that did not answer.
    [{ 'a.example': FAULT }, 'unknown', { least: 0, most: 3 }],
    [{ 'a.example': LISTED, 'good.example': FAULT }, 'unknown', { least: 1, most: 3 }],
    // It does not.
    [{ 'b.example': FAULT }, 'passes', { least: 0, most: 2 }],
    [{ 'a.example': LISTED, 'b.example': FAULT }, 'refused', { least: 3, most: 5 }],
  ])('with %j %s', (looks, verdict, score) => {
    expect(judge(looks)).toMatchObject({ verdict, score });
  });

  it('is told from others by what the access list says, whatever its score', () => {
    const listed = { 'a.example': LISTED };
    const permit = { kind: 'permit', by: 'cidr:/t' } as const;
    const reject = { kind: 'reject', by: 'cidr:/t' } as const;
    expect(judge(listed, permit)).toMatchObject({ verdict: 'permitted', score: null });
    expect(judge({}, reject, { rejects: true })).toMatchObject({
      verdict: 'rejected',
      why: 'cidr:/t rejects it',
    });
    // postscreen_denylist_action = ignore
    expect(judge({}, reject)).toMatchObject({ verdict: 'passes' });
    expect(judge(listed, reject)).toMatchObject({ verdict: 'refused' });
    expect(judge({}, { kind: 'unknown', reason: 'fatal: x' })).toMatchObject({
      verdict: 'unknown',
      why: 'fatal: x',
    });
    expect(judge(listed, NONE, { sites: [] })).toMatchObject({ verdict: 'passes', score: null });
  });

  it('says which zones list it, with what, and which gave no answer', () => {
    const { why, listings, faults } = judge({ 'a.example': LISTED, 'good.example': FAULT });
    expect(why).toBe('a.example 127.0.0.2; good.example: no answer (timeout); score 1 to 3, threshold 3');
    expect(listings).toEqual([{ zone: 'a.example', answers: ['127.0.0.2'] }]);
    expect(faults).toEqual([{ zone: 'good.example', reason: 'no answer (timeout)' }]);
  });

  it('is unknown exactly when the missing answers could be either, where a zone counts once', () => {
    const anyLook = fc.constantFrom('listed', 'not-listed', 'fault');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -4, max: 4 }), anyLook), { maxLength: 5 }),
        fc.integer({ min: 1, max: 6 }),
        (zones, threshold) => {
          const all = zones.map(([weight, kind], i) => ({ zone: `z${i}.example`, weight, kind }));
          const looks = new Map(
            all.map(({ zone, kind }) => [
              zone,
              { listed: LISTED, 'not-listed': NOT_LISTED, fault: FAULT }[kind] as ZoneLook,
            ]),
          );
          const screening = { ...SCREENING, threshold, sites: all.map((one) => ({ ...one, filter: null })) };
          const { verdict } = judgeAddress('54.240.27.75', NONE, looks, screening);
          const scores = all.reduce(
            (sums, { weight, kind }) =>
              sums.flatMap((sum) =>
                kind === 'fault' ? [sum, sum + weight] : [kind === 'listed' ? sum + weight : sum],
              ),
            [0],
          );
          const refusals = new Set(scores.map((score) => score >= threshold));
          expect(verdict).toBe(refusals.size > 1 ? 'unknown' : refusals.has(true) ? 'refused' : 'passes');
        },
      ),
    );
  });
});

describe('a sender', () => {
  const probed = (verdict: ProbedAddress['verdict'], ip = '54.240.27.75'): ProbedAddress => ({
    address: ip,
    verdict,
    why: `why ${verdict}`,
    score: verdict === 'passes' ? { least: 1, most: 2 } : null,
    listings: [],
    faults: verdict === 'unknown' ? [{ zone: 'a.example', reason: 'no answer (timeout)' }] : [],
  });
  const sender = (...verdicts: ProbedAddress['verdict'][]) =>
    judgeSender(
      { sender: 'one', networks: verdicts.length, addresses: [] },
      verdicts.map((one) => probed(one)),
    );

  it.each([
    [['permitted', 'permitted'], 'passes', 'the access list permits it', 0],
    [['permitted', 'passes'], 'passes', 'highest score 2', 0],
    [['passes', 'refused', 'refused', 'unknown'], 'refused', '54.240.27.75: why refused (and 1 more)', 1],
    [['rejected', 'permitted'], 'refused', '54.240.27.75: why rejected', 1],
    [['passes', 'unknown'], 'unknown', '54.240.27.75: why unknown', 3],
    // Nothing failed, and nothing is known either.
    [[], 'unknown', 'none of its networks is known, so nothing could be asked', 0],
  ] as const)('of which the addresses are %j: %s, %s', (verdicts, verdict, why, code) => {
    const judged = sender(...verdicts);
    expect(judged).toMatchObject({ verdict, why });
    expect(probeExitCode([judged])).toBe(code);
  });

  it('that would be refused counts for more than one that is unknown', () => {
    expect(probeExitCode([sender('unknown'), sender('refused')])).toBe(1);
  });

  it('that no DNSBL can refuse passes without a score', () => {
    const passing = { ...probed('passes'), score: null };
    expect(judgeSender({ sender: 'one', networks: 1, addresses: [] }, [passing]).why).toMatch(/no DNSBL/);
  });

  it('that got no place in the sample is unknown, and the reason says what to do', () => {
    expect(judgeSender({ sender: 'one', networks: 2, addresses: [] }, []).why).toMatch(
      /run screenpass probe with its name/,
    );
  });

  it('has the faults of its zones counted', () => {
    expect([...faultsOf([sender('unknown', 'unknown'), sender('unknown')])]).toEqual([
      ['a.example: no answer (timeout)', 3],
    ]);
  });
});

describe('the settings', () => {
  const service = (name: string) => `${name} inet n - y - 1 postscreen`;
  const SETTINGS = {
    postscreen_dnsbl_sites: 'zen.spamhaus.org*3, bl.example',
    postscreen_dnsbl_threshold: '3',
    postscreen_dnsbl_action: 'enforce',
    postscreen_denylist_action: 'ignore',
  };
  const read = (
    changes: Record<string, string | undefined> = {},
    overrides = '',
    services = service('smtp'),
  ) => {
    const known = Object.entries({ ...SETTINGS, ...changes }).filter(([, value]) => value !== undefined);
    return readScreening(
      { accessList: 'permit_mynetworks, cidr:/t', overrides, services, mynetworks: '127.0.0.0/8' },
      Object.fromEntries(known) as Record<string, string>,
    );
  };

  it('are those of main.cf, and those of master.cf for the service on port 25 before them', () => {
    expect(read()).toMatchObject({
      ok: true,
      value: {
        service: 'smtp',
        accessList: ['permit_mynetworks', 'cidr:/t'],
        rejects: false,
        action: 'enforce',
        threshold: 3,
      },
    });
    const overrides = [
      'smtp/inet/postscreen_dnsbl_threshold = 8',
      'smtp/inet/postscreen_access_list = cidr:/other',
      '12525/inet/postscreen_dnsbl_threshold = 9',
    ].join('\n');
    const services = [service('12525'), service('smtp')].join('\n');
    expect(read({}, overrides, services)).toMatchObject({
      value: { service: 'smtp', threshold: 8, accessList: ['cidr:/other'] },
    });
    expect(read({}, overrides, service('12525'))).toMatchObject({
      value: { service: '12525', threshold: 9 },
    });
  });

  it('count no zone when postscreen ignores its score', () => {
    expect(read({ postscreen_dnsbl_action: 'ignore' })).toMatchObject({ value: { sites: [] } });
    expect(read({ postscreen_dnsbl_action: 'drop' })).toMatchObject({ value: { sites: [{}, {}] } });
  });

  it('are found under the older name of the denylist action', () => {
    const old = { postscreen_denylist_action: undefined, postscreen_blacklist_action: 'enforce' };
    expect(read(old)).toMatchObject({ value: { rejects: true } });
  });

  it.each([
    [{ postscreen_dnsbl_action: 'shout' }, /"shout" is no action/],
    [{ postscreen_denylist_action: undefined }, /"" is no action/],
    [{ postscreen_dnsbl_threshold: 'many' }, /"many"/],
    [{ postscreen_dnsbl_sites: 'bl.example*x' }, /postscreen_dnsbl_sites: .*weight/],
  ])('%j are a problem that is told', (changes, expected) => {
    expect(read(changes)).toMatchObject({ ok: false, problem: expect.stringMatching(expected) });
  });

  it('of a Postfix without postscreen are a problem', () => {
    expect(read({}, '', 'smtp inet n - y - - smtpd')).toMatchObject({
      ok: false,
      problem: expect.stringContaining('no postscreen service'),
    });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Address, contains, network, parseAddress } from '../../../src/core/net/network.ts';
import {
  type Access,
  accessOf,
  readOwnNetworks,
  readTableAnswer,
  type TableAnswer,
} from '../../../src/core/postscreen/access-list.ts';
import { type DnsblSite, parseSites } from '../../../src/core/postscreen/dnsbl-sites.ts';
import { listingName, readZoneAnswer, type ZoneLook } from '../../../src/core/postscreen/dnsbl-zone.ts';
import { listItems } from '../../../src/core/postscreen/wiring.ts';
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

describe('the access list', () => {
  const own = readOwnNetworks('127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128, !10.1.0.0/16 10.0.0.0/8');

  /** Answers written as `table=value`. */
  function access(list: string, client = '54.240.27.75', ...values: string[]): Access {
    const items = listItems(list);
    const answers = new Map<string, TableAnswer>();
    for (const text of values) {
      const [table = '', value = ''] = text.split('=');
      answers.set(table, { kind: 'value', value });
    }
    for (;;) {
      const access = accessOf(items, { address: address(client), answers }, own);
      if (access.kind !== 'ask') return access;
      answers.set(access.table, { kind: 'nothing' });
    }
  }

  const none = { kind: 'none', by: null };
  it.each<[string, string, string[], object]>([
    ['permit_mynetworks, cidr:/t', '54.240.27.75', ['cidr:/t=permit'], { kind: 'permit', by: 'cidr:/t' }],
    ['permit_mynetworks, cidr:/t', '54.240.27.75', [], none],
    ['permit_mynetworks', '127.0.0.1', [], { kind: 'permit', by: 'permit_mynetworks' }],
    ['permit_mynetworks', '::1', [], { kind: 'permit', by: 'permit_mynetworks' }],
    ['permit_mynetworks', '10.2.0.1', [], { kind: 'permit', by: 'permit_mynetworks' }],
    ['permit_mynetworks', '10.1.0.1', [], none],
    [
      'cidr:/a cidr:/b',
      '1.2.3.4',
      ['cidr:/a=REJECT 550 go', 'cidr:/b=permit'],
      { kind: 'reject', by: 'cidr:/a' },
    ],
    [
      'cidr:/a cidr:/b',
      '1.2.3.4',
      ['cidr:/a=PERMIT # note', 'cidr:/b=reject'],
      { kind: 'permit', by: 'cidr:/a' },
    ],
    ['cidr:/a cidr:/b', '1.2.3.4', ['cidr:/a=dunno', 'cidr:/b=permit'], { kind: 'permit', by: 'cidr:/b' }],
    ['cidr:/a', '1.2.3.4', ['cidr:/a=permit_mynetworks, reject'], { kind: 'reject', by: 'cidr:/a' }],
    ['cidr:/a', '127.0.0.1', ['cidr:/a=permit_mynetworks, reject'], { kind: 'permit', by: 'cidr:/a' }],
    // What Postfix does not understand ends the list.
    [
      'cidr:/a cidr:/b',
      '1.2.3.4',
      ['cidr:/a=OK', 'cidr:/b=permit'],
      { kind: 'error', by: 'cidr:/a', reason: 'unknown command: OK' },
    ],
    // But for a table in a table, at which its warning says the same and its code goes on (measured, 3.7.11).
    ['cidr:/a cidr:/b', '1.2.3.4', ['cidr:/a=cidr:/x', 'cidr:/b=permit'], { kind: 'permit', by: 'cidr:/b' }],
    [
      'foo, cidr:/a',
      '1.2.3.4',
      ['cidr:/a=permit'],
      { kind: 'error', by: 'foo', reason: 'unknown command: foo' },
    ],
    ['dunno, permit', '1.2.3.4', [], { kind: 'none', by: 'dunno' }],
    ['reject', '1.2.3.4', [], { kind: 'reject', by: 'reject' }],
    ['', '1.2.3.4', [], none],
  ])('"%s" says of %s with %j: %j', (list, client, values, expected) => {
    expect(access(list, client, ...values)).toEqual(expected);
  });

  it('asks the tables in their order, and none behind an item that answers for everybody', () => {
    const asked: string[] = [];
    const answers = new Map<string, TableAnswer>();
    const client = { address: address('1.2.3.4'), answers };
    const items = listItems('permit_mynetworks, cidr:/a, pcre:/b, reject, cidr:/c');
    for (
      let access = accessOf(items, client, own);
      access.kind === 'ask';
      access = accessOf(items, client, own)
    ) {
      asked.push(access.table);
      answers.set(access.table, { kind: 'nothing' });
    }
    expect(asked).toEqual(['cidr:/a', 'pcre:/b']);
  });

  it('ends at a table that Postfix cannot read; one that could not be asked is unknown', () => {
    const ask = (answer: TableAnswer) =>
      accessOf(
        ['cidr:/t', 'permit'],
        { address: address('1.2.3.4'), answers: new Map([['cidr:/t', answer]]) },
        own,
      );
    const stderr = 'postmap: warning: x\npostmap: fatal: open /t: No such file or directory\n';
    const failed = readTableAnswer({ exitCode: 1, stdout: '', stderr });
    const reason = 'open /t: No such file or directory';
    expect(failed).toEqual({ kind: 'failed', reason });
    expect(ask(failed)).toEqual({ kind: 'error', by: 'cidr:/t', reason });
    expect(ask({ kind: 'unknown', reason: 'no answer' })).toEqual({ kind: 'unknown', reason: 'no answer' });
  });

  it.each<[string, object]>([
    // Measured on Postfix 3.7.11, all of them.
    ['0.0.0.0/0', { kind: 'permit' }],
    ['!1.2.0.0/16 0.0.0.0/0', { kind: 'none' }],
    ['10.0.0.1/8', { kind: 'error', reason: '"10.0.0.1/8" in mynetworks has host bits set' }],
    ['1.2.3.4 10.0.0.1/8', { kind: 'permit' }],
    ['hash:/m', { kind: 'ask', table: 'hash:/m' }],
    ['127.0.0.0/8 /etc/mynetworks', { kind: 'unknown' }],
    ['[2001:db8::]/32 [::ffff:1.2.3.0]/120', { kind: 'none' }],
    ['', { kind: 'none' }],
  ])('reads mynetworks "%s" as %j', (text, expected) => {
    const client = { address: address('1.2.3.4'), answers: new Map() };
    expect(accessOf(['permit_mynetworks'], client, readOwnNetworks(text))).toMatchObject(expected);
    expect(accessOf(['permit', 'permit_mynetworks'], client, readOwnNetworks(text))).toMatchObject({
      kind: 'permit',
    });
  });

  it.each<[TableAnswer, object]>([
    [{ kind: 'value', value: 'anything' }, { kind: 'permit' }],
    [{ kind: 'nothing' }, { kind: 'none' }],
    [
      { kind: 'failed', reason: 'x' },
      { kind: 'error', reason: 'mynetworks: hash:/m: x' },
    ],
    [{ kind: 'unknown', reason: 'x' }, { kind: 'unknown' }],
  ])('takes %j of a table in mynetworks for %j', (answer, expected) => {
    const client = { address: address('1.2.3.4'), answers: new Map([['hash:/m', answer]]) };
    expect(accessOf(['permit_mynetworks'], client, readOwnNetworks('hash:/m'))).toMatchObject(expected);
  });

  it.each([
    [{ exitCode: 1, stdout: '', stderr: '' }, { kind: 'nothing' }],
    [
      { exitCode: 0, stdout: 'permit\n', stderr: 'postmap: warning: cidr map /t, line 2: x\n' },
      { kind: 'value', value: 'permit' },
    ],
    [
      { exitCode: 126, stdout: 'OCI runtime exec failed\r\n', stderr: '' },
      { kind: 'unknown', reason: expect.any(String) },
    ],
  ])('reads %j of postmap as %j', (result, expected) => {
    expect(readTableAnswer(result)).toEqual(expected);
  });
});

describe('a zone', () => {
  it('is asked by reversed octets or nibbles', () => {
    expect(listingName(address('54.240.27.75'), 'bl.example')).toBe('75.27.240.54.bl.example');
    expect(listingName(address('2001:db8::2:1'), 'bl.example')).toBe(
      '1.0.0.0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example',
    );
  });

  it.each([
    [
      { kind: 'found', records: ['127.0.0.2', '127.0.0.4'] },
      { kind: 'listed', answers: ['127.0.0.2', '127.0.0.4'] },
    ],
    [{ kind: 'no-name' }, { kind: 'not-listed' }],
    [{ kind: 'no-data' }, { kind: 'not-listed' }],
    [
      { kind: 'failed', reason: 'servfail' },
      { kind: 'fault', reason: 'no answer (servfail)' },
    ],
    [
      { kind: 'found', records: ['127.0.0.2', '127.255.255.254'] },
      { kind: 'fault', reason: expect.stringContaining('public resolver') },
    ],
    [
      { kind: 'found', records: ['127.255.255.9'] },
      { kind: 'fault', reason: 'the zone answers with an error (127.255.255.9)' },
    ],
    [
      { kind: 'found', records: ['92.242.140.2'] },
      { kind: 'fault', reason: expect.stringContaining('92.242.140.2') },
    ],
  ] as const)('that answers %j says %j', (answer, expected) => {
    expect(readZoneAnswer(answer)).toEqual(expected);
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

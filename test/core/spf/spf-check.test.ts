import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readName } from '../../../src/core/dns/dns-name.ts';
import { type Address, parseAddress } from '../../../src/core/net/network.ts';
import { checkHost } from '../../../src/core/spf/spf-check.ts';
import type { SpfQuery } from '../../../src/core/spf/spf-match.ts';
import { exchanges, records, type Zone, type ZoneFault } from '../../double/dns-zone.ts';
import { zoneResolver } from '../../double/zone-resolver.ts';

const address = (text: string) => parseAddress(text) as Address;

function check(zone: Zone, ip = '192.0.2.1', query: Partial<SpfQuery> = {}) {
  const whole = { domain: 'd.example', sender: 'ann@d.example', helo: 'mail.d.example', ...query };
  return checkHost({ ip: address(ip), ...whole }, zoneResolver(zone));
}

/** What a single record says of an address. */
async function says(record: string, ip?: string) {
  return (await check(records({ 'd.example': record }), ip)).result;
}

describe('the record that is found', () => {
  it.each([
    ['v=spf1 IP4:192.0.2.0/24 -ALL', '192.0.2.1', 'pass', 'upper case'],
    ['v=spf1  ip4:192.0.2.1   -all  ', '192.0.2.1', 'pass', 'more than one blank'],
    ['v=spf1 ip4:198.51.100.1', '192.0.2.1', 'neutral', 'no all'],
    ['v=spf1 -all ip4:192.0.2.1', '192.0.2.1', 'fail', 'a term after all'],
    ['v=spf1 ~all include:nowhere.example', '192.0.2.1', 'softfail', 'a term after all asks nothing'],
    ['v=spf1?all', '192.0.2.1', 'none', 'no blank behind the version'],
    ['v=spf1 nclude:x.example ?all', '192.0.2.1', 'permerror', 'a typing error'],
    ['v=spf1 ip4:192.0.2.1 -all moo', '192.0.2.1', 'permerror', 'an error behind the match'],
    ['v=spf1 ip4:207.68.169.173/30 -all', '207.68.169.172', 'pass', 'host bits set'],
    ['v=spf1 ip4:207.68.169.173/30 -all', '207.68.169.176', 'fail', 'host bits set, outside'],
    ['v=spf1 ip4:10.232.176.0/27 -all', '10.232.176.31', 'pass', 'a private network is a network'],
    ['v=spf1 ip4:0.0.0.0/0 -all', '192.0.2.1', 'pass', 'everyone'],
    ['v=spf1 ip4:0.0.0.0/0 -all', '2001:db8::1', 'fail', 'everyone with IPv4'],
    ['v=spf1 ip6:::/0 -all', '192.0.2.1', 'fail', 'everyone with IPv6'],
    ['v=spf1 ip6:::ffff:192.0.2.1 -all', '192.0.2.1', 'fail', 'a mapped network is not IPv4'],
    ['v=spf1 ip4:192.0.2.1 -all', '::ffff:192.0.2.1', 'pass', 'a mapped client is IPv4'],
    ['v=spf1 ip6:2001:DB8::1/64 -all', '2001:db8::ffff', 'pass', 'IPv6'],
  ])('%j, of %s: %s (%s)', async (record, ip, result) => expect(await says(record, ip)).toBe(result));

  it('has its strings joined without a blank', async () => {
    const zone = { 'd.example': { TXT: [['v=spf1 ip4:184.1', '68.200.0/24 -all']] } };
    expect(await check(zone, '184.168.200.7')).toMatchObject({
      result: 'pass',
      term: 'ip4:184.168.200.0/24',
    });
  });

  it('twice is a permerror', async () => {
    const twice = await check({ 'd.example': { TXT: ['v=spf1 +all', 'v=spf1 +all'] } });
    expect(twice).toMatchObject({
      result: 'permerror',
      term: null,
      problem: expect.stringContaining('2 SPF'),
    });
  });

  it('longer than DNS can have is a permerror, at once', async () => {
    const zone = records({ 'd.example': `v=spf1${' ip4:192.0.2.1'.repeat(100_000)}` });
    expect(await check(zone)).toMatchObject({ result: 'permerror', lookups: 0 });
  });

  it.each([
    'example',
    'a..example',
    '[192.0.2.1]',
    '',
    'ä.example',
    `${'a.'.repeat(200)}example`,
  ])('is none for %j, which nobody is asked about', async (domain) => {
    const resolver = zoneResolver({});
    const query = { ip: address('192.0.2.1'), domain, sender: '', helo: 'x' };
    expect((await checkHost(query, resolver)).result).toBe('none');
    expect(resolver.asked).toEqual([]);
  });
});

describe('the term that decides', () => {
  const zone = records({
    'd.example': 'v=spf1 include:_a.d.example ?include:_b.d.example redirect=_c.d.example',
    '_a.d.example': 'v=spf1 ip4:192.0.2.1 -all',
    '_b.d.example': 'v=spf1 ip4:192.0.2.2 -all',
    '_c.d.example': 'v=spf1 ip4:192.0.2.3 ~all',
  });

  it.each([
    ['192.0.2.1', 'pass', 'include:_a.d.example', 1],
    ['192.0.2.2', 'neutral', '?include:_b.d.example', 2],
    ['192.0.2.3', 'pass', 'ip4:192.0.2.3', 3],
    ['192.0.2.4', 'softfail', '~all', 3],
  ])('of %s: %s by %s', async (ip, result, term, lookups) => {
    expect(await check(zone, ip)).toEqual({ result, term, lookups, explanation: null, problem: null });
  });

  it('of an error in an included record is the inner one', async () => {
    const broken = records({
      'd.example': 'v=spf1 include:_a.d.example +all',
      '_a.d.example': 'v=spf1 include:_gone.d.example -all',
    });
    expect(await check(broken)).toMatchObject({ result: 'permerror', term: 'include:_gone.d.example' });
  });
});

describe('hosts', () => {
  const zone: Zone = {
    'd.example': { TXT: ['v=spf1 a/24 mx:m.example//64 -all'], A: ['192.0.2.77'] },
    'm.example': { MX: exchanges('mx1.example', '', 'mx2.example') },
    'mx1.example': { A: ['198.51.100.1'] },
    'mx2.example': { AAAA: ['2001:db8:1::1', 'nonsense'] },
  };
  it.each([
    ['192.0.2.1', 'pass'],
    ['192.0.3.1', 'fail'],
    ['198.51.100.1', 'pass'],
    ['198.51.100.2', 'fail'],
    ['2001:db8:1::ffff', 'pass'],
    ['2001:db8:2::1', 'fail'],
  ])('%s: %s', async (ip, result) => expect((await check(zone, ip)).result).toBe(result));

  it('of ptr must lead back, be whole labels, and may fail to answer', async () => {
    const ptr = (names: string[], more: Zone = {}) => ({
      ...records({ 'd.example': 'v=spf1 ptr:d.example -all' }),
      '1.2.0.192.in-addr.arpa': { PTR: names },
      'mx.d.example': { A: ['192.0.2.1'] },
      'liar.d.example': { A: ['192.0.2.9'] },
      'notd.example': { A: ['192.0.2.1'] },
      ...more,
    });
    expect((await check(ptr(['liar.d.example', 'MX.D.example']))).result).toBe('pass');
    expect((await check(ptr(['liar.d.example']))).result).toBe('fail');
    expect((await check(ptr(['notd.example']))).result).toBe('fail');
    const slow: Zone = { 'slow.d.example': 'TIMEOUT' };
    expect((await check(ptr(['slow.d.example'], slow))).result).toBe('fail');
    expect((await check(ptr(['slow.d.example', 'mx.d.example'], slow))).result).toBe('pass');
    expect((await check(ptr([], { '1.2.0.192.in-addr.arpa': 'SERVFAIL' }))).result).toBe('fail');
  });

  it('of an exists name with macros are asked for by the client address', async () => {
    const zone2: Zone = {
      ...records({ 'd.example': 'v=spf1 exists:%{i}._spf.%{d} -all' }),
      '192.0.2.1._spf.d.example': { A: ['127.0.0.2'] },
    };
    expect((await check(zone2)).result).toBe('pass');
    expect((await check(zone2, '192.0.2.2')).result).toBe('fail');
  });
});

describe('a limit', () => {
  const names = (count: number, name: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => name(i));

  it('of ten lookups is shared by all records', async () => {
    const zone = (outer: number, inner: number): Zone => ({
      'd.example': { TXT: [`v=spf1 include:i.example ${'a '.repeat(outer)}ip4:192.0.2.1`], A: ['192.0.2.9'] },
      'i.example': { TXT: [`v=spf1 ${'mx '.repeat(inner)}-all`], MX: exchanges('x.example') },
      'x.example': { A: ['192.0.2.8'] },
    });
    expect(await check(zone(4, 5))).toMatchObject({ result: 'pass', lookups: 10 });
    expect(await check(zone(5, 5))).toMatchObject({ result: 'permerror', lookups: 10, term: 'a' });
    expect(await check(zone(0, 10))).toMatchObject({ result: 'permerror', term: 'mx' });
  });

  it('ends loops', async () => {
    expect(await says('v=spf1 include:d.example')).toBe('permerror');
    expect(await says('v=spf1 redirect=d.example')).toBe('permerror');
  });

  it.each(['a', 'mx', 'exists'])('of two void lookups holds for %s', async (kind) => {
    const voids = (count: number) => names(count, (i) => `${kind}:n${i}.example`).join(' ');
    expect(await says(`v=spf1 ${voids(2)} -all`)).toBe('fail');
    expect(await says(`v=spf1 ${voids(3)} -all`)).toBe('permerror');
  });

  it('of ten MX records is a permerror, and dead ones among few are not void', async () => {
    const zone = (count: number): Zone => ({
      'd.example': { TXT: ['v=spf1 mx -all'], MX: exchanges(...names(count, (i) => `m${i}.example`)) },
      'm9.example': { A: ['192.0.2.1'] },
    });
    expect((await check(zone(10))).result).toBe('pass');
    expect((await check(zone(11))).result).toBe('permerror');
  });

  it('of ten PTR names ignores the others', async () => {
    const zone: Zone = {
      'd.example': { TXT: ['v=spf1 ptr -all'] },
      '1.2.0.192.in-addr.arpa': { PTR: names(11, (i) => `n${i}.d.example`) },
      'n10.d.example': { A: ['192.0.2.1'] },
    };
    expect((await check(zone)).result).toBe('fail');
    expect((await check({ ...zone, 'n9.d.example': { A: ['192.0.2.1'] } })).result).toBe('pass');
  });
});

describe('a lookup that failed', () => {
  const zone: Zone = {
    'd.example': {
      TXT: ['v=spf1 include:i.example a:a.example mx:m.example exists:e.example redirect=r.example'],
    },
    'i.example': { TXT: ['v=spf1 ip4:198.51.100.1'] },
    'a.example': { A: ['198.51.100.2'] },
    'm.example': { MX: exchanges('mx.example') },
    'mx.example': { A: ['198.51.100.3'] },
    'e.example': {},
    'r.example': { TXT: ['v=spf1 ip4:192.0.2.1'] },
  };
  const faults: ZoneFault[] = ['TIMEOUT', 'SERVFAIL', 'REFUSED', 'TRUNCATED', 'MALFORMED'];

  it('anywhere on the way is a temperror, whatever the reason', async () => {
    expect((await check(zone)).result).toBe('pass');
    for (const name of Object.keys(zone))
      for (const fault of faults)
        expect((await check({ ...zone, [name]: fault })).result, name).toBe('temperror');
  });

  it('for want of a name that can be asked for is a temperror, too', async () => {
    const zone2 = records({ 'd.example': 'v=spf1 -exists:%{l}._spf.%{d} +all' });
    const from = async (sender: string) => (await check(zone2, '192.0.2.1', { sender })).result;
    expect([await from('ann@d.example'), await from('a+b@d.example')]).toEqual(['pass', 'temperror']);
  });

  it('behind the match is not asked', async () => {
    expect((await check({ ...zone, 'r.example': 'TIMEOUT' }, '198.51.100.3')).result).toBe('pass');
  });
});

describe('an explanation', () => {
  const zone = (text: string, record = 'v=spf1 -all exp=why.%{d}'): Zone => ({
    ...records({ 'd.example': record, 'why.d.example': text }),
  });

  it('of a fail is expanded', async () => {
    const text = '%{i} (%{c}) is not for %{s}, says %{d} to %{r} at %{t}: %{p} %{h} %{l} %{o} %{v}';
    expect(await check(zone(text), '192.0.2.1', { receiver: 'mx.here', time: 7.9 })).toMatchObject({
      explanation:
        '192.0.2.1 (192.0.2.1) is not for ann@d.example, says d.example to mx.here at 7: unknown mail.d.example ann d.example in-addr',
    });
  });

  it('names the postmaster when there is no local part', async () => {
    const explain = async (sender: string) =>
      (await check(zone('%{s}'), '192.0.2.1', { sender })).explanation;
    expect(await explain('')).toBe('postmaster@mail.d.example');
    expect(await explain('@b.example')).toBe('postmaster@b.example');
    expect(await explain('b.example')).toBe('postmaster@b.example');
    expect(await explain('a@b@c.example')).toBe('a@b@c.example');
  });

  it.each<[string, string | undefined, string]>([
    ['%{x}', undefined, 'with an error'],
    ['é', undefined, 'not in ASCII'],
    ['no', 'v=spf1 ~all exp=why.d.example', 'of a softfail'],
    ['no', 'v=spf1 -all exp=gone.d.example', 'that is not there'],
    ['no', 'v=spf1 -all exp=%{h1}', 'under a name that cannot be'],
  ])('%j is left out: %o, %s', async (text, record) => {
    const found = await check(zone(text, record));
    expect([found.explanation, found.lookups]).toEqual([null, 0]);
    expect(found.result).toBe(record?.includes('~') ? 'softfail' : 'fail');
  });
});

it('any record of strange terms has a result', async () => {
  const term = fc.constantFrom(
    ...[
      'a',
      'mx',
      'ptr',
      'include:d.example',
      'exists:%{p}.%{h}',
      'redirect=%{d2}',
      '-all',
      'a:%{s}',
      'x=%{l}',
    ],
    ...[
      'ip4:192.0.2.0/24',
      'ip6:::/0',
      'include:%{o}',
      '?a//0',
      'exp=%{d}',
      '~exists:%{lr-}.%{ir}.%{v}.d.example',
    ],
  );
  const name = fc.record({
    TXT: fc.array(
      fc.array(term).map((terms) => `v=spf1 ${terms.join(' ')}`),
      { maxLength: 2 },
    ),
    A: fc.array(fc.ipV4(), { maxLength: 3 }),
    MX: fc
      .array(fc.constantFrom('d.example', '', 'a b.example'), { maxLength: 12 })
      .map((names) => exchanges(...names)),
    PTR: fc.array(fc.constantFrom('d.example', 'x.d.example'), { maxLength: 12 }),
  });
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('d.example', 'a@d.example'));
  await fc.assert(
    fc.asyncProperty(name, text, text, async (any, sender, helo) => {
      const resolver = zoneResolver({ 'd.example': any, '1.2.0.192.in-addr.arpa': any });
      const query = { ip: address('192.0.2.1'), domain: 'd.example', sender, helo };
      const { result, lookups } = await checkHost(query, resolver);
      const failed = resolver.asked.some(
        (question) => readName(question.replace(/^\w+ /, '')).kind === 'failed',
      );
      expect(result).toMatch(/^(none|neutral|pass|fail|softfail|permerror|temperror)$/);
      if (result === 'temperror') expect(failed).toBe(true);
      expect(lookups).toBeLessThanOrEqual(10);
    }),
  );
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatNetwork } from '../../../src/core/net/network.ts';
import { parseRecord, selectRecord } from '../../../src/core/spf/spf-record.ts';

/** Records of a corpus file with the line of comment above them. */
function corpus(name: string): { why: string; record: string }[] {
  const text = readFileSync(new URL(`../../corpus/spf/${name}`, import.meta.url), 'utf8');
  let why = '';
  return text.split('\n').flatMap((line) => {
    if (line.startsWith('#')) why = line.slice(2);
    return line === '' || line.startsWith('#') ? [] : [{ why, record: line }];
  });
}

function read(record: string) {
  const selected = selectRecord([record]);
  if (!selected.ok || selected.value === undefined) throw new Error(`no SPF record: ${record}`);
  return parseRecord(selected.value);
}

function terms(record: string) {
  const parsed = read(record);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value.directives.map(({ qualifier, mechanism, text }) => {
    return 'network' in mechanism ? `${qualifier}${formatNetwork(mechanism.network)}` : text;
  });
}

describe('the corpus of records', () => {
  it.each(corpus('valid.txt'))('$why: $record', ({ record }) => expect(read(record).ok).toBe(true));

  it.each(corpus('invalid.txt'))('refuses $why: $record', ({ record }) => {
    expect(read(record)).toEqual({ ok: false, problem: expect.stringMatching(/^".+": ./s) });
  });
});

describe('the SPF record of a domain', () => {
  it.each<[string[], string | undefined, string]>([
    [[], undefined, 'no TXT record'],
    [['google-site-verification=x', ''], undefined, 'others only'],
    [['v=spf1'], '', 'nothing but the version'],
    [['x', 'V=sPf1 -all'], ' -all', 'one among others, in any case'],
    [['v=spf10 -all', 'v=spf1-all', 'v=spf1?all', 'v=spf2.0/pra', ' v=spf1'], undefined, 'near misses'],
    [['v=spf1\t-all'], undefined, 'a tab behind the version'],
  ])('%j has %j: %s', (texts, value) => expect(selectRecord(texts)).toEqual({ ok: true, value }));

  it('is none when there are two, even the same', () => {
    expect(selectRecord(['v=spf1 -all', 'v=spf1 -all'])).toMatchObject({ ok: false });
  });
});

describe('a record', () => {
  it('has its terms in order, with networks in canonical form', () => {
    expect(terms('v=spf1  IP4:207.68.169.173/30 ~ip6:2001:DB8::1/64 ?a -all exists:%{i}.x.example')).toEqual([
      '+207.68.169.172/30',
      '~2001:db8::/64',
      '?a',
      '-all',
      'exists:%{i}.x.example',
    ]);
  });

  it('keeps an IPv4-mapped network apart from IPv4', () => {
    expect(terms('v=spf1 ip6:::ffff:192.0.2.1/120')).toEqual(['+::ffff:c000:200/120']);
  });

  it('has redirect and exp wherever they stand', () => {
    const parsed = read('v=spf1 Redirect=a.example -all EXP=b.example other=c.example');
    expect(parsed.ok && [parsed.value.redirect?.text, parsed.value.exp?.text]).toEqual([
      'Redirect=a.example',
      'EXP=b.example',
    ]);
  });

  it('longer than DNS can have is refused, and any text is read in no time', () => {
    const start = performance.now();
    expect(parseRecord(' ip4:192.0.2.1'.repeat(100_000))).toMatchObject({ ok: false });
    expect(parseRecord(` a:${'a'.repeat(1_000_000)}`)).toMatchObject({ ok: false });
    for (const head of ['', 'a:', 'a/', 'x=', 'ip4:', 'ip6:', 'exp='])
      for (const part of ['%{d', '%{d}', '%{d1', '/', '/1', ':', '.', '-', '=', '%', 'a-', 'a b '])
        parseRecord(` ${head}${part.repeat(60_000 / part.length)}`);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('of any text is a record or a problem', () => {
    const piece = fc.constantFrom(
      'v=',
      'a',
      'mx',
      ':',
      '/',
      '24',
      '%{',
      '}',
      'ip4',
      ' ',
      '-',
      '1.2.3.4',
      '=',
      '\n',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece).map((pieces) => pieces.join('')),
    );
    fc.assert(fc.property(text, (any) => typeof parseRecord(any).ok === 'boolean'));
  });
});

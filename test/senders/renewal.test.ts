import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatNetwork, network } from '../../src/core/net/network.ts';
import type { Expansion } from '../../src/core/spf/spf-expand.ts';
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import { renew, tellRenewal } from '../../src/senders/renewal.ts';

const NOW = Date.parse('2027-02-03T04:05:06Z');

/** Entries as the file has them, with the fields in the file's order. */
function entry(id: string, changes: { spf?: string[]; unlistable?: true; networks?: string[] } = {}) {
  const { spf = [`${id}.example`], networks = [], unlistable } = changes;
  return {
    id,
    name: id.toUpperCase(),
    category: 'saas',
    default: false,
    note: 'a test',
    confidence: 'medium',
    source: `SPF of ${spf.join(', ')}`,
    seen: '2026-09',
    spf,
    rdns: [],
    ...(unlistable && { unlistable }),
    networks,
  };
}

type Entry = ReturnType<typeof entry>;

function fileOf(...senders: readonly Entry[]): string {
  return `${JSON.stringify({ generated: '2026-11-24', senders }, null, 1)}\n`;
}

function lists(networks: readonly string[], unlistable: readonly string[] = []): Expansion {
  return { kind: 'listed', networks: networks.map(network), unlistable, lookups: 1, depth: 1 };
}

const FAILED: Expansion = { kind: 'failed', domain: 'alpha.example', reason: 'servfail' };
const NO_RECORD: Expansion = { kind: 'invalid', domain: 'alpha.example', problem: 'has no SPF record' };

/** The catalogue after these answers, by id, and what is told of it. */
function renewed(text: string, answers: Readonly<Record<string, Expansion>>, accept: readonly string[] = []) {
  const asked = readCatalogue(JSON.parse(text)).flatMap((sender) => {
    const expansion = answers[sender.id];
    return expansion === undefined ? [] : [{ sender, expansions: [expansion], identities: new Map() }];
  });
  const renewal = renew(text, asked, NOW, new Set(accept));
  return { text: renewal.text, told: tellRenewal(renewal.judged).trimEnd().split('\n') };
}

describe('the catalogue after an answer', () => {
  const alpha = entry('alpha', { networks: ['54.240.0.0/18', '69.169.224.0/20', '2a00:1450::/56'] });
  const beta = entry('beta', { spf: [], networks: ['192.30.252.0/22'] });
  const same = lists(alpha.networks);

  it('has the networks that are listed now, sorted and merged, and all else as it was', () => {
    const grown = lists([
      '2a00:1450::/56',
      '69.169.224.0/21',
      '54.240.64.0/21',
      '54.240.72.0/21',
      '54.240.0.0/18',
    ]);
    const { text, told } = renewed(fileOf(alpha, beta), { alpha: grown });
    const networks = ['54.240.0.0/18', '54.240.64.0/20', '69.169.224.0/21', '2a00:1450::/56'];
    const expected = fileOf({ ...alpha, seen: '2027-02', networks }, beta);
    expect(text).toBe(expected.replace('2026-11-24', '2027-02-03'));
    expect(told).toEqual([
      'alpha',
      '  + 54.240.64.0/20',
      '  - 69.169.232.0/21',
      '1 senders asked: 1 changed (+1 -1 networks), 0 did not answer, 0 not trusted',
    ]);
  });

  it('says when the same was seen again, and where', () => {
    const old = { ...alpha, source: 'a mail on a list' };
    const { text, told } = renewed(fileOf(old), { alpha: same });
    expect(JSON.parse(text)).toEqual({ generated: '2027-02-03', senders: [{ ...alpha, seen: '2027-02' }] });
    expect(told).toEqual(['1 senders asked: 0 changed (+0 -0 networks), 0 did not answer, 0 not trusted']);
  });

  it('is the same byte for byte when nothing is new, whatever its form', () => {
    const seen = { ...alpha, seen: '2027-02' };
    for (const text of [fileOf(seen, beta), JSON.stringify({ generated: '2026-11-24', senders: [seen] })])
      expect(renewed(text, { alpha: same }).text).toBe(text);
  });

  it.each([
    ['no answer', FAILED, 'alpha did not answer and keeps its networks: alpha.example: no answer (servfail)'],
    ['no record', NO_RECORD, 'alpha is not trusted and keeps its networks: alpha.example has no SPF record'],
    [
      'private networks',
      lists([...alpha.networks, '10.0.0.0/16']),
      'alpha is not trusted and keeps its networks: lists 10.0.0.0/16: private or reserved address space, which is never allowed',
    ],
    [
      'a large loss',
      lists(['54.240.0.0/20']),
      'alpha is not trusted and keeps its networks: loses more than half of its IPv4 addresses at once; if that is right: --accept alpha',
    ],
    [
      'a large gain',
      lists([...alpha.networks, '98.77.0.0/16']),
      'alpha is not trusted and keeps its networks: gains more than half of its IPv4 addresses at once; if that is right: --accept alpha',
    ],
  ])('is the same byte for byte after %s', (_what, expansion, told) => {
    const text = fileOf(alpha);
    const after = renewed(text, { alpha: expansion });
    expect([after.text, after.told[0]]).toEqual([text, told]);
  });

  it('has a large change that the maintainer accepts, and nothing else that is not trusted', () => {
    const large = renewed(fileOf(alpha), { alpha: lists(['54.240.0.0/20']) }, ['alpha']);
    expect(JSON.parse(large.text).senders[0].networks).toEqual(['54.240.0.0/20']);
    expect(renewed(fileOf(alpha), { alpha: NO_RECORD }, ['alpha']).text).toBe(fileOf(alpha));
  });

  it('has the first networks of a sender, however many', () => {
    const { text } = renewed(fileOf(entry('gamma')), { gamma: lists(['54.240.0.0/17', '98.77.0.0/16']) });
    expect(JSON.parse(text).senders[0].networks).toEqual(['54.240.0.0/17', '98.77.0.0/16']);
  });
});

describe('a sender whose networks cannot be listed', () => {
  const exists = ['"exists:%{i}.example" in gamma.example'];
  const gamma = entry('gamma', { unlistable: true, networks: ['54.240.0.0/18', '98.77.0.0/16'] });

  it('keeps its bundled networks, beside what is listed', () => {
    const { text, told } = renewed(fileOf(gamma), { gamma: lists(['54.240.64.0/18'], exists) });
    const networks = ['54.240.0.0/17', '98.77.0.0/16'];
    expect(JSON.parse(text).senders).toEqual([{ ...gamma, seen: '2027-02', networks }]);
    expect(told.slice(0, -1)).toEqual(['gamma', '  + 54.240.64.0/18']);
  });

  it('has no network wider than the catalogue takes, though neighbours would make one', () => {
    const wide = entry('gamma', { unlistable: true, networks: ['54.240.0.0/13'] });
    const { text } = renewed(fileOf(wide), { gamma: lists(['54.248.0.0/13'], exists) });
    const [sender] = readCatalogue(JSON.parse(text));
    expect(sender?.networks.map(formatNetwork)).toEqual(['54.240.0.0/13', '54.248.0.0/13']);
  });

  it('has what is listed alone, when its records list everything now', () => {
    const { text, told } = renewed(fileOf(gamma), { gamma: lists(['54.240.0.0/17']) });
    expect(JSON.parse(text).senders[0]).toEqual(
      entryIn(text, { ...entry('gamma', { networks: ['54.240.0.0/17'] }), seen: '2027-02' }),
    );
    expect(told.slice(0, -1)).toEqual([
      'gamma',
      '  + 54.240.64.0/18',
      '  - 98.77.0.0/16',
      '  its records list all its networks now',
    ]);
  });

  it('is held back when it could be listed before, and marked as such once the maintainer accepts', () => {
    const before = fileOf(entry('gamma', { networks: gamma.networks }));
    const answer = { gamma: lists(['54.240.0.0/19'], exists) };
    expect(renewed(before, answer).text).toBe(before);
    const { text, told } = renewed(before, answer, ['gamma']);
    expect(text).toBe(fileOf({ ...gamma, seen: '2027-02' }).replace('2026-11-24', '2027-02-03'));
    expect(told.slice(0, -1)).toEqual(['gamma', '  its records do not list all its networks any more']);
  });
});

/** `expected`, once its fields are known to stand in this order in the text. */
function entryIn(text: string, expected: Entry): Entry {
  expect(Object.keys(JSON.parse(text).senders[0])).toEqual(Object.keys(expected));
  return expected;
}

it('whatever the answers, the new catalogue is one, and the same answers do not change it again', () => {
  const cidr = fc
    .tuple(
      fc.integer({ min: 11, max: 99 }),
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 16, max: 32 }),
    )
    .map(([a, b, prefix]) => `${a}.${b}.0.0/${prefix}`);
  const networks = fc.array(cidr, { maxLength: 6 });
  const answer = fc.oneof(
    fc.constantFrom(FAILED, NO_RECORD),
    fc.tuple(networks, fc.constantFrom([], ['"ptr" in x.example'])).map(([all, rest]) => lists(all, rest)),
  );
  const sender = fc.record({
    networks,
    answer,
    unlistable: fc.constantFrom({}, { unlistable: true as const }),
  });
  fc.assert(
    fc.property(fc.array(sender, { minLength: 1, maxLength: 4 }), fc.boolean(), (senders, accepting) => {
      const entries = senders.map((one, i) => entry(`s${i}`, { ...one.unlistable, networks: one.networks }));
      const answers = Object.fromEntries(senders.map((one, i) => [`s${i}`, one.answer]));
      const accept = accepting ? Object.keys(answers) : [];
      const once = renewed(fileOf(...entries), answers, accept).text;
      expect(readCatalogue(JSON.parse(once))).toHaveLength(senders.length);
      expect(renewed(once, answers, accept).text).toBe(once);
    }),
  );
});

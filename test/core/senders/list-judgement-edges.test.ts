import { describe, expect, it } from 'vitest';
import { formatNetwork, network } from '../../../src/core/net/network.ts';
import { entryOf } from '../../../src/core/policy/entry.ts';
import { afterRefresh } from '../../../src/core/policy/entry-changes.ts';
import { GRACE_MS, type Knowledge, knowledgeOf } from '../../../src/core/senders/knowledge.ts';
import { type Answers, judgeAnswers, mainReason } from '../../../src/core/senders/list-judgement.ts';
import type { Expansion } from '../../../src/core/spf/spf-expand.ts';
import { EMPTY_STATE } from '../../../src/core/state/state.ts';
import { definition } from '../../double/definition.ts';
import { entry } from '../../double/writer-bench.ts';

const NOW = Date.parse('2026-11-24T04:23:00Z');
const PARTNER = definition();
const NOTHING = knowledgeOf(PARTNER, {});

const lists = (networks: readonly string[], unlistable: readonly string[] = []): Expansion => ({
  ...{ kind: 'listed', networks: networks.map(network), unlistable, lookups: 1, depth: 1 },
});

function judge(answers: Partial<Answers>, before: Knowledge = NOTHING, accept = false) {
  const all: Answers = { sender: PARTNER, expansions: [], identities: new Map(), ...answers };
  return judgeAnswers(all, before, NOW, accept);
}
const listed = (...networks: readonly string[]) => judge({ expansions: [lists(networks)] }).after;

describe('addresses that were proven one by one', () => {
  const proven = (text: string, doubted: number | null = null) => ({
    ...({ network: text, by: 'spf', at: NOW - 5, doubted } as const),
  });
  const before: Knowledge = {
    ...NOTHING,
    proven: ['198.20.0.1/32', '198.20.0.2/32', '198.20.0.3/32'].map((text) => proven(text)),
  };

  it('are proven again, doubted or left as they were, as DNS says now', () => {
    const { after, added, removed } = judge(
      {
        identities: new Map([
          ['198.20.0.1/32', { kind: 'proven', sender: PARTNER, by: 'rdns' }],
          ['198.20.0.2/32', { kind: 'no-sender' }],
          ['198.20.0.3/32', { kind: 'unknown', reason: 'no answer' }],
        ]),
      },
      before,
    );
    expect(after.proven).toEqual([
      proven('198.20.0.2/32', NOW),
      proven('198.20.0.3/32'),
      { network: '198.20.0.1/32', by: 'rdns', at: NOW, doubted: null },
    ]);
    expect([added, removed, after.askedAt, after.trouble]).toEqual([[], [], NOW, null]);
  });

  it('of a sender without a record change nothing else, whatever was known of it', () => {
    const known = { ...listed('54.240.0.0/18'), trouble: { ...TROUBLE } };
    const { after, added, removed } = judge({}, known);
    expect(after).toEqual({ ...known, askedAt: NOW });
    expect([added, removed]).toEqual([[], []]);
  });
});

const TROUBLE = { kind: 'failed', reason: 'no answer', acceptable: false, since: 1 } as const;

describe('trouble', () => {
  it('with a server that is not trusted leaves all as it was, whatever it answered', () => {
    const before = listed('54.240.0.0/18');
    const { after, added } = judge(
      { expansions: [lists(['54.241.0.0/18'])], distrust: 'it lies' },
      before,
      true,
    );
    const trouble = { kind: 'failed', reason: 'it lies', acceptable: false, since: NOW };
    expect(after).toEqual({ ...before, trouble });
    expect(added).toEqual([]);
  });

  it.each([
    [
      { kind: 'failed', domain: 'a.example', reason: 'servfail' },
      'failed',
      'a.example: no answer (servfail)',
    ],
    [
      { kind: 'invalid', domain: 'a.example', problem: 'has no SPF record' },
      'suspicious',
      'a.example has no SPF record',
    ],
  ] as [
    Expansion,
    string,
    string,
  ][])('%j is none that the administrator can accept', (expansion, kind, reason) => {
    const { after } = judge({ expansions: [lists(['54.240.0.0/18']), expansion] }, NOTHING, true);
    expect(after.trouble).toEqual({ kind, reason, acceptable: false, since: NOW });
  });
});

describe('a list', () => {
  it('cannot be listed whole when one of the domains cannot', () => {
    const expansions = [lists(['54.240.0.0/18'], ['exists:x']), lists(['54.241.0.0/18'])];
    expect(judge({ expansions }).after.listed?.unlistable).toBe(true);
    expect(judge({ expansions: expansions.slice(1) }).after.listed?.unlistable).toBe(false);
  });

  it('may lose or gain half at once, and not more without the administrator', () => {
    const before = listed('54.240.0.0/24', '54.241.0.0/24');
    const after = (...networks: readonly string[]) =>
      judge({ expansions: [lists(networks)] }, before).after.trouble?.reason ?? null;
    expect(after('54.240.0.0/24')).toBeNull();
    expect(after('54.240.0.0/25')).toBe('loses more than half of its IPv4 addresses at once');
    expect(after('54.240.0.0/24', '54.241.0.0/24', '54.242.0.0/24')).toBeNull();
    const grown = judge(
      { expansions: [lists(['54.240.0.0/24', '54.241.0.0/24', '54.242.0.0/24', '54.243.0.0/32'])] },
      before,
    ).after.trouble;
    expect(grown).toMatchObject({ acceptable: true, kind: 'suspicious' });
    expect(grown?.reason).toBe('gains more than half of its IPv4 addresses at once');
    const lost = judge({ expansions: [lists(['54.240.0.0/25'])] }, before).after.trouble;
    expect(lost?.acceptable).toBe(true);
  });

  it('may keep as many addresses as it has, beyond what it may grow to by itself', () => {
    const large = { sender: PARTNER, expansions: [lists(['54.240.0.0/14', '52.0.0.0/15'])] };
    const before = judge(large, NOTHING, true).after;
    expect(before.trouble).toBeNull();
    expect(judge(large, before).after.trouble).toBeNull();
    expect(
      judge({ expansions: [lists(['54.240.0.0/14', '52.0.0.0/15', '52.4.0.0/24'])] }, before).after.trouble,
    ).toMatchObject({
      ...{ kind: 'suspicious', acceptable: true },
      reason: expect.stringContaining('must be accepted'),
    });
  });

  it('that the administrator accepts keeps what left it only where there is room for both', () => {
    const before = judge({ expansions: [lists(['54.240.0.0/13', '52.0.0.0/14'])] }, NOTHING, true).after;
    const small = judge({ expansions: [lists(['52.0.0.0/14'])] }, before, true);
    expect(small.after.leaving).toEqual([{ network: '54.240.0.0/13', since: NOW }]);
    const other = judge({ expansions: [lists(['52.8.0.0/13'])] }, before, true);
    expect(other.removed.map(formatNetwork).sort()).toEqual(['52.0.0.0/14', '54.240.0.0/13']);
    expect(other.after.leaving).toEqual([]);
  });

  it('keeps what left it before for the rest of the grace period', () => {
    const leaving = [
      { network: '69.169.224.0/20', since: NOW - GRACE_MS },
      { network: '69.169.240.0/20', since: NOW - GRACE_MS - 1 },
    ];
    const before = { ...listed('54.240.0.0/18'), leaving };
    const { after } = judge({ expansions: [lists(['54.240.0.0/18'])] }, before);
    expect(after.leaving).toEqual(leaving.slice(0, 1));
  });
});

it('an entry opens more after a refresh when all of its sender is open, and is not in force until that is loaded', () => {
  const judged = judge({ expansions: [lists(['54.240.0.0/18'])] });
  const inForce = (more: object, one = judged) => {
    const state = { ...EMPTY_STATE, entries: [entry('partner', { inForce: 5, ...more })] };
    return entryOf(afterRefresh(state, [one]), 'partner')?.inForce;
  };
  const narrow = { scope: 'network', networks: ['54.240.0.0/24'] };
  expect(inForce({})).toBeNull();
  expect(inForce(narrow)).toBe(5);
  expect(inForce({ ...narrow, granted: 9 })).toBeNull();
  expect(inForce({}, { ...judged, added: [] })).toBe(5);
  expect(inForce({}, { ...judged, sender: 'other' })).toBe(5);
});

it('the main reason of several is the most frequent, and the first of those', () => {
  const reasons = (...texts: readonly string[]) =>
    mainReason(texts.map((reason, i) => ({ sender: `${i}`, reason })));
  expect(reasons()).toBeUndefined();
  expect(reasons('a')).toBe('a');
  expect(reasons('a', 'b', 'b')).toBe('b');
  expect(reasons('a', 'b')).toBe('a');
  expect(reasons('b', 'a', 'b', 'a', 'c')).toBe('b');
});

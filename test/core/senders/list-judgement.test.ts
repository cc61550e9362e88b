import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatNetwork, network } from '../../../src/core/net/network.ts';
import { aggregate } from '../../../src/core/net/network-set.ts';
import type { Entry } from '../../../src/core/policy/entry.ts';
import { afterRefresh } from '../../../src/core/policy/entry-changes.ts';
import {
  currentNetworks,
  GRACE_MS,
  type Knowledge,
  knowledgeOf,
} from '../../../src/core/senders/knowledge.ts';
import { type Judged, judgeAnswers, summarise } from '../../../src/core/senders/list-judgement.ts';
import type { SenderDefinition } from '../../../src/core/senders/sender.ts';
import type { Expansion } from '../../../src/core/spf/spf-expand.ts';
import { EMPTY_STATE } from '../../../src/core/state/state.ts';
import { definition } from '../../double/definition.ts';

const NOW = Date.parse('2026-11-24T04:23:00Z');
const DAY = 86_400_000;

function lists(networks: readonly string[], unlistable: readonly string[] = []): Expansion {
  return { kind: 'listed', networks: networks.map(network), unlistable, lookups: 1, depth: 1 };
}

const FAILED: Expansion = { kind: 'failed', domain: 'partner.example', reason: 'servfail' };
const NO_RECORD: Expansion = { kind: 'invalid', domain: 'partner.example', problem: 'has no SPF record' };

function judge(
  sender: SenderDefinition,
  expansion: Expansion | readonly Expansion[],
  before: Knowledge = knowledgeOf(sender, {}),
  now = NOW,
  accept = false,
): Judged {
  const expansions = [expansion].flat();
  return judgeAnswers({ sender, expansions, identities: new Map() }, before, now, accept);
}

function texts(sender: SenderDefinition, known: Knowledge, now = NOW): string[] {
  return aggregate(currentNetworks(sender, known, now)).map(formatNetwork);
}

/** A sender of which these networks are known. */
function known(networks: readonly string[]): { sender: SenderDefinition; before: Knowledge } {
  const sender = definition();
  return { sender, before: judge(sender, lists(networks)).after };
}

describe('a sender that answers', () => {
  it('has the networks that it lists, at once', () => {
    const { sender, before } = known(['54.240.0.0/18']);
    const judged = judge(sender, lists(['54.240.0.0/18', '54.240.64.0/19']), before, NOW + DAY);
    expect(judged.added.map(formatNetwork)).toEqual(['54.240.64.0/19']);
    expect(judged.after).toMatchObject({ askedAt: NOW + DAY, trouble: null, listed: { at: NOW + DAY } });
    expect(texts(sender, judged.after)).toEqual(['54.240.0.0/18', '54.240.64.0/19']);
  });

  it('keeps what it lists no more for the grace period, and no longer', () => {
    const { sender, before } = known(['54.240.0.0/18', '69.169.224.0/20']);
    const { removed, after } = judge(sender, lists(['54.240.0.0/18']), before);
    expect(removed.map(formatNetwork)).toEqual(['69.169.224.0/20']);
    expect(texts(sender, after, NOW + GRACE_MS)).toContain('69.169.224.0/20');
    expect(texts(sender, after, NOW + GRACE_MS + 1)).toEqual(['54.240.0.0/18']);
    const later = judge(sender, lists(['54.240.0.0/18']), after, NOW + GRACE_MS + 1);
    expect(later.after.leaving).toEqual([]);
  });

  it('has back what it lists again within the grace period, however often it goes', () => {
    const { sender, before } = known(['54.240.0.0/18', '69.169.224.0/20']);
    const gone = judge(sender, lists(['54.240.0.0/18']), before).after;
    const half = judge(sender, lists(['54.240.0.0/18', '69.169.224.0/21']), gone, NOW + DAY).after;
    expect(half.leaving).toEqual([{ network: '69.169.232.0/21', since: NOW }]);
    expect(texts(sender, half, NOW + GRACE_MS + 1)).toEqual(['54.240.0.0/18', '69.169.224.0/21']);
  });

  it('is known by its records alone, once it has answered, and by the catalogue until then', () => {
    const sender = definition({ networks: ['192.30.252.0/22'] });
    expect(texts(sender, knowledgeOf(sender, {}))).toEqual(['192.30.252.0/22']);
    const { after, added, removed } = judge(sender, lists(['54.240.0.0/18']));
    expect([added, removed].map((all) => all.map(formatNetwork))).toEqual([
      ['54.240.0.0/18'],
      ['192.30.252.0/22'],
    ]);
    expect(texts(sender, after, NOW + GRACE_MS + 1)).toEqual(['54.240.0.0/18']);
  });

  it('keeps the operator’s networks, and the catalogue’s when its records cannot be listed', () => {
    for (const sender of [
      definition({ pinned: true, networks: ['192.30.252.0/22'] }),
      definition({ networks: ['192.30.252.0/22'] }),
    ]) {
      const { after, removed } = judge(
        sender,
        lists(['54.240.0.0/18'], ['"exists:%{i}.x" in partner.example']),
      );
      expect(removed).toEqual([]);
      expect(texts(sender, after, NOW + 99 * DAY)).toEqual(['54.240.0.0/18', '192.30.252.0/22']);
    }
  });

  it('is unknown again when other domains are to be asked', () => {
    const { sender, before } = known(['54.240.0.0/18']);
    const other = { ...sender, spf: ['other.example'] };
    expect(knowledgeOf(other, { partner: before })).toMatchObject({ listed: null, askedAt: null });
    expect(knowledgeOf(sender, { partner: before })).toBe(before);
  });
});

describe('what was known stays', () => {
  const { sender, before } = known(['54.240.0.0/18', '2600:1f00::/40']);

  it.each([
    ['a lookup fails', FAILED, 'failed', 'partner.example: no answer (servfail)'],
    ['there is no record', NO_RECORD, 'suspicious', 'partner.example has no SPF record'],
    ['one of two domains fails', [lists(['54.240.0.0/18']), FAILED], 'failed', 'servfail'],
    ['everything is gone', lists([]), 'suspicious', 'loses more than half of its IPv4 addresses'],
    ['more than half is gone', lists(['54.240.0.0/20', '2600:1f00::/40']), 'suspicious', 'loses'],
    [
      'more than half is new',
      lists(['54.240.0.0/17', '54.240.128.0/18', '2600:1f00::/40']),
      'suspicious',
      'gains',
    ],
    ['IPv6 alone is gone', lists(['54.240.0.0/18']), 'suspicious', 'loses more than half of its IPv6'],
    [
      'it is too wide',
      lists(['54.240.0.0/18', '54.0.0.0/8', '2600:1f00::/40']),
      'suspicious',
      '54.0.0.0/8: too wide',
    ],
    ['IPv6 is too wide', lists(['54.240.0.0/18', '2600::/20']), 'suspicious', '2600::/20: too wide'],
    ['it is private', lists(['54.240.0.0/18', '10.232.176.0/27']), 'suspicious', '10.232.176.0/27: private'],
  ] as const)('when %s', (_, expansion, kind, reason) => {
    const { after, added, removed } = judge(sender, expansion, before, NOW + DAY);
    expect([added, removed]).toEqual([[], []]);
    expect(after.listed).toBe(before.listed);
    expect(after.trouble).toMatchObject({ kind, since: NOW + DAY, reason: expect.stringContaining(reason) });
    expect(after.askedAt).toBe(NOW + DAY);
  });

  it('however often that happens, and the trouble is as old as its first time', () => {
    const first = judge(sender, FAILED, before, NOW + DAY).after;
    const second = judge(sender, FAILED, first, NOW + 99 * DAY).after;
    expect(second.trouble?.since).toBe(NOW + DAY);
    expect(texts(sender, second, NOW + 99 * DAY)).toEqual(texts(sender, before));
  });

  it('until it answers well again', () => {
    const troubled = judge(sender, lists([]), before).after;
    expect(judge(sender, lists(['54.240.0.0/18', '2600:1f00::/40']), troubled).after.trouble).toBeNull();
  });

  it('or the administrator accepts the change, which widens no limit', () => {
    expect(judge(sender, lists(['23.251.224.0/19']), before, NOW, true).after.trouble).toBeNull();
    expect(judge(sender, lists(['54.0.0.0/8']), before, NOW, true).after.trouble).toMatchObject({
      acceptable: false,
    });
    expect(judge(sender, NO_RECORD, before, NOW, true).after.trouble).toMatchObject({ acceptable: false });
  });
});

describe('the first answer ever', () => {
  const seen = { networks: ['54.240.0.0/18'] };

  it('is measured by a catalogue that is sure of its networks', () => {
    expect(
      judge(definition({ ...seen, confidence: 'high' }), lists(['23.251.224.0/19'])).after,
    ).toMatchObject({
      listed: null,
      trouble: { kind: 'suspicious', acceptable: true },
    });
    expect(
      judge(definition({ ...seen, confidence: 'low' }), lists(['23.251.224.0/19'])).after.trouble,
    ).toBeNull();
  });

  it('can bring a family of addresses that it did not have', () => {
    const sender = definition({ ...seen, confidence: 'high' });
    expect(judge(sender, lists(['54.240.0.0/18', '2600:1f00::/40'])).after.trouble).toBeNull();
  });
});

it('whatever is answered, no network that is too wide or reserved is ever known', () => {
  const cidr = fc
    .tuple(fc.nat(0xffffffff), fc.integer({ min: 1, max: 32 }))
    .map(([value, prefix]) => `${[24, 16, 8, 0].map((by) => (value >>> by) & 255).join('.')}/${prefix}`);
  fc.assert(
    fc.property(
      fc.array(fc.array(cidr, { maxLength: 6 }), { maxLength: 6 }),
      fc.boolean(),
      (answers, accept) => {
        const sender = definition({ networks: ['54.240.0.0/18'] });
        let one = knowledgeOf(sender, {});
        for (const answer of answers) one = judge(sender, lists(answer), one, NOW, accept).after;
        for (const { prefix, base } of currentNetworks(sender, one, NOW)) {
          expect(prefix).toBeGreaterThanOrEqual(13);
          expect(base >> 24n).not.toBe(10n);
        }
      },
    ),
  );
});

describe('after a refresh', () => {
  const entry = (sender: string, scope: Entry['scope']): Entry => ({
    ...{
      sender,
      scope,
      networks: [],
      since: 1,
      lastSeen: 1,
      until: null,
      reason: null,
      cause: null,
      refusedAt: null,
    },
    ...{ announced: true, inForce: 5, granted: null },
  });

  it('an entry that opens more than before is not in force yet; the others are', () => {
    const entries = [entry('grown', 'sender'), entry('narrow', 'network'), entry('same', 'sender')];
    const judged = ['grown', 'narrow', 'same'].map((id) => {
      const sender = definition({ id });
      return judge(sender, lists(id === 'same' ? [] : ['54.240.0.0/18']));
    });
    const state = afterRefresh({ ...EMPTY_STATE, entries }, judged);
    expect(state.entries.map(({ inForce }) => inForce)).toEqual([null, 5, 5]);
    expect(Object.keys(state.senders)).toEqual(['grown', 'narrow', 'same']);
  });

  it('the summary says who changed, who failed and who is not believed', () => {
    const judged = [
      judge(definition({ id: 'a' }), lists(['54.240.0.0/18'])),
      judge(definition({ id: 'b' }), FAILED),
      judge(definition({ id: 'c' }), NO_RECORD),
    ];
    expect(summarise(judged)).toEqual({
      asked: ['a', 'b', 'c'],
      added: { a: ['54.240.0.0/18'] },
      removed: {},
      failed: [{ sender: 'b', reason: 'partner.example: no answer (servfail)' }],
      suspicious: [{ sender: 'c', reason: 'partner.example has no SPF record' }],
    });
  });
});

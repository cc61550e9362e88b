import { describe, expect, it } from 'vitest';
import { network } from '../../../src/core/net/network.ts';
import { unlessDenied } from '../../../src/core/senders/denied-names.ts';
import { type Knowledge, knowledgeOf } from '../../../src/core/senders/knowledge.ts';
import { judgeAnswers, mainReason } from '../../../src/core/senders/list-judgement.ts';
import type { SenderDefinition } from '../../../src/core/senders/sender.ts';
import type { Expansion } from '../../../src/core/spf/spf-expand.ts';
import { definition } from '../../double/definition.ts';

const NOW = Date.parse('2026-11-24T04:23:00Z');
const NO_RECORD: Expansion = { kind: 'invalid', domain: 'partner.example', problem: 'has no SPF record' };
const EVERYONE: Expansion = { kind: 'invalid', domain: 'partner.example', problem: 'lets everyone in' };
const FAILED: Expansion = { kind: 'failed', domain: 'partner.example', reason: 'timeout' };
const LISTED: Expansion = {
  ...{ kind: 'listed', networks: [network('54.240.0.0/18')], unlistable: [], lookups: 1, depth: 1 },
};

const nothing = (sender: SenderDefinition): Knowledge => knowledgeOf(sender, {});

/** What becomes of senders called s1, s2 and so on that answered so. */
function judged(expansions: readonly Expansion[], known = nothing) {
  const answers = expansions.map((one, i) => {
    const sender = definition({ id: `s${i + 1}` });
    return { sender, expansions: [one], identities: new Map() };
  });
  return unlessDenied(answers, known, 'the DNS server 192.0.2.53').map((one) =>
    judgeAnswers(one, known(one.sender), NOW, false),
  );
}

const kinds = (expansions: readonly Expansion[], known = nothing) =>
  judged(expansions, known).map(({ after }) => after.trouble?.kind ?? null);
const times = (count: number, one: Expansion) => Array.from({ length: count }, () => one);

describe('a DNS server that knows no record of many senders at once', () => {
  it('has not answered, if that is most of them or more than a few ever lose together', () => {
    expect(kinds([...times(4, NO_RECORD), FAILED])).toEqual(Array(5).fill('failed'));
    expect(kinds([...times(4, NO_RECORD), ...times(3, LISTED)])).toEqual([
      ...Array(4).fill('failed'),
      null,
      null,
      null,
    ]);
    // A DNS filter that lets a majority through.
    const filtered = kinds([...times(8, NO_RECORD), ...times(49, LISTED)]);
    expect(filtered.filter((kind) => kind === 'failed')).toHaveLength(8);
    expect(filtered.filter((kind) => kind === null)).toHaveLength(49);
  });

  it('is named, with the senders, in one reason for all', () => {
    const all = judged([...times(43, NO_RECORD), ...times(14, LISTED)]);
    const reasons = new Set(all.flatMap(({ after }) => after.trouble?.reason ?? []));
    expect([...reasons]).toEqual([
      'the DNS server 192.0.2.53 knows no SPF record of 43 of 57 senders (s1, s2, s3, s4, s5 and 38 more): ' +
        'a DNS filter, or a network without Internet? ' +
        'Name another server in SCREENPASS_DNS, or let it resolve these senders',
    ]);
  });

  it('is trusted when the senders are few, or lost their records one by one', () => {
    expect(kinds(times(3, NO_RECORD))).toEqual(Array(3).fill('suspicious'));
    expect(kinds([...times(4, NO_RECORD), ...times(4, LISTED)])).toEqual([
      ...Array(4).fill('suspicious'),
      ...Array(4).fill(null),
    ]);
    const lost = {
      kind: 'suspicious',
      reason: 'partner.example has no SPF record',
      acceptable: false,
      since: 1,
    } as const;
    const known = (sender: SenderDefinition) => ({ ...nothing(sender), trouble: lost });
    expect(kinds(times(20, NO_RECORD), known)).toEqual(Array(20).fill('suspicious'));
  });

  it('stays at fault as long as it does that', () => {
    const [first] = judged(times(5, NO_RECORD));
    const known = (sender: SenderDefinition) => ({
      ...nothing(sender),
      trouble: first?.after.trouble ?? null,
    });
    expect(kinds(times(5, NO_RECORD), known)).toEqual(Array(5).fill('failed'));
  });

  it('is not blamed for records that are wrong in another way', () => {
    expect(kinds(times(20, EVERYONE))).toEqual(Array(20).fill('suspicious'));
  });
});

it('the main reason is what most have in common', () => {
  const held = (reason: string) => ({ sender: 's', reason });
  expect(mainReason([held('a'), held('b'), held('c'), held('b')])).toBe('b');
  expect(mainReason([])).toBeUndefined();
});

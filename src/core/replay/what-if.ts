import { type Listing, listingsOf } from '../postscreen/dnsbl-sites.ts';
import type { Outcome } from '../postscreen/session.ts';
import { keyOf, type LoggedScore, learnWeights } from './dnsbl-weights.ts';
import type { OtherSettings } from './other-settings.ts';
import { createJudge, type Judge, type Kind, type Unknown } from './what-if-judge.ts';

/** Sessions before and after. `unknown`: the log does not say what would have become of them. */
export interface Comparison {
  readonly before: { readonly refused: number; readonly passed: number };
  readonly after: { readonly refused: number; readonly passed: number; readonly unknown: number };
  /** Of the refused ones, those that would pass; of the passed ones, those that would be refused. */
  readonly newlyPassed: number;
  readonly newlyRefused: number;
}

export interface WhatIfReport {
  /** What had to be assumed, and what the log cannot tell. */
  readonly notes: readonly string[];
  readonly senders: readonly (Comparison & { readonly sender: string })[];
  readonly strangers: Comparison;
  /** Why sessions are unknown, and how many. */
  readonly unknown: Readonly<Partial<Record<Unknown, number>>>;
}

export interface WhatIf {
  /** Takes a session that ended; null: no watched sender's. */
  take(sender: string | null, outcome: Outcome): void;
  report(): WhatIfReport;
}

interface Counted extends Kind {
  /** By sender; null: strangers. */
  readonly counts: Map<string | null, number>;
}

/** Real logs have some hundreds: a few zones, each with a few answers. */
const MOST_KINDS = 20_000;

/**
 * Judges sessions again. What weighs how much shows only at the end of the log, so sessions are kept until then, as
 * counts of the same kind.
 */
export function createWhatIf(settings: OtherSettings): WhatIf {
  const kinds = new Map<string, Counted>();
  const uncounted = new Map<string | null, Comparison>();

  return {
    take(sender, outcome) {
      const listings = listingsOf(outcome.findings.answers);
      const key = kindKey(outcome, listings);
      const kind = kinds.get(key) ?? { outcome, listings, counts: new Map() };
      if (!kinds.has(key) && kinds.size >= MOST_KINDS) {
        uncounted.set(sender, plus(uncounted.get(sender), outcome, 'too-many', 1));
        return;
      }
      kinds.set(key, kind);
      kind.counts.set(sender, (kind.counts.get(sender) ?? 0) + 1);
    },
    report() {
      const all = [...kinds.values()];
      return reportOf(createJudge(settings, all, learnWeights(all.flatMap(scoreOf))), all, uncounted);
    },
  };
}

function scoreOf({ outcome: { findings }, listings, counts }: Counted): readonly LoggedScore[] {
  const { whole, rank } = findings;
  if (rank === null || !whole || listings.length === 0) return [];
  return [{ listings, rank, count: [...counts.values()].reduce((sum, count) => sum + count, 0) }];
}

function kindKey(outcome: Outcome, listings: readonly Listing[]): string {
  const { whole, remembered, rank, greeted, pregreet, protocol } = outcome.findings;
  const end = outcome.kind === 'passed' ? outcome.allowlisted : outcome.refusal.gate;
  const flags = [outcome.kind, end, whole, remembered, rank, greeted, pregreet, protocol];
  return `${flags.join(' ')} ${listings.map(keyOf).join(' ')}`;
}

const NONE: Comparison = {
  before: { refused: 0, passed: 0 },
  after: { refused: 0, passed: 0, unknown: 0 },
  newlyPassed: 0,
  newlyRefused: 0,
};

function plus(
  { before, after, newlyPassed, newlyRefused }: Comparison = NONE,
  outcome: Outcome,
  verdict: 'passed' | 'refused' | Unknown,
  count: number,
): Comparison {
  const was = outcome.kind === 'passed' ? 'passed' : 'refused';
  const is = verdict === 'passed' || verdict === 'refused' ? verdict : 'unknown';
  return {
    before: { ...before, [was]: before[was] + count },
    after: { ...after, [is]: after[is] + count },
    newlyPassed: newlyPassed + (was === 'refused' && is === 'passed' ? count : 0),
    newlyRefused: newlyRefused + (was === 'passed' && is === 'refused' ? count : 0),
  };
}

function reportOf(
  judge: Judge,
  kinds: readonly Counted[],
  uncounted: ReadonlyMap<string | null, Comparison>,
): WhatIfReport {
  const groups = new Map(uncounted);
  const left = [...uncounted.values()].reduce((sum, { after }) => sum + after.unknown, 0);
  const unknown: Partial<Record<Unknown, number>> = left > 0 ? { 'too-many': left } : {};
  for (const kind of kinds) {
    const verdict = judge.verdict(kind);
    for (const [sender, count] of kind.counts) {
      groups.set(sender, plus(groups.get(sender), kind.outcome, verdict, count));
      if (verdict !== 'passed' && verdict !== 'refused') unknown[verdict] = (unknown[verdict] ?? 0) + count;
    }
  }
  const senders = [...groups].flatMap(([sender, counts]) => (sender === null ? [] : { sender, ...counts }));
  return {
    notes: judge.notes(),
    senders: senders.sort((a, b) => (a.sender < b.sender ? -1 : 1)),
    strangers: groups.get(null) ?? NONE,
    unknown,
  };
}

/** Compares what became of the sessions of an old log with what other settings of postscreen would have made of them. */

import { type Listing, listingsOf } from '../postscreen/dnsbl-sites.ts';
import type { Outcome } from '../postscreen/session.ts';
import { keyOf, type LoggedScore, learnWeights } from './dnsbl-weights.ts';
import type { OtherSettings } from './other-settings.ts';
import { type Prediction, type SessionKind, type UnknownReason, WhatIfJudge } from './what-if-judge.ts';

/** Numbers of sessions. `unknown`: the log does not say what would have become of them. */
export interface Comparison {
  readonly before: { readonly refused: number; readonly passed: number };
  readonly after: { readonly refused: number; readonly passed: number; readonly unknown: number };
  /** Of the refused ones, those that would pass; of the passed ones, those that would be refused. */
  readonly newlyPassed: number;
  readonly newlyRefused: number;
}

export interface WhatIfReport {
  /** What had to be assumed, and what the log does not say. */
  readonly notes: readonly string[];
  readonly senders: readonly (Comparison & { readonly sender: string })[];
  readonly strangers: Comparison;
  /** Why sessions are unknown, and how many. */
  readonly unknown: Readonly<Partial<Record<UnknownReason, number>>>;
}

/** `counts`: sessions by sender; null: strangers. */
interface CountedKind extends SessionKind {
  readonly counts: Map<string | null, number>;
}

/** Real logs have some hundreds: a few zones, each with a few answers. */
const MOST_KINDS = 20_000;

const NONE: Comparison = {
  before: { refused: 0, passed: 0 },
  after: { refused: 0, passed: 0, unknown: 0 },
  newlyPassed: 0,
  newlyRefused: 0,
};

/** What each zone weighs shows only at the end of the log: until then sessions are kept, as counts of the same kind. */
export class WhatIf {
  readonly #settings: OtherSettings;
  readonly #kinds = new Map<string, CountedKind>();
  /** Sessions of kinds that are too many, by what became of them. */
  readonly #rest = new Map<string, CountedKind>();

  constructor(settings: OtherSettings) {
    this.#settings = settings;
  }

  /** Takes a session that ended. `sender` is null for a stranger. */
  take(sender: string | null, outcome: Outcome): void {
    const listings = listingsOf(outcome.findings.answers);
    const key = kindKey(outcome, listings);
    const isRest = this.#kinds.size >= MOST_KINDS && !this.#kinds.has(key);
    const [kinds, name] = isRest ? [this.#rest, outcome.kind] : [this.#kinds, key];
    const kind = kinds.get(name) ?? { outcome, listings, counts: new Map() };
    kinds.set(name, kind);
    kind.counts.set(sender, (kind.counts.get(sender) ?? 0) + 1);
  }

  report(): WhatIfReport {
    const kinds = [...this.#kinds.values()];
    const judge = new WhatIfJudge(this.#settings, kinds, learnWeights(kinds.flatMap(scoreOf)));
    const groups = new Map<string | null, Comparison>();
    const unknown: Partial<Record<UnknownReason, number>> = {};
    const add = ({ outcome, counts }: CountedKind, prediction: Prediction) => {
      for (const [sender, count] of counts) {
        groups.set(sender, plus(groups.get(sender) ?? NONE, outcome, prediction, count));
        if (isUnknown(prediction)) unknown[prediction] = (unknown[prediction] ?? 0) + count;
      }
    };
    for (const kind of kinds) add(kind, judge.predict(kind));
    for (const kind of this.#rest.values()) add(kind, 'too-many');
    const senders = [...groups].flatMap(([sender, counts]) => (sender === null ? [] : { sender, ...counts }));
    return {
      notes: judge.notes(),
      senders: senders.sort((a, b) => (a.sender < b.sender ? -1 : 1)),
      strangers: groups.get(null) ?? NONE,
      unknown,
    };
  }
}

function scoreOf({ outcome: { findings }, listings, counts }: CountedKind): readonly LoggedScore[] {
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

function plus(sum: Comparison, outcome: Outcome, prediction: Prediction, count: number): Comparison {
  const { before, after, newlyPassed, newlyRefused } = sum;
  const was = outcome.kind === 'passed' ? 'passed' : 'refused';
  const is = isUnknown(prediction) ? 'unknown' : prediction;
  return {
    before: { ...before, [was]: before[was] + count },
    after: { ...after, [is]: after[is] + count },
    newlyPassed: newlyPassed + (was === 'refused' && is === 'passed' ? count : 0),
    newlyRefused: newlyRefused + (was === 'passed' && is === 'refused' ? count : 0),
  };
}

function isUnknown(prediction: Prediction): prediction is UnknownReason {
  return prediction !== 'passed' && prediction !== 'refused';
}

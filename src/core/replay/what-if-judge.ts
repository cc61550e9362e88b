/** Judges one old session by other settings of postscreen, as far as the log shows what that needs. */

import { type DnsblSite, type Listing, scoreOf } from '../postscreen/dnsbl-sites.ts';
import type { PostscreenGate } from '../postscreen/gate.ts';
import type { Findings, Outcome } from '../postscreen/session.ts';
import type { Weights } from './dnsbl-weights.ts';
import type { OtherSettings } from './other-settings.ts';

/** What sessions have in common that get the same prediction. */
export interface SessionKind {
  readonly outcome: Outcome;
  readonly listings: readonly Listing[];
}

/** Why nothing can be predicted of a session, in words for people. */
export const UNKNOWNS = {
  remembered: 'postscreen remembered the client and asked no DNSBL (PASS OLD)',
  cut: 'lines of the session are missing from the log: its CONNECT, the DNSBL answers, or its rank',
  'not-scored': 'the session ended before postscreen looked at its DNSBL score',
  weight: 'the ranks do not show the weights of its zones; --dnsbl-sites gives them',
  'deep-tests':
    'it failed a test that postscreen may have made only because an earlier one had failed (pipelining, bare newline)',
  'too-many': 'the log has too many different sets of DNSBL answers',
} as const;

export type UnknownReason = keyof typeof UNKNOWNS;
export type Prediction = 'passed' | 'refused' | UnknownReason;

/** Refusals to which these settings make no difference. */
const OTHER_GATES: ReadonlySet<PostscreenGate> = new Set([
  'first-contact',
  'veto',
  'greet-wait',
  'overload',
  'operator-reject',
]);

/** Postfix's default of postscreen_dnsbl_threshold. */
const DEFAULT_THRESHOLD = 1;

/** `kinds`: all kinds of sessions of the log, which show the old settings. */
export class WhatIfJudge {
  readonly #settings: OtherSettings;
  readonly #weights: Weights;
  /** Null: the sites are as they were. */
  readonly #sites: readonly DnsblSite[] | null;
  readonly #zones: ReadonlySet<string>;
  readonly #hasRanks: boolean;
  /** The lowest rank in the log, since whatever passed had less; Infinity: there is none. */
  readonly #oldThreshold: number;
  readonly #threshold: number;
  readonly #assumed = new Set<string>();

  constructor(settings: OtherSettings, kinds: readonly SessionKind[], weights: Weights) {
    this.#settings = settings;
    this.#weights = weights;
    this.#sites = settings.sites?.filter(({ zone }) => !settings.without.has(zone)) ?? null;
    this.#zones = new Set(kinds.flatMap(({ listings }) => listings.map(({ zone }) => zone)));
    const ranks = kinds.flatMap(({ outcome }) => outcome.findings.rank ?? []);
    this.#hasRanks = ranks.length > 0;
    this.#oldThreshold = ranks.reduce((least, rank) => Math.min(least, rank), Number.POSITIVE_INFINITY);
    const unset = this.#sites !== null && !this.#hasRanks ? DEFAULT_THRESHOLD : this.#oldThreshold;
    this.#threshold = settings.threshold ?? unset;
  }

  predict({ outcome, listings }: SessionKind): Prediction {
    const { findings } = outcome;
    const passed = outcome.kind === 'passed';
    if (passed && outcome.allowlisted) return 'passed';
    if (!passed) {
      const { gate } = outcome.refusal;
      if (OTHER_GATES.has(gate)) return 'refused';
      const isCut = gate === 'dnsbl' ? findings.rank === null : !hasFault(findings);
      if (isCut || !findings.whole) return 'cut';
      if (findings.pregreet && !this.#settings.ignorePregreet) return 'refused';
      if (findings.protocol && findings.rank === null && !findings.pregreet) return 'refused';
    }
    const listed =
      this.#sites === null
        ? this.#isListedByRank(findings, listings)
        : this.#isListedBy(this.#sites, findings, listings);
    if (typeof listed === 'string') return listed;
    if (listed) return 'refused';
    return !passed && findings.protocol ? 'deep-tests' : 'passed';
  }

  #isListedBy(
    sites: readonly DnsblSite[],
    { remembered, whole, rank, greeted }: Findings,
    listings: readonly Listing[],
  ): boolean | UnknownReason {
    if (remembered) return 'remembered';
    if (!this.#askedZones || !whole || (rank !== null && listings.length === 0)) return 'cut';
    if (!greeted) return 'not-scored';
    return scoreOf(sites, listings) >= this.#threshold;
  }

  /** By the logged rank, which is exact; without one the score was below the old threshold. */
  #isListedByRank(findings: Findings, listings: readonly Listing[]): boolean | UnknownReason {
    const { rank, remembered, whole, greeted } = findings;
    if (rank !== null) {
      const score = this.#scoreWithout(rank, listings);
      return typeof score === 'string' ? score : score >= this.#threshold;
    }
    if (!this.#askedZones) return false;
    if (!remembered && !greeted) return 'not-scored';
    const removed = this.#removedOf(listings);
    const isRaised = remembered
      ? this.#removesNegative()
      : removed.some((listing) => this.#weightOf(listing) < 0);
    if (this.#threshold >= this.#oldThreshold && !isRaised) return false;
    if (remembered) return 'remembered';
    if (!whole) return 'cut';
    const rest = listings.filter((listing) => !removed.includes(listing));
    return rest.reduce((sum, listing) => sum + this.#weightOf(listing), 0) >= this.#threshold;
  }

  get #askedZones(): boolean {
    return this.#hasRanks || this.#zones.size > 0;
  }

  #removedOf(listings: readonly Listing[]): readonly Listing[] {
    return listings.filter(({ zone }) => this.#settings.without.has(zone));
  }

  /** Whether a removed zone may have let in a client that it lists. */
  #removesNegative(): boolean {
    const weights = [...this.#settings.without].flatMap((zone) => [
      ...(this.#weights.byZone.get(zone) ?? []),
    ]);
    return weights.some((weight) => weight < 0);
  }

  #scoreWithout(rank: number, listings: readonly Listing[]): number | UnknownReason {
    if (this.#settings.without.size === 0) return rank;
    if (listings.length === 0) return 'cut';
    const removed = this.#removedOf(listings);
    if (removed.length === 0) return rank;
    if (removed.length === listings.length) return 0;
    const sum = listings.reduce((total, listing) => total + (this.#weights.of(listing) ?? 1), 0);
    const isKnown = (some: readonly Listing[]) =>
      some.every((listing) => this.#weights.of(listing) !== undefined);
    // The session's own rank overrules weights learnt from others, and the assumed weight of 1.
    if (sum !== rank && (isKnown(listings) || !isKnown(removed))) return 'weight';
    return removed.reduce((score, listing) => score - this.#weightOf(listing), rank);
  }

  /** Where no rank shows it 1, which is Postfix's default. */
  #weightOf(listing: Listing): number {
    const weight = this.#weights.of(listing);
    if (weight === undefined) this.#assumed.add(listing.zone);
    return weight ?? 1;
  }

  /** What the predictions made so far are based on. */
  notes(): readonly string[] {
    const { without, sites } = this.#settings;
    const named = new Set([...without, ...(sites ?? []).map(({ zone }) => zone)]);
    const learnt = [...this.#weights.byZone].map(
      ([zone, found]) => `${zone} ${[...found].sort().join(' or ')}`,
    );
    const usesWeights =
      this.#sites === null && (without.size > 0 || this.#threshold < this.#oldThreshold) && learnt.length > 0;
    return [
      ...this.#thresholdNote(),
      ...(usesWeights ? [`The logged ranks show these weights: ${learnt.join(', ')}.`] : []),
      ...(this.#assumed.size > 0
        ? [
            `No rank shows the weights of these zones; each counts 1: ${[...this.#assumed].sort().join(', ')}.`,
          ]
        : []),
      ...[...named]
        .filter((zone) => !this.#zones.has(zone))
        .map((zone) => `${zone} lists no client in this log, or was not asked then.`),
    ];
  }

  #thresholdNote(): readonly string[] {
    if (this.#settings.threshold !== null || this.#threshold === Number.POSITIVE_INFINITY) return [];
    if (!this.#hasRanks) return ["postscreen_dnsbl_threshold is taken as 1, Postfix's default."];
    return [
      `postscreen_dnsbl_threshold is taken as ${this.#threshold}, the lowest rank in the log; --dnsbl-threshold says otherwise.`,
    ];
  }
}

function hasFault({ rank, pregreet, protocol }: Findings): boolean {
  return rank !== null || pregreet || protocol;
}

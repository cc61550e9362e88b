import { type Listing, scoreOf } from '../postscreen/dnsbl-sites.ts';
import type { PostscreenGate } from '../postscreen/gate.ts';
import type { Findings, Outcome } from '../postscreen/session.ts';
import type { Weights } from './dnsbl-weights.ts';
import type { OtherSettings } from './other-settings.ts';

/** What sessions have in common that get the same verdict. */
export interface Kind {
  readonly outcome: Outcome;
  readonly listings: readonly Listing[];
}

/** Why it cannot be said what would have become of a session, in words for people. */
export const UNKNOWNS = {
  remembered: 'postscreen remembered the client and asked no DNSBL (PASS OLD)',
  cut: 'lines of the session are not in the log: its CONNECT, what dnsblog said, or its rank',
  'not-scored': 'the session ended before its DNSBL score was looked at',
  weight: 'the ranks do not show what its zones weigh: give --dnsbl-sites',
  'deep-tests':
    'it failed a test that postscreen may have made only because an earlier one had failed (pipelining, bare newline)',
  'too-many': 'the log has too many different sets of DNSBL answers',
} as const;

export type Unknown = keyof typeof UNKNOWNS;

export interface Judge {
  verdict(kind: Kind): 'passed' | 'refused' | Unknown;
  /** What the verdicts given so far rest on. */
  notes(): readonly string[];
}

/** Refusals that these settings have nothing to do with. */
const OTHER_GATES: ReadonlySet<PostscreenGate> = new Set([
  'first-contact',
  'veto',
  'greet-wait',
  'overload',
  'operator-reject',
]);

/** Postfix's default. */
const DEFAULT_THRESHOLD = 1;

/** Judges by other settings, with what all kinds of sessions of the log show of the old ones. */
export function createJudge(settings: OtherSettings, kinds: readonly Kind[], weights: Weights): Judge {
  const { ignorePregreet, without } = settings;
  const sites = settings.sites?.filter(({ zone }) => !without.has(zone)) ?? null;
  const ranks = kinds.flatMap(({ outcome }) => outcome.findings.rank ?? []);
  const zones = new Set(kinds.flatMap(({ listings }) => listings.map(({ zone }) => zone)));
  const inUse = ranks.length > 0 || zones.size > 0;
  /** Whoever passed had less. */
  const oldThreshold = ranks.reduce((least, rank) => Math.min(least, rank), Number.POSITIVE_INFINITY);
  const threshold =
    settings.threshold ?? (sites !== null && ranks.length === 0 ? DEFAULT_THRESHOLD : oldThreshold);
  const assumed = new Set<string>();

  function verdict({ outcome, listings }: Kind): 'passed' | 'refused' | Unknown {
    const { findings } = outcome;
    const passed = outcome.kind === 'passed';
    if (passed && outcome.allowlisted) return 'passed';
    if (!passed) {
      const { gate } = outcome.refusal;
      if (OTHER_GATES.has(gate)) return 'refused';
      const isCut = gate === 'dnsbl' ? findings.rank === null : !found(findings);
      if (isCut || !findings.whole) return 'cut';
      if (findings.pregreet && !ignorePregreet) return 'refused';
      if (findings.protocol && findings.rank === null && !findings.pregreet) return 'refused';
    }
    const listed = sites === null ? isListed(findings, listings) : isListedBySites(findings, listings);
    if (typeof listed === 'string') return listed;
    if (listed) return 'refused';
    return !passed && findings.protocol ? 'deep-tests' : 'passed';
  }

  function isListedBySites(findings: Findings, listings: readonly Listing[]): boolean | Unknown {
    const { remembered, whole, rank, greeted } = findings;
    if (remembered) return 'remembered';
    if (!inUse || !whole || (rank !== null && listings.length === 0)) return 'cut';
    if (!greeted) return 'not-scored';
    return scoreOf(sites ?? [], listings) >= threshold;
  }

  /** By the logged rank, which is exact; without one the score was below the old threshold. */
  function isListed(findings: Findings, listings: readonly Listing[]): boolean | Unknown {
    const { rank } = findings;
    if (rank !== null) {
      const score = scoreWithout(rank, listings);
      return typeof score === 'string' ? score : score >= threshold;
    }
    if (!inUse) return false;
    const { remembered, whole, greeted } = findings;
    if (!remembered && !greeted) return 'not-scored';
    const isLowered = remembered
      ? hasNegative(without)
      : removedOf(listings).some((listing) => weightOf(listing) < 0);
    if (threshold >= oldThreshold && !isLowered) return false;
    if (remembered) return 'remembered';
    if (!whole) return 'cut';
    const rest = listings.filter(({ zone }) => !without.has(zone));
    return rest.reduce((sum, listing) => sum + weightOf(listing), 0) >= threshold;
  }

  function removedOf(listings: readonly Listing[]): readonly Listing[] {
    return listings.filter(({ zone }) => without.has(zone));
  }

  /** Whether a zone may have spared a client that it lists. */
  function hasNegative(zones: ReadonlySet<string>): boolean {
    return [...zones].some((zone) => [...(weights.byZone.get(zone) ?? [])].some((weight) => weight < 0));
  }

  function scoreWithout(rank: number, listings: readonly Listing[]): number | Unknown {
    if (without.size === 0) return rank;
    if (listings.length === 0) return 'cut';
    const removed = removedOf(listings);
    if (removed.length === 0) return rank;
    if (removed.length === listings.length) return 0;
    const sum = listings.reduce((total, listing) => total + (weights.of(listing) ?? 1), 0);
    const isKnown = (some: readonly Listing[]) => some.every((listing) => weights.of(listing) !== undefined);
    // The session's own rank has the last word on what was learnt from others, and on 1 for what was not.
    if (sum !== rank && (isKnown(listings) || !isKnown(removed))) return 'weight';
    return removed.reduce((score, listing) => score - weightOf(listing), rank);
  }

  /** 1, which is Postfix's default, for what no rank shows. */
  function weightOf(listing: Listing): number {
    const weight = weights.of(listing);
    if (weight === undefined) assumed.add(listing.zone);
    return weight ?? 1;
  }

  return { verdict, notes: () => notesOf() };

  function notesOf(): readonly string[] {
    const never = [...new Set([...without, ...(settings.sites ?? []).map(({ zone }) => zone)])];
    const learnt = [...weights.byZone].map(([zone, found]) => `${zone} ${[...found].sort().join(' or ')}`);
    const usesWeights = sites === null && (without.size > 0 || threshold < oldThreshold);
    return [
      thresholdNote(),
      usesWeights && learnt.length > 0 ? `The logged ranks show these weights: ${learnt.join(', ')}.` : '',
      assumed.size > 0
        ? `No rank shows what these zones weigh; each counts 1: ${[...assumed].sort().join(', ')}.`
        : '',
      ...never
        .filter((zone) => !zones.has(zone))
        .map((zone) => `${zone} lists nobody in this log, or was not asked then.`),
    ].filter((note) => note !== '');
  }

  function thresholdNote(): string {
    if (settings.threshold !== null || threshold === Number.POSITIVE_INFINITY) return '';
    if (ranks.length === 0) return "postscreen_dnsbl_threshold is taken as 1, Postfix's default.";
    return `postscreen_dnsbl_threshold is taken as ${threshold}, the lowest rank in the log; --dnsbl-threshold says otherwise.`;
  }
}

function found({ rank, pregreet, protocol }: Findings): boolean {
  return rank !== null || pregreet || protocol;
}

import type { Access } from '../postscreen/access-list.ts';
import { type DnsblSite, type Listing, listingsOf, scoreOf } from '../postscreen/dnsbl-sites.ts';
import type { ZoneLook } from '../postscreen/dnsbl-zone.ts';
import type { Sampled } from './sample.ts';
import type { Screening } from './screening.ts';

/**
 * `permitted`: the access list lets it in. `rejected`: the access list turns it away. `refused`: the DNSBL score does.
 * `unknown`: it hangs on an answer that nobody gave.
 */
type AddressVerdict = 'permitted' | 'rejected' | 'refused' | 'passes' | 'unknown';

export interface ProbedAddress {
  readonly address: string;
  readonly verdict: AddressVerdict;
  /** One line: what the verdict rests on. */
  readonly why: string;
  /** Null: its score does not matter. Both are the same when all zones answered. */
  readonly score: { readonly least: number; readonly most: number } | null;
  readonly listings: readonly Listing[];
  readonly faults: readonly { readonly zone: string; readonly reason: string }[];
}

export interface ProbedSender {
  readonly sender: string;
  readonly networks: number;
  readonly verdict: 'passes' | 'refused' | 'unknown';
  readonly why: string;
  readonly addresses: readonly ProbedAddress[];
}

export interface ProbeReport {
  readonly service: string;
  readonly action: string;
  readonly threshold: number;
  readonly zones: readonly string[];
  readonly senders: readonly ProbedSender[];
}

/** The zones that are to be asked, each once. */
export function zonesOf(sites: readonly DnsblSite[]): readonly string[] {
  return [...new Set(sites.map(({ zone }) => zone))];
}

const NO_ZONE = 'no DNSBL zone can refuse it';

/** Whether the zones have to be asked: what the list decides needs no score. */
export function needsScore(access: Access, { rejects }: Screening): boolean {
  return access.kind !== 'permit' && !(access.kind === 'reject' && rejects);
}

/** What postscreen would do with the address. `looks`: by zone. */
export function judgeAddress(
  address: string,
  access: Access,
  looks: ReadonlyMap<string, ZoneLook>,
  screening: Screening,
): ProbedAddress {
  const decided = { address, score: null, listings: [], faults: [] };
  if (access.kind === 'permit') return { ...decided, verdict: 'permitted', why: `${access.by} permits it` };
  if (access.kind === 'reject' && screening.rejects)
    return { ...decided, verdict: 'rejected', why: `${access.by} rejects it` };
  const { sites, threshold } = screening;
  const seen = [...looks];
  const listings = listingsOf(
    seen.flatMap(([zone, look]) =>
      look.kind === 'listed' ? look.answers.map((answer) => ({ zone, answer, at: 0 })) : [],
    ),
  );
  const faults = seen.flatMap(([zone, look]) =>
    look.kind === 'fault' ? [{ zone, reason: look.reason }] : [],
  );
  const { least, most } = bounds(sites, listings, new Set(faults.map(({ zone }) => zone)));
  const scored = { address, score: sites.length === 0 ? null : { least, most }, listings, faults };
  const score = scoreText(listings, faults, { least, most }, threshold);
  const why = access.kind === 'error' ? `${access.by}: ${access.reason}; ${score}` : score;
  if (access.kind === 'unknown') return { ...scored, verdict: 'unknown', why: access.reason };
  if (sites.length === 0) return { ...scored, verdict: 'passes', why: NO_ZONE };
  if (least >= threshold) return { ...scored, verdict: 'refused', why };
  return { ...scored, verdict: most < threshold ? 'passes' : 'unknown', why };
}

/** Each entry of a zone without an answer may count or not. */
function bounds(
  sites: readonly DnsblSite[],
  listings: readonly Listing[],
  unknown: ReadonlySet<string>,
): { least: number; most: number } {
  const score = scoreOf(sites, listings);
  const open = sites.filter(({ zone }) => unknown.has(zone)).map(({ weight }) => weight);
  return {
    least: open.reduce((sum, weight) => sum + Math.min(0, weight), score),
    most: open.reduce((sum, weight) => sum + Math.max(0, weight), score),
  };
}

function scoreText(
  listings: readonly Listing[],
  faults: ProbedAddress['faults'],
  { least, most }: { least: number; most: number },
  threshold: number,
): string {
  const said = [
    ...listings.map(({ zone, answers }) => `${zone} ${answers.join(' ')}`),
    ...faults.map(({ zone, reason }) => `${zone}: ${reason}`),
  ];
  const score = `score ${least === most ? least : `${least} to ${most}`}, threshold ${threshold}`;
  return [...said, score].join('; ');
}

/** One address that is turned away is enough: pools rotate, and the next mail may come from it. */
export function judgeSender(sampled: Sampled, addresses: readonly ProbedAddress[]): ProbedSender {
  const { sender, networks } = sampled;
  const worst = (...verdicts: AddressVerdict[]) =>
    addresses.filter(({ verdict }) => verdicts.includes(verdict));
  const refused = worst('rejected', 'refused');
  const unknown = worst('unknown');
  const told = (some: readonly ProbedAddress[]) =>
    `${some[0]?.address}: ${some[0]?.why}${some.length > 1 ? ` (and ${some.length - 1} more)` : ''}`;
  const base = { sender, networks, addresses };
  if (refused.length > 0) return { ...base, verdict: 'refused', why: told(refused) };
  if (unknown.length > 0) return { ...base, verdict: 'unknown', why: told(unknown) };
  if (addresses.length === 0) return { ...base, verdict: 'unknown', why: unsampled(networks) };
  return { ...base, verdict: 'passes', why: reasonToPass(worst('passes')) };
}

/** `passing`: those that the access list does not let in by itself. */
function reasonToPass(passing: readonly ProbedAddress[]): string {
  if (passing.length === 0) return 'the access list permits it';
  const scores = passing.flatMap(({ score }) => score?.most ?? []);
  return scores.length === 0 ? NO_ZONE : `highest score ${Math.max(...scores)}`;
}

function unsampled(networks: number): string {
  return networks === 0
    ? 'no network of it is known, so nothing could be asked'
    : 'too many senders for one probe: name it to ask about it alone';
}

/** 1: a sender would be refused. 3: an answer was missing, and it mattered. */
export function probeExitCode(senders: readonly ProbedSender[]): 0 | 1 | 3 {
  if (senders.some(({ verdict }) => verdict === 'refused')) return 1;
  const isMissing = senders.some(({ addresses }) => addresses.some(({ verdict }) => verdict === 'unknown'));
  return isMissing ? 3 : 0;
}

/** How many addresses the zones gave no answer for, by zone and reason, whether it mattered or not. */
export function faultsOf(senders: readonly ProbedSender[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { zone, reason } of senders
    .flatMap(({ addresses }) => addresses)
    .flatMap(({ faults }) => faults)) {
    const key = `${zone}: ${reason}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

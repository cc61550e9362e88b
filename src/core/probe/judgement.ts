/** What postscreen would do with one address, and so with a sender. The score has bounds where zones did not answer. */

import type { Access } from '../postscreen/access-list.ts';
import { type DnsblSite, type Listing, listingsOf, scoreOf } from '../postscreen/dnsbl-sites.ts';
import type { ZoneLook } from '../postscreen/dnsbl-zone.ts';
import type { Sampled } from './sample.ts';
import type { Screening } from './screening.ts';

/**
 * `permitted` and `rejected`: by the access list. `refused`: by the DNSBL score. `unknown`: it depends on an answer that
 * is missing.
 */
type AddressVerdict = 'permitted' | 'rejected' | 'refused' | 'passes' | 'unknown';

export interface ProbedAddress {
  readonly address: string;
  readonly verdict: AddressVerdict;
  /** One line: the reason for the verdict. */
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

/** The zones to ask, each once. */
export function zonesOf(sites: readonly DnsblSite[]): readonly string[] {
  return [...new Set(sites.map(({ zone }) => zone))];
}

const NO_ZONE = 'no DNSBL zone can refuse it';

/** Whether the access list decides, so that no zone must be asked. */
export function isDecided(
  access: Access,
  { rejects }: Screening,
): access is Extract<Access, { kind: 'permit' | 'reject' }> {
  return access.kind === 'permit' || (access.kind === 'reject' && rejects);
}

/** What postscreen would do with the address. `looks`: by zone. */
export function judgeAddress(
  address: string,
  access: Access,
  looks: ReadonlyMap<string, ZoneLook>,
  screening: Screening,
): ProbedAddress {
  if (isDecided(access, screening)) {
    const verdict = access.kind === 'permit' ? 'permitted' : 'rejected';
    return {
      address,
      verdict,
      why: `${access.by} ${access.kind}s it`,
      score: null,
      listings: [],
      faults: [],
    };
  }
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
  const answers = [
    ...listings.map(({ zone, answers }) => `${zone} ${answers.join(' ')}`),
    ...faults.map(({ zone, reason }) => `${zone}: ${reason}`),
  ];
  const score = `score ${least === most ? least : `${least} to ${most}`}, threshold ${threshold}`;
  return [...answers, score].join('; ');
}

/** One refused address is enough: pools rotate, and the next mail may come from it. */
export function judgeSender(sampled: Sampled, addresses: readonly ProbedAddress[]): ProbedSender {
  const { sender, networks } = sampled;
  const having = (...verdicts: AddressVerdict[]) =>
    addresses.filter(({ verdict }) => verdicts.includes(verdict));
  const base = { sender, networks, addresses };
  const refused = having('rejected', 'refused');
  if (refused.length > 0) return { ...base, verdict: 'refused', why: reasonOf(refused) };
  const unknown = having('unknown');
  if (unknown.length > 0) return { ...base, verdict: 'unknown', why: reasonOf(unknown) };
  if (addresses.length === 0) return { ...base, verdict: 'unknown', why: unsampled(networks) };
  return { ...base, verdict: 'passes', why: reasonToPass(having('passes')) };
}

function reasonOf(some: readonly ProbedAddress[]): string {
  return `${some[0]?.address}: ${some[0]?.why}${some.length > 1 ? ` (and ${some.length - 1} more)` : ''}`;
}

/** `passing`: those that the access list does not permit by itself. */
function reasonToPass(passing: readonly ProbedAddress[]): string {
  if (passing.length === 0) return 'the access list permits it';
  const scores = passing.flatMap(({ score }) => score?.most ?? []);
  return scores.length === 0 ? NO_ZONE : `highest score ${Math.max(...scores)}`;
}

function unsampled(networks: number): string {
  return networks === 0
    ? 'none of its networks is known, so nothing could be asked'
    : 'too many senders for one probe: run screenpass probe with its name';
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
  for (const { zone, reason } of senders.flatMap(({ addresses }) =>
    addresses.flatMap(({ faults }) => faults),
  )) {
    const key = `${zone}: ${reason}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

// One DNSBL zone: the name to ask for, and what an answer means.
import { reverseLabels } from '../dns/dns-name.ts';
import type { DnsAnswer } from '../dns/resolver.ts';
import type { Address } from '../net/network.ts';

/** What a DNSBL zone says of one address. `fault`: no answer to trust, which is not "not listed". */
export type ZoneLook =
  | { readonly kind: 'listed'; readonly answers: readonly string[] }
  | { readonly kind: 'not-listed' }
  | { readonly kind: 'fault'; readonly reason: string };

/** Answers of the error range, which Spamhaus documents; other lists follow it. */
const ERRORS: Readonly<Record<string, string>> = {
  '127.255.255.252': 'the zone says that its name is typed wrong in postscreen_dnsbl_sites',
  '127.255.255.254': 'the zone refuses questions that come through a public resolver',
  '127.255.255.255': 'the zone says that it was asked too often',
};

/** What an answer of a zone means that is an error and no listing; undefined: it is a listing. */
export function errorAnswer(answer: string): string | undefined {
  if (!answer.startsWith('127.255.255.')) return undefined;
  return `${ERRORS[answer] ?? 'the zone answers with an error'} (${answer})`;
}

/** The name to ask a zone for (RFC 5782 sections 2.1 and 2.4). */
export function listingName(address: Address, zone: string): string {
  return `${reverseLabels(address)}.${zone}`;
}

/** What the answer to listingName means. */
export function readZoneAnswer(answer: DnsAnswer<string>): ZoneLook {
  if (answer.kind === 'failed') return { kind: 'fault', reason: `no answer (${answer.reason})` };
  if (answer.kind !== 'found') return { kind: 'not-listed' };
  for (const record of answer.records) {
    const error = errorAnswer(record);
    if (error !== undefined) return { kind: 'fault', reason: error };
    // All that lists somebody is in there (RFC 5782 section 2.1): else something on the way made the answer up.
    if (!record.startsWith('127.')) return { kind: 'fault', reason: `it answers ${record}, as no list does` };
  }
  return { kind: 'listed', answers: answer.records };
}

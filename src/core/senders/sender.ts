// What the catalogue, or the operator's file, defines of a sender. What was learnt later is in knowledge.ts.
import type { Network } from '../net/network.ts';
import type { Sender } from './sender-index.ts';

export const CATEGORIES = [
  'commerce',
  'custom',
  'mailbox',
  'marketing',
  'saas',
  'security-gateway',
  'social',
  'transactional',
] as const;

/** Also the key of the sender in the saved state. */
export const SENDER_ID = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** What the catalogue, or the operator's file, says of a sender. */
export interface SenderDefinition extends Sender {
  readonly category: (typeof CATEGORIES)[number];
  /** In the set `default` of SCREENPASS_SENDERS. */
  readonly default: boolean;
  /** `high`: the networks were seen in the sender's own records, so that others can be measured by them. */
  readonly confidence: 'high' | 'medium' | 'low';
  /** What the networks were taken from, and when that was last seen. */
  readonly source: string;
  readonly seen: string;
  /** Domains whose SPF records list what the sender sends from. */
  readonly spf: readonly string[];
  /** The names of its addresses end in these labels. Evidence only where lists do not hold all (`namesCount`). */
  readonly rdns: readonly string[];
  /** Its records authorise addresses that no list can hold (exists, ptr, macros), as far as is known. */
  readonly unlistable: boolean;
  /** Its lists are known to lack some of its addresses. */
  readonly incomplete: boolean;
  /** As they were when the definition was written. */
  readonly networks: readonly Network[];
  /** The networks hold whatever the records say: the operator's own. */
  readonly pinned: boolean;
}

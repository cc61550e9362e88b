import { formatNetwork, type Network, network } from './network.ts';
import type { SenderDefinition } from './sender.ts';

/** Addresses that a sender does not list any more stay this long: its mail may still be under way. */
export const GRACE_MS = 7 * 86_400_000;
/** Who did not answer is asked again so soon. */
const RETRY_MS = 3_600_000;
/** So many addresses of one sender are kept that were proven one by one; the oldest proof leaves first. */
const MOST_PROVEN = 500;

/** What was learnt of one sender since the catalogue was made. Times are ms since the epoch. */
export interface Knowledge {
  /** The domains that were asked. With other ones in the definition, all of this is void. */
  readonly spf: readonly string[];
  /** When they were last asked, whatever they answered; null: never. */
  readonly askedAt: number | null;
  /** The last good answer; null: there was none yet. */
  readonly listed: Listed | null;
  /** Not listed any more, since then. */
  readonly leaving: readonly { readonly network: string; readonly since: number }[];
  /** Single addresses that no list holds. */
  readonly proven: readonly Proven[];
  /** Why the last try gave nothing; null: it did. `failed`: no answer. `suspicious`: an answer not to be believed. */
  readonly trouble: Trouble | null;
}

export interface Listed {
  readonly networks: readonly string[];
  readonly at: number;
  readonly unlistable: boolean;
}

export interface Proven {
  /** As a network of one address. */
  readonly network: string;
  readonly by: 'spf' | 'rdns';
  readonly at: number;
  /** When a later look said no for the first time; null when none did. */
  readonly doubted: number | null;
}

export interface Trouble {
  readonly kind: 'failed' | 'suspicious';
  readonly reason: string;
  /** It is only the size of the change: the administrator may say that it is right. */
  readonly acceptable: boolean;
  readonly since: number;
}

export type SenderKnowledge = Readonly<Record<string, Knowledge>>;

const NOTHING: Omit<Knowledge, 'spf'> = {
  askedAt: null,
  listed: null,
  leaving: [],
  proven: [],
  trouble: null,
};

/** What is known of the sender under its present definition. */
export function knowledgeOf({ id, spf }: SenderDefinition, all: SenderKnowledge): Knowledge {
  const known = all[id];
  return known !== undefined && known.spf.join(' ') === spf.join(' ') ? known : { ...NOTHING, spf };
}

/** Whether it is time to ask again. A time that lies ahead says nothing: the clock was set back. */
export function isDue({ askedAt, trouble }: Knowledge, now: number, everyMs: number): boolean {
  if (askedAt === null || askedAt > now) return true;
  return now - askedAt >= (trouble?.kind === 'failed' ? Math.min(RETRY_MS, everyMs) : everyMs);
}

/** The networks that the records list and those that hold beside them. */
export function standing(sender: SenderDefinition, listed: Listed | null): readonly Network[] {
  const kept = listed === null || listed.unlistable || sender.pinned ? sender.networks : [];
  return listed === null ? kept : [...kept, ...parsed(listed)];
}

/** A good answer. */
export function listing(networks: readonly Network[], at: number, unlistable: boolean): Listed {
  const listed = { networks: networks.map(formatNetwork), at, unlistable };
  PARSED.set(listed, networks);
  return listed;
}

/** Reading them takes long enough to do it once for each answer. */
const PARSED = new WeakMap<Listed, readonly Network[]>();

/** The networks of an answer. */
export function parsed(listed: Listed): readonly Network[] {
  const networks = PARSED.get(listed) ?? listed.networks.map(network);
  PARSED.set(listed, networks);
  return networks;
}

/** A time that lies ahead, because the clock was set back, counts as just now. */
export function inGrace(since: number, now: number): boolean {
  return now - since <= GRACE_MS;
}

/** What has left its list and is within the grace period. */
export function leavingNetworks({ leaving }: Knowledge, now: number): readonly Network[] {
  return leaving.filter(({ since }) => inGrace(since, now)).map((one) => network(one.network));
}

/** All that the sender sends from, as far as is known: what it lists, what has just left, what was proven. */
export function currentNetworks(sender: SenderDefinition, known: Knowledge, now: number): readonly Network[] {
  const { listed, proven } = known;
  const certain = proven.filter(({ doubted }) => doubted === null || inGrace(doubted, now));
  const single = certain.map((one) => network(one.network));
  return [...standing(sender, listed), ...leavingNetworks(known, now), ...single];
}

/** Whether single addresses of it are to be proven, since lists do not hold all. */
export function isUnlistable(sender: SenderDefinition, known: Knowledge): boolean {
  return known.listed?.unlistable ?? sender.unlistable;
}

/** With an address that was proven now, for the first time or again. */
export function withProof(known: Knowledge, address: Network, by: Proven['by'], now: number): Knowledge {
  const text = formatNetwork(address);
  const others = known.proven.filter(({ network }) => network !== text);
  const proven = [...others, { network: text, by, at: now, doubted: null }];
  return { ...known, proven: proven.slice(-MOST_PROVEN) };
}

/** After a later look at a proven address said no. It stays for the grace period, in case that was passing. */
export function withDoubt(known: Knowledge, address: string, now: number): Knowledge {
  const proven = known.proven
    .map((one) => (one.network === address ? { ...one, doubted: one.doubted ?? now } : one))
    .filter(({ doubted }) => doubted === null || inGrace(doubted, now));
  return { ...known, proven };
}

/**
 * How far the list can be trusted. `bundled`: nothing was learnt, the catalogue holds. `stale`: the last good answer is
 * older than `maxAgeMs`. `suspicious`: the last answer was held back.
 */
export type Freshness = 'bundled' | 'fresh' | 'stale' | 'suspicious';

export function freshness({ listed, trouble }: Knowledge, now: number, maxAgeMs: number): Freshness {
  if (trouble?.kind === 'suspicious') return 'suspicious';
  if (listed === null) return 'bundled';
  return Math.abs(now - listed.at) <= maxAgeMs ? 'fresh' : 'stale';
}

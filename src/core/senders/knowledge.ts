// What was learnt of a sender, and which networks follow from it. Answers are judged in list-judgement.ts.
import { formatNetwork, type Network, network } from '../net/network.ts';
import type { SenderDefinition } from './sender.ts';

/** Addresses that a sender does not list any more stay this long: its mail may still be under way. */
export const GRACE_MS = 7 * 86_400_000;
/** A sender that did not answer is asked again by the next hourly look that is this much later. */
const RETRY_MS = 1_800_000;
const HOUR_MS = 3_600_000;
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
  /** Why the last try gave nothing; null: it did. `failed`: no answer. `suspicious`: an answer that is not trusted. */
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

/**
 * When the senders that did not answer are asked again: by the refresh of all, or by an hourly look that is late enough. Null: all
 * answered, or nothing is scheduled.
 */
export function nextTry(
  known: readonly Knowledge[],
  { refresh, hourly }: { readonly refresh: number | null; readonly hourly: number | null },
): number | null {
  const failed = known.filter(({ trouble }) => trouble?.kind === 'failed');
  if (failed.length === 0) return null;
  const asked = Math.min(...failed.flatMap(({ askedAt }) => askedAt ?? []));
  const look = hourly !== null && hourly - asked < RETRY_MS ? hourly + HOUR_MS : hourly;
  const times = [refresh, look].filter((time) => time !== null);
  return times.length === 0 ? null : Math.min(...times);
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

/** Those of which no network is known: only addresses that are proven one by one are recognised. */
export function withoutNetworks(
  senders: readonly SenderDefinition[],
  all: SenderKnowledge,
  now: number,
): readonly SenderDefinition[] {
  return senders.filter((sender) => {
    const { length } = currentNetworks(sender, { ...knowledgeOf(sender, all), proven: [] }, now);
    return length === 0;
  });
}

/** What is said of them. */
export const WITHOUT_NETWORKS = 'watched, but no networks are known: only proven addresses count';

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

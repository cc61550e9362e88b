// Judges what the domains of a sender answered, before it becomes knowledge. It does not ask them.
import { excess, growth, unfit } from '../net/limits.ts';
import { type Family, formatNetwork, type Network, network } from '../net/network.ts';
import { addresses, aggregate, subtract } from '../net/network-set.ts';
import type { Expansion } from '../spf/spf-expand.ts';
import type { Identity } from './identity.ts';
import {
  inGrace,
  type Knowledge,
  type Listed,
  leavingNetworks,
  listing,
  parsed,
  standing,
  type Trouble,
  withDoubt,
  withProof,
} from './knowledge.ts';
import type { SenderDefinition } from './sender.ts';

/** What DNS answered about one sender. */
export interface Answers {
  readonly sender: SenderDefinition;
  /** One for each of its SPF domains; none when it has none. */
  readonly expansions: readonly Expansion[];
  /** Of the addresses that were proven before, by their text. */
  readonly identities: ReadonlyMap<string, Identity>;
  /** Why the server that gave the answers is not trusted. */
  readonly distrust?: string;
}

/** One sender before and after its answers were judged. */
export interface Judged {
  readonly sender: string;
  readonly before: Knowledge;
  readonly after: Knowledge;
  /** Networks that it did not have before, and those that it has no more; both empty when there is trouble. */
  readonly added: readonly Network[];
  readonly removed: readonly Network[];
}

/**
 * Judges what a sender's domains answered. Trouble with one of them leaves all as it was. `accept`: the administrator
 * says that the change is right, however large.
 */
export function judgeAnswers(answers: Answers, before: Knowledge, now: number, accept: boolean): Judged {
  const { sender, identities } = answers;
  const judged = judgeLists(answers, before, now, accept);
  const after = [...identities].reduce<Knowledge>((known, [text, identity]) => {
    if (identity.kind === 'proven') return withProof(known, network(text), identity.by, now);
    return identity.kind === 'no-sender' ? withDoubt(known, text, now) : known;
  }, judged.after);
  return { sender: sender.id, before, ...judged, after: { ...after, askedAt: now } };
}

function judgeLists(
  { sender, expansions, distrust }: Answers,
  before: Knowledge,
  now: number,
  accept: boolean,
): Pick<Judged, 'after' | 'added' | 'removed'> {
  if (expansions.length === 0) return { after: before, added: [], removed: [] };
  const lists = expansions.flatMap((expansion) => (expansion.kind === 'listed' ? [expansion] : []));
  const networks = aggregate(lists.flatMap((list) => list.networks));
  const unlistable = lists.some((list) => list.unlistable.length > 0);
  const listed = listing(networks, now, unlistable);
  const previous = standing(sender, before.listed);
  const next = standing(sender, listed);
  const removed = subtract(previous, next);
  const leaving = leavingAfter(before, removed, next, now);
  const open = [...next, ...leaving.map((one) => network(one.network))];
  const trouble =
    firstTrouble(expansions, distrust) ??
    firstUnfit(networks) ??
    tooMuch(next) ??
    (accept ? null : unaccepted(sender, before, { listed, open }, now));
  if (trouble !== null) {
    const since = before.trouble?.kind === trouble.kind ? before.trouble.since : now;
    return { after: { ...before, trouble: { ...trouble, since } }, added: [], removed: [] };
  }
  // After a change that the administrator accepted, there may be no room for what leaves.
  const after = { ...before, listed, leaving: excess(open) === null ? leaving : [], trouble: null };
  return { after, added: subtract(next, previous), removed };
}

type Reason = Omit<Trouble, 'since'>;

function suspicious(reason: string): Reason {
  return { kind: 'suspicious', reason, acceptable: false };
}

function firstTrouble(expansions: readonly Expansion[], distrust: string | undefined): Reason | null {
  if (distrust !== undefined) return { kind: 'failed', reason: distrust, acceptable: false };
  for (const expansion of expansions)
    if (expansion.kind === 'failed')
      return {
        kind: 'failed',
        reason: `${expansion.domain}: no answer (${expansion.reason})`,
        acceptable: false,
      };
  for (const expansion of expansions)
    if (expansion.kind === 'invalid') return suspicious(`${expansion.domain} ${expansion.problem}`);
  return null;
}

/** What no list of a sender may have in it. */
function firstUnfit(networks: readonly Network[]): Reason | null {
  for (const one of networks) {
    const reason = unfit(one);
    if (reason !== null) return suspicious(`lists ${formatNetwork(one)}: ${reason}`);
  }
  return null;
}

function tooMuch(networks: readonly Network[]): Reason | null {
  const reason = excess(networks);
  return reason === null ? null : suspicious(`would have ${reason}`);
}

/** What changes more than is taken without the administrator's word. `open` are the networks that it would then have. */
function unaccepted(
  sender: SenderDefinition,
  before: Knowledge,
  { listed, open }: { readonly listed: Listed; readonly open: readonly Network[] },
  now: number,
): Reason | null {
  const trusted = sender.confidence === 'high' && !listed.unlistable ? sender.networks : null;
  const base = before.listed === null ? trusted : parsed(before.listed);
  const swung = base === null ? null : swing(base, parsed(listed));
  if (swung !== null) return swung;
  const was = [...standing(sender, before.listed), ...leavingNetworks(before, now)];
  const reason = growth(sender.networks, was, open);
  return reason === null ? null : { ...suspicious(reason), acceptable: true };
}

/**
 * More than half of the addresses gone or new, by family: IPv6 would drown IPv4 in numbers. The first networks of a
 * family have nothing to be measured by; how many they may be is another limit (growth).
 */
function swing(base: readonly Network[], after: readonly Network[]): Reason | null {
  const before = aggregate(base);
  const lost = subtract(before, after);
  const gained = subtract(after, before);
  for (const family of [4, 6] as const) {
    const half = addresses(before, family) / 2;
    if (half === 0) continue;
    if (addresses(lost, family) > half) return { ...suspicious(swings('loses', family)), acceptable: true };
    if (addresses(gained, family) > half) return { ...suspicious(swings('gains', family)), acceptable: true };
  }
  return null;
}

function swings(verb: string, family: Family): string {
  return `${verb} more than half of its IPv${family} addresses at once`;
}

function leavingAfter(
  before: Knowledge,
  removed: readonly Network[],
  listed: readonly Network[],
  now: number,
): Knowledge['leaving'] {
  const still = before.leaving
    .filter(({ since }) => inGrace(since, now))
    .flatMap(({ network: text, since }) =>
      subtract([network(text)], listed).map((rest) => ({ network: formatNetwork(rest), since })),
    );
  return [...still, ...removed.map((one) => ({ network: formatNetwork(one), since: now }))];
}

/** What most of them have in common, if anything; undefined: there are none. */
export function mainReason(failed: readonly Held[]): string | undefined {
  const times = (reason: string) => failed.filter((one) => one.reason === reason).length;
  return failed
    .map(({ reason }) => reason)
    .reduce<string | undefined>(
      (main, reason) => (main === undefined || times(reason) > times(main) ? reason : main),
      undefined,
    );
}

/** What a refresh came to, for people and scripts. */
export interface RefreshSummary {
  readonly asked: readonly string[];
  /** CIDRs by sender. */
  readonly added: Readonly<Record<string, readonly string[]>>;
  readonly removed: Readonly<Record<string, readonly string[]>>;
  /** Those that keep what was known before, and why. */
  readonly failed: readonly Held[];
  readonly suspicious: readonly Held[];
}

interface Held {
  readonly sender: string;
  readonly reason: string;
}

export function summarise(judged: readonly Judged[]): RefreshSummary {
  const held = (kind: Trouble['kind']) =>
    judged.flatMap(({ sender, after: { trouble } }) =>
      trouble?.kind === kind ? [{ sender, reason: trouble.reason }] : [],
    );
  return {
    asked: judged.map(({ sender }) => sender),
    added: bySender(judged, 'added'),
    removed: bySender(judged, 'removed'),
    failed: held('failed'),
    suspicious: held('suspicious'),
  };
}

function bySender(judged: readonly Judged[], what: 'added' | 'removed'): Record<string, readonly string[]> {
  const changed = judged.filter((one) => one[what].length > 0);
  return Object.fromEntries(changed.map((one) => [one.sender, one[what].map(formatNetwork)]));
}

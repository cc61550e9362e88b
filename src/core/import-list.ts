import { blockLines } from './allowlist.ts';
import { type Fault, MAPPED, type Rule, readCidrRules } from './cidr-rules.ts';
import { bits, type Family, formatNetwork, lastValue, type Network, overlap } from './network.ts';
import { addresses, aggregate, intersect, subtract } from './network-set.ts';
import { RESERVED } from './policy.ts';
import { judgeOrder, type Standing } from './rule-order.ts';
import type { SenderDefinition } from './sender.ts';

/** A sender as it is known now. */
export interface KnownSender {
  readonly definition: SenderDefinition;
  readonly networks: readonly Network[];
  readonly watched: boolean;
  /** It sends from addresses that no list holds. */
  readonly unlistable: boolean;
  /** When its networks were last seen, as an ISO date. */
  readonly asOf: string;
}

/** What can be said of a line: whether something is wrong with it, what it means, and what to do about it. */
export const VERDICTS = {
  everything: {
    wrong: true,
    means: 'decides for every IPv4 or IPv6 address: nothing below it is asked, nor the block of screenpass',
    advice: 'take it away',
  },
  broken: {
    wrong: true,
    means: 'Postfix skips the line, or does not read it as it was meant',
    advice: 'mend it or take it away: it is of no use as it is',
  },
  'unknown-action': {
    wrong: true,
    means: 'Postfix does not know the action, and ignores the rest of the list',
    advice: 'write `permit` or `reject`, or take it away',
  },
  unreachable: {
    wrong: true,
    means:
      'never decides: a rule above it or the `if` around it is in its way, or no client has such an address',
    advice: 'see which of the rules you mean, and take the other away',
  },
  redundant: {
    wrong: true,
    means: 'another rule does the same for all of its addresses',
    advice: 'take it away: nothing changes',
  },
  'perhaps-stale': {
    wrong: true,
    means:
      'a known sender publishes most of it, or the comment names one, and no known sender publishes the rest',
    advice: 'ask whoever put it there: screenpass cannot know whether it is still in use',
  },
  covered: {
    wrong: false,
    means: 'permits networks of watched senders only',
    advice:
      'take it away: screenpass opens these senders when postscreen refuses them, and follows their networks',
  },
  unwatched: {
    wrong: false,
    means: 'permits networks of known senders only, of which some are not watched',
    advice: 'take it away once `SCREENPASS_SENDERS` names these senders, else keep it',
  },
  unknown: {
    wrong: false,
    means: 'permits addresses whose owner screenpass does not know',
    advice:
      'keep it above the block of screenpass; or name the owner in `SCREENPASS_SENDERS_FILE`, best with its SPF domain',
  },
  never: {
    wrong: false,
    means: 'permits addresses that screenpass never allows: private, reserved, `SCREENPASS_NEVER`',
    advice: 'keep it above the block of screenpass',
  },
  own: {
    wrong: false,
    means: 'does not permit: your own decision',
    advice: 'keep it above the block of screenpass, since the first match counts',
  },
} as const;

export type Verdict = keyof typeof VERDICTS;

/** What is to be said of one line. */
export interface JudgedLine {
  /** 1-based. */
  readonly line: number;
  readonly pattern: string;
  readonly verdict: Verdict;
  readonly why: string;
  /** Ids of the known senders of which it holds networks, or that its comment names. */
  readonly senders: readonly string[];
  /** What was meant by a broken one; null: nothing else, or who knows. */
  readonly meant: string | null;
}

/** How much of what a sender publishes the list permits. */
export interface SenderCover {
  readonly sender: string;
  readonly name: string;
  readonly watched: boolean;
  readonly unlistable: boolean;
  readonly cover: 'all' | 'part';
  /** Networks of the sender; those that are permitted whole, and in part. */
  readonly networks: { readonly total: number; readonly whole: number; readonly part: number };
  readonly ipv4: Share;
  readonly ipv6: Share;
  readonly asOf: string;
}

/** Numbers of addresses. */
interface Share {
  readonly total: number;
  readonly permitted: number;
}

export interface ImportReport {
  readonly bare: boolean;
  /** Where our own block stands, which is left out; null: there is none. */
  readonly block: { readonly first: number; readonly last: number } | null;
  readonly senders: readonly SenderCover[];
  readonly lines: readonly JudgedLine[];
  readonly settings: ImportSettings;
}

/** What settings can take over from the list; null: nothing. */
interface ImportSettings {
  /** Changes to SCREENPASS_SENDERS, so that unwatched senders are watched. */
  readonly SCREENPASS_SENDERS: string | null;
  /** The senders that are permitted now without a refusal. */
  readonly SCREENPASS_PRESEED: string | null;
  /** Networks of watched senders that the list refuses or leaves to the tests. */
  readonly SCREENPASS_NEVER: string | null;
}

/** Of so much of its addresses a rule must be a known sender's for the rest to be called stale. */
const MOST = 0.5;

/**
 * Judges a list of networks, or a table of Postfix's, by its text (one character a byte) and by what is known of senders.
 * `never`: the networks of SCREENPASS_NEVER.
 */
export function judgeList(
  text: string,
  senders: readonly KnownSender[],
  never: readonly Network[],
): ImportReport {
  const { first, last } = blockLines(text);
  const { bare, rules, faults } = readCidrRules(text, { first, last });
  const order = judgeOrder(rules.map(({ set, action }) => ({ set, effect: action })));
  const owners = createOwners(senders, never);
  const judged = rules.map((rule, i) => judgeRule(rule, order.standings[i] as Standing, rules, owners));
  const lines = [...judged, ...faults.map((fault) => judgeFault(fault, owners))].sort(
    (a, b) => a.line - b.line,
  );
  // Of a long list most is nobody's, and each sender is then held against the rest.
  const permitted = intersect(networksOf(senders), order.decided('permit'));
  const own = rules.flatMap(({ set }, i) => (judged[i]?.verdict === 'own' ? set : []));
  const refused = [...order.decided('reject'), ...order.decided('dunno')];
  return {
    bare,
    block: last < first ? null : { first, last },
    senders: senders.flatMap((sender) => coverOf(sender, permitted)),
    lines,
    settings: settingsFor(judged, senders, subtract(intersect(own, refused), never)),
  };
}

/** A network of a sender. */
interface Owned {
  readonly sender: KnownSender;
  readonly network: Network;
}

interface Owners {
  /** Their networks that meet the set. */
  in(set: readonly Network[]): readonly Owned[];
  /** Those that a comment names. */
  named(comment: string): readonly KnownSender[];
  /** What is never allowed, with SCREENPASS_NEVER. */
  readonly never: readonly Network[];
}

function createOwners(senders: readonly KnownSender[], never: readonly Network[]): Owners {
  const owned = senders.flatMap((sender) =>
    aggregate(sender.networks).map((network) => ({ sender, network })),
  );
  const find = { 4: createFinder(owned, 4), 6: createFinder(owned, 6) };
  const names = senders.map((sender) => ({ sender, words: wordsOf(sender.definition) }));
  return {
    never: aggregate([...RESERVED, ...never]),
    in: (set) => [...new Set(set.flatMap((network) => find[network.family](network)))],
    named(comment) {
      if (comment === '') return [];
      // The page of the program that made the list is no sender's.
      const text = ` ${plain(comment.replace(/https?:\S*/gi, ' '))} `;
      return names.flatMap(({ sender, words }) =>
        words.some((word) => text.includes(word)) ? [sender] : [],
      );
    },
  };
}

/** Finds those that meet a network: sorted by their first address, none before the first of which one reaches it. */
function createFinder(all: readonly Owned[], family: Family): (network: Network) => readonly Owned[] {
  const sorted = all
    .filter(({ network }) => network.family === family)
    .sort((a, b) => (a.network.base < b.network.base ? -1 : 1));
  const reaches: bigint[] = [];
  for (const { network } of sorted) {
    const before = reaches.at(-1) ?? -1n;
    const last = lastValue(network);
    reaches.push(last > before ? last : before);
  }
  return (network) => {
    const found: Owned[] = [];
    const last = lastValue(network);
    let [at, end] = [0, sorted.length];
    while (at < end) {
      const middle = (at + end) >>> 1;
      if ((reaches[middle] as bigint) < network.base) at = middle + 1;
      else end = middle;
    }
    for (; at < sorted.length && (sorted[at] as Owned).network.base <= last; at += 1) {
      const one = sorted[at] as Owned;
      if (overlap(one.network, network)) found.push(one);
    }
    return found;
  };
}

function sendersOf(owned: readonly Owned[]): readonly KnownSender[] {
  return [...new Set(owned.map(({ sender }) => sender))];
}

function wordsOf({ id, name, spf, rdns }: SenderDefinition): readonly string[] {
  return [id, name, ...spf, ...rdns].map((word) => ` ${plain(word)} `);
}

/** Letters and digits only, so that "Amazon SES" and "amazon-ses" are the same. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();
}

function judgeFault({ line, pattern, reason, meant }: Fault, owners: Owners): JudgedLine {
  const watched = meant === null ? [] : owners.in([meant]).filter(({ sender }) => sender.watched);
  const senders = sendersOf(watched);
  const isCovered = meant !== null && leftOf([meant], watched).length === 0;
  const why = isCovered ? `${reason}; screenpass opens what was meant: ${idsText(senders)}` : reason;
  return {
    line,
    pattern,
    verdict: 'broken',
    why,
    senders: idsOf(senders),
    meant: meant === null ? null : formatNetwork(meant),
  };
}

function judgeRule(rule: Rule, standing: Standing, rules: readonly Rule[], owners: Owners): JudgedLine {
  const { line, pattern, action, set, comment } = rule;
  const owned = owners.in(set);
  const owning = sendersOf(owned);
  const say = (verdict: Verdict, why: string, senders: readonly KnownSender[] = owning): JudgedLine => ({
    line,
    pattern,
    verdict,
    why,
    senders: idsOf(senders),
    meant: null,
  });
  if (standing.kind === 'empty')
    return say('unreachable', 'the "if" around it lets none of its addresses in');
  if (subtract(set, [MAPPED]).length === 0)
    return say('unreachable', 'Postfix knows such clients by their IPv4 address');
  if (standing.kind === 'dead' || standing.kind === 'repeated') {
    const others = standing.by.map((i) => rules[i] as Rule);
    const where = linesText(others.map((other) => other.line));
    if (others.every((other) => other.action === action)) return say('redundant', `the same as ${where}`);
    return say('unreachable', `for all of its addresses ${where} came first`);
  }
  if (action === 'unknown')
    return say('unknown-action', 'Postfix knows permit, reject, dunno, permit_mynetworks');
  if (sizeOf(set) >= 2 ** bits(set[0]?.family ?? 4)) return say('everything', `${action} for everybody`);
  if (action !== 'permit') return say('own', `your own ${action}`);
  if (meets(set, owners.never) && subtract(set, owners.never).length === 0)
    return say('never', 'private or reserved addresses, or in SCREENPASS_NEVER');
  return judgeOwners(set, comment, owned, owners, say);
}

type Say = (verdict: Verdict, why: string, senders?: readonly KnownSender[]) => JudgedLine;

function judgeOwners(
  set: readonly Network[],
  comment: string,
  owned: readonly Owned[],
  owners: Owners,
  say: Say,
): JudgedLine {
  const strange = leftOf(set, owned);
  const owning = sendersOf(owned);
  const names = idsText(owning);
  if (strange.length === 0) {
    if (meets(set, owners.never)) return say('never', `of ${names}, but SCREENPASS_NEVER holds some of it`);
    const watched = owned.filter(({ sender }) => sender.watched);
    if (leftOf(set, watched).length > 0)
      return say('unwatched', `all of it is in networks of ${names}, not all watched`);
    const opening = sendersOf(watched);
    return say('covered', `all of it is in networks of ${idsText(opening)}`, opening);
  }
  const share = 1 - sizeOf(strange) / sizeOf(set);
  const named = owners.named(comment);
  const suspects = named.length > 0 ? named : share >= MOST ? owning : [];
  const held =
    owned.length === 0
      ? 'no known sender publishes it'
      : `${percent(share)} of it is in networks of ${names}`;
  const rest = owned.length === 0 ? '' : `, no known sender publishes the rest: ${someText(strange)}`;
  const because = named.length > 0 ? `the comment names ${idsText(named)}; ` : '';
  if (suspects.some(({ unlistable }) => unlistable))
    return say(
      'unknown',
      `${because}${held}${rest}; but no list holds all that ${idsText(suspects)} sends from`,
    );
  const all = [...new Set([...owning, ...named])];
  return say(suspects.length > 0 ? 'perhaps-stale' : 'unknown', because + held + rest, all);
}

function coverOf(
  { definition, networks, watched, unlistable, asOf }: KnownSender,
  permitted: readonly Network[],
) {
  const own = aggregate(networks);
  const inside = intersect(own, permitted);
  if (inside.length === 0) return [];
  const within = (network: Network) => inside.filter((one) => overlap(one, network));
  const whole = own.filter((network) => subtract([network], within(network)).length === 0);
  const touched = own.filter((network) => within(network).length > 0);
  const share = (family: Family): Share => ({
    total: addresses(own, family),
    permitted: addresses(inside, family),
  });
  const cover: SenderCover = {
    sender: definition.id,
    name: definition.name,
    watched,
    unlistable,
    cover: whole.length === own.length ? 'all' : 'part',
    networks: { total: own.length, whole: whole.length, part: touched.length - whole.length },
    ipv4: share(4),
    ipv6: share(6),
    asOf,
  };
  return [cover];
}

function settingsFor(
  judged: readonly JudgedLine[],
  senders: readonly KnownSender[],
  refused: readonly Network[],
): ImportSettings {
  const ids = new Set(
    judged.flatMap((one) => (one.verdict === 'covered' || one.verdict === 'unwatched' ? one.senders : [])),
  );
  const opened = senders.filter(({ definition }) => ids.has(definition.id));
  const unwatched = opened.filter((sender) => !sender.watched);
  const watched = senders.filter((sender) => sender.watched);
  return {
    SCREENPASS_SENDERS: joined(idsOf(unwatched).map((id) => `+${id}`)),
    SCREENPASS_PRESEED: joined(idsOf(opened)),
    SCREENPASS_NEVER: joined(intersect(refused, networksOf(watched)).map(formatNetwork)),
  };
}

function joined(items: readonly string[]): string | null {
  return items.length === 0 ? null : items.join(',');
}

/** A set has one family: it comes from one network. */
function sizeOf(set: readonly Network[]): number {
  return addresses(set, 4) + addresses(set, 6);
}

/** Neither none nor all unless it is so. */
export function percent(share: number): string {
  const rounded = Math.round(100 * share);
  return `${share === 0 || share === 1 ? rounded : Math.min(99, Math.max(1, rounded))} %`;
}

/** What no network of these holds. */
function leftOf(set: readonly Network[], owned: readonly Owned[]): readonly Network[] {
  return owned.length === 0
    ? set
    : subtract(
        set,
        owned.map(({ network }) => network),
      );
}

function meets(a: readonly Network[], b: readonly Network[]): boolean {
  return a.some((one) => b.some((other) => overlap(one, other)));
}

function networksOf(senders: readonly KnownSender[]): readonly Network[] {
  return senders.flatMap(({ networks }) => networks);
}

function idsOf(senders: readonly KnownSender[]): readonly string[] {
  return senders.map(({ definition }) => definition.id);
}

function idsText(senders: readonly KnownSender[]): string {
  return idsOf(senders).join(', ');
}

/** So many networks are named, the others counted. */
const NAMED = 3;

function someText(networks: readonly Network[]): string {
  const named = networks.slice(0, NAMED).map(formatNetwork).join(', ');
  return networks.length > NAMED ? `${named} and ${networks.length - NAMED} more` : named;
}

/** So many runs of lines are named, the other lines counted. */
const RUNS = 12;

/** `line 3`, `lines 3, 5-9`. */
export function linesText(lines: readonly number[]): string {
  const runs: { first: number; last: number }[] = [];
  for (const line of lines) {
    const run = runs.at(-1);
    if (run !== undefined && line === run.last + 1) run.last = line;
    else runs.push({ first: line, last: line });
  }
  const shown = runs.slice(0, RUNS);
  const left = runs.slice(RUNS).reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const text = shown.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
  return `${lines.length === 1 ? 'line' : 'lines'} ${text}${left === 0 ? '' : ` and ${left} more`}`;
}

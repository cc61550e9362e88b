import { bits, type Family, formatNetwork, type Network, overlap } from '../net/network.ts';
import { addresses, aggregate, intersect, subtract } from '../net/network-set.ts';
import {
  createOwners,
  idsOf,
  idsText,
  type KnownSender,
  leftOf,
  networksOf,
  type Owned,
  type Owners,
  sendersOf,
} from '../senders/owners.ts';
import { type Fault, MAPPED, type Rule, readCidrRules } from '../table/cidr-rules.ts';
import { blockLines } from '../table/managed-block.ts';
import { judgeOrder, type Standing } from '../table/rule-order.ts';
import type {
  ImportReport,
  ImportSettings,
  JudgedLine,
  SenderCover,
  Share,
  Verdict,
} from './import-report.ts';

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

function meets(a: readonly Network[], b: readonly Network[]): boolean {
  return a.some((one) => b.some((other) => overlap(one, other)));
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

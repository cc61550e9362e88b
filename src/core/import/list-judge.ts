/** Judges each line of a list of networks, or of a table of Postfix, by Postfix's rules and by what known senders publish. */

import { bits, type Family, formatNetwork, type Network, overlap } from '../net/network.ts';
import { addresses, aggregate, intersect, subtract } from '../net/network-set.ts';
import { type Fault, MAPPED, type Rule, readCidrRules } from '../table/cidr-rules.ts';
import { blockLines } from '../table/managed-block.ts';
import { findUseless, type Usefulness } from '../table/rule-order.ts';
import type { ImportReport, ImportSettings, JudgedLine, LineVerdict, SenderCover } from './import-report.ts';
import { idsOf, type KnownSender, type Owned, Owners } from './owners.ts';

/** A rule that overlaps known senders by less than this share is not called stale for the rest. */
const MOST = 0.5;
/** So many networks are named in a reason, the others counted. */
const NAMED = 3;
/** So many runs of lines are named, the other lines counted. */
const RUNS = 12;

/** `text` has one character for each byte; `never` are the networks of SCREENPASS_NEVER. */
export function judgeList(
  text: string,
  senders: readonly KnownSender[],
  never: readonly Network[],
): ImportReport {
  const { first, last } = blockLines(text);
  const { bare, rules, faults } = readCidrRules(text, { first, last });
  const { usefulness, decided } = findUseless(rules.map(({ set, action }) => ({ set, effect: action })));
  const owners = new Owners(senders, never);
  const judged = rules.map((rule, i) => judgeRule(rule, usefulness[i] as Usefulness, rules, owners));
  // Most of a long list belongs to no known sender, and each sender is then compared with the rest only.
  const permitted = intersect(
    senders.flatMap(({ networks }) => networks),
    decided('permit'),
  );
  const own = rules.flatMap(({ set }, i) => (judged[i]?.verdict === 'own' ? set : []));
  const refused = subtract(intersect(own, [...decided('reject'), ...decided('dunno')]), never);
  return {
    bare,
    block: last < first ? null : { first, last },
    senders: senders.flatMap((sender) => coverOf(sender, permitted) ?? []),
    lines: [...judged, ...faults.map((fault) => judgeFault(fault, owners))].sort((a, b) => a.line - b.line),
    settings: settingsFor(judged, senders, refused),
  };
}

function judgeFault({ line, pattern, reason, meant }: Fault, owners: Owners): JudgedLine {
  const owned = meant === null ? [] : owners.of([meant]).filter(({ sender }) => sender.watched);
  const senders = idsOf(owned);
  const isCovered = meant !== null && unowned([meant], owned).length === 0;
  return {
    line,
    pattern,
    verdict: 'broken',
    why: isCovered ? `${reason}; screenpass opens what was meant: ${senders.join(', ')}` : reason,
    senders,
    meant: meant === null ? null : formatNetwork(meant),
  };
}

type Judgement = Pick<JudgedLine, 'verdict' | 'why'> & { readonly senders?: readonly string[] };

function judgeRule(rule: Rule, usefulness: Usefulness, rules: readonly Rule[], owners: Owners): JudgedLine {
  const { line, pattern, action, set } = rule;
  const owned = owners.of(set);
  const judgement =
    judgeUsefulness(rule, usefulness, rules) ??
    (action === 'permit'
      ? judgeOwners(rule, owned, owners)
      : ({ verdict: 'own', why: `your own ${action}` } as const));
  return { line, pattern, senders: idsOf(owned), meant: null, ...judgement };
}

/** Null: the rule decides for some addresses, but not for all there are. */
function judgeUsefulness(
  { action, set }: Rule,
  usefulness: Usefulness,
  rules: readonly Rule[],
): Judgement | null {
  const judgement = (verdict: LineVerdict, why: string) => ({ verdict, why });
  if (usefulness.kind === 'empty')
    return judgement('unreachable', 'the "if" around it excludes all of its addresses');
  if (subtract(set, [MAPPED]).length === 0)
    return judgement('unreachable', 'Postfix knows such clients by their IPv4 address');
  if (usefulness.kind === 'dead' || usefulness.kind === 'repeated') {
    const others = usefulness.by.map((i) => rules[i] as Rule);
    const lines = linesText(others.map((other) => other.line));
    return others.every((other) => other.action === action)
      ? judgement('redundant', `the same as ${lines}`)
      : judgement('unreachable', `all of its addresses are decided by ${lines} before it`);
  }
  if (action === 'unknown')
    return judgement('unknown-action', 'Postfix knows permit, reject, dunno, permit_mynetworks');
  if (sizeOf(set) >= 2 ** bits(set[0]?.family ?? 4))
    return judgement('everything', `${action} for all addresses`);
  return null;
}

function judgeOwners({ set, comment }: Rule, owned: readonly Owned[], owners: Owners): Judgement {
  const isNever = set.some((one) => owners.never.some((other) => overlap(one, other)));
  if (isNever && subtract(set, owners.never).length === 0)
    return { verdict: 'never', why: 'private or reserved addresses, or in SCREENPASS_NEVER' };
  const rest = unowned(set, owned);
  if (rest.length > 0) return judgeRest(set, rest, owned, owners.named(comment));
  const names = idsOf(owned).join(', ');
  if (isNever) return { verdict: 'never', why: `of ${names}, but SCREENPASS_NEVER has some of it` };
  const watched = owned.filter(({ sender }) => sender.watched);
  if (unowned(set, watched).length > 0)
    return { verdict: 'unwatched', why: `all of it is in networks of ${names}, not all watched` };
  const senders = idsOf(watched);
  return { verdict: 'covered', why: `all of it is in networks of ${senders.join(', ')}`, senders };
}

/** `rest`: what no known sender publishes of the set. `named`: the senders that the comment names. */
function judgeRest(
  set: readonly Network[],
  rest: readonly Network[],
  owned: readonly Owned[],
  named: readonly KnownSender[],
): Judgement {
  const share = 1 - sizeOf(rest) / sizeOf(set);
  const owning = [...new Set(owned.map(({ sender }) => sender))];
  const suspects = named.length > 0 ? named : share >= MOST ? owning : [];
  const names = (some: readonly KnownSender[]) => some.map(({ definition }) => definition.id).join(', ');
  const because = named.length > 0 ? `the comment names ${names(named)}; ` : '';
  const published =
    owned.length === 0
      ? 'no known sender publishes it'
      : `${percent(share)} of it is in networks of ${names(owning)}, no known sender publishes the rest: ${someText(rest)}`;
  const why = because + published;
  if (suspects.some(({ unlistable }) => unlistable))
    return { verdict: 'unknown', why: `${why}; but no list has all that ${names(suspects)} sends from` };
  const senders = [...new Set([...owning, ...named])].map(({ definition }) => definition.id);
  return { verdict: suspects.length > 0 ? 'perhaps-stale' : 'unknown', why, senders };
}

function coverOf(
  { definition, networks, watched, unlistable, asOf }: KnownSender,
  permitted: readonly Network[],
): SenderCover | null {
  const own = aggregate(networks);
  const inside = intersect(own, permitted);
  if (inside.length === 0) return null;
  const touched = own.filter((network) => inside.some((one) => overlap(one, network)));
  // Both are in the fewest networks, so a network that is inside is inside one of them.
  const isWhole = (network: Network) =>
    inside.some((one) => one.prefix <= network.prefix && overlap(one, network));
  const whole = touched.filter(isWhole).length;
  const count = (family: Family) => ({
    total: addresses(own, family),
    permitted: addresses(inside, family),
  });
  return {
    sender: definition.id,
    name: definition.name,
    watched,
    unlistable,
    cover: whole === own.length ? 'all' : 'part',
    networks: { total: own.length, whole, part: touched.length - whole },
    ipv4: count(4),
    ipv6: count(6),
    asOf,
  };
}

function settingsFor(
  judged: readonly JudgedLine[],
  senders: readonly KnownSender[],
  refused: readonly Network[],
): ImportSettings {
  const ids = new Set(
    judged.flatMap(({ verdict, senders }) =>
      verdict === 'covered' || verdict === 'unwatched' ? senders : [],
    ),
  );
  const opened = senders.filter(({ definition }) => ids.has(definition.id));
  const watched = senders.filter((sender) => sender.watched).flatMap(({ networks }) => networks);
  const list = (items: readonly string[]) => (items.length === 0 ? null : items.join(','));
  return {
    SCREENPASS_SENDERS: list(
      opened.filter((one) => !one.watched).map(({ definition }) => `+${definition.id}`),
    ),
    SCREENPASS_PRESEED: list(opened.map(({ definition }) => definition.id)),
    SCREENPASS_NEVER: list(intersect(refused, watched).map(formatNetwork)),
  };
}

/** What none of the owned networks has of the set. */
function unowned(set: readonly Network[], owned: readonly Owned[]): readonly Network[] {
  if (owned.length === 0) return set;
  const networks = owned.map(({ network }) => network);
  return subtract(set, networks);
}

/** A set has one family: it comes from one network. */
function sizeOf(set: readonly Network[]): number {
  return addresses(set, 4) + addresses(set, 6);
}

/** 0 % and 100 % only when it is exactly that. */
export function percent(share: number): string {
  const rounded = Math.round(100 * share);
  return `${share === 0 || share === 1 ? rounded : Math.min(99, Math.max(1, rounded))} %`;
}

function someText(networks: readonly Network[]): string {
  const named = networks.slice(0, NAMED).map(formatNetwork).join(', ');
  return networks.length > NAMED ? `${named} and ${networks.length - NAMED} more` : named;
}

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

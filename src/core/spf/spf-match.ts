// Whether one mechanism matches a client (RFC 7208 section 5). The order of terms is in spf-check.ts.
import { aliasChain } from '../dns/alias-chain.ts';
import type { DnsAnswer, Resolver } from '../dns/resolver.ts';
import { type Address, contains, formatAddress, parseAddress } from '../net/network.ts';
import { expandMacros, type MacroString, type MacroValues, macroLetters, toName } from './spf-macro.ts';
import { type DualLength, type Mechanism, networkAround } from './spf-record.ts';

/** What SPF is asked (RFC 7208 section 4.1). `sender` and `helo` are claims of the client. */
export interface SpfQuery {
  readonly ip: Address;
  readonly domain: string;
  /** MAIL FROM; empty for the null sender. */
  readonly sender: string;
  readonly helo: string;
  /**
   * Names of the client count only when no alias leads out of the domain that they are compared with. RFC 7208 lets
   * aliases lead anywhere, and then whoever the alias points to would be authorised.
   */
  readonly ownNames?: boolean;
  /** Our own host name, for explanations. */
  readonly receiver?: string;
  /** Seconds since the epoch, for explanations. */
  readonly time?: number;
}

/** One evaluation: its counters are shared by all the records that include and redirect lead to. */
export interface Evaluation {
  readonly query: SpfQuery;
  readonly resolver: Resolver;
  /** Terms that asked DNS. */
  lookups: number;
  /** Terms for which DNS had nothing. */
  voids: number;
  /** Names of the client that hold forward, asked for once. */
  validated: Promise<readonly string[]> | undefined;
}

/** `void`: no match, because DNS has nothing there (RFC 7208 section 4.6.4). */
export type Outcome = 'match' | 'no-match' | 'void' | 'temperror' | 'permerror';

/** RFC 7208 section 4.6.4: more MX records are a permerror, more PTR records are ignored. */
export const MOST_HOSTS = 10;

const ONE_ADDRESS: DualLength = { 4: 32, 6: 128 };

/**
 * Whether the client matches (RFC 7208 sections 5.1 to 5.7; include is the evaluation's own matter). Void
 * lookups are counted by term: one that finds nothing at all, which an `mx` with some dead hosts is not.
 */
export async function matchMechanism(
  evaluation: Evaluation,
  mechanism: Exclude<Mechanism, { kind: 'include' }>,
  domain: string,
): Promise<Outcome> {
  const { query, resolver } = evaluation;
  if (mechanism.kind === 'all') return 'match';
  if (mechanism.kind === 'ip4' || mechanism.kind === 'ip6')
    return contains(mechanism.network, query.ip) ? 'match' : 'no-match';
  const target = await targetName(evaluation, mechanism.domain, domain);
  if (target === null) return 'no-match';
  switch (mechanism.kind) {
    case 'a':
      return matchAddresses(query.ip, mechanism.prefix, await addressesOf(evaluation, target));
    case 'mx':
      return matchExchanges(evaluation, mechanism.prefix, target);
    case 'exists':
      return outcomeOf(await resolver.a(target), () => 'match');
    case 'ptr': {
      const names = await validatedNames(evaluation);
      if (names.length === 0) return 'void';
      return (await namesWithin(evaluation, target)).length > 0 ? 'match' : 'no-match';
    }
  }
}

/** The name that a domain-spec stands for; null when there can be none of that name. */
export async function targetName(
  evaluation: Evaluation,
  spec: MacroString | null,
  domain: string,
): Promise<string | null> {
  return spec === null ? domain : toName((await expandFor(evaluation, spec, domain)) ?? '');
}

/**
 * Expands macros with the values of this evaluation in the record of `domain`; null when the text grows too
 * long.
 */
export async function expandFor(
  evaluation: Evaluation,
  text: MacroString,
  domain: string,
): Promise<string | null> {
  const names = macroLetters(text).has('p') ? await namesFor(evaluation, domain) : [];
  return expandMacros(text, macroValues(evaluation.query, domain, names));
}

/** RFC 7208 section 7.2. */
function macroValues(query: SpfQuery, domain: string, validated: readonly string[]): MacroValues {
  const { ip, helo, receiver = 'unknown', time } = query;
  const sender = query.sender === '' ? helo : query.sender;
  const at = sender.lastIndexOf('@');
  const local = at > 0 ? sender.slice(0, at) : 'postmaster';
  const origin = sender.slice(at + 1);
  const own = validated.find((name) => name === domain);
  const below = validated.find((name) => isWithin(name, domain));
  return {
    s: `${local}@${origin}`,
    l: local,
    o: origin,
    d: domain,
    i: ip.family === 4 ? formatAddress(ip) : nibbles(ip),
    p: own ?? below ?? validated[0] ?? 'unknown',
    h: helo,
    v: ip.family === 4 ? 'in-addr' : 'ip6',
    c: formatAddress(ip),
    r: receiver,
    t: time === undefined ? 'unknown' : String(Math.floor(time)),
  };
}

function nibbles(ip: Address): string {
  const hex = ip.words.map((word) => word.toString(16).padStart(8, '0')).join('');
  return [...hex.toUpperCase()].join('.');
}

/** Whole labels: `notexample.com` is not within `example.com`. */
function isWithin(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

function addressesOf({ query, resolver }: Evaluation, name: string): Promise<DnsAnswer<string>> {
  return query.ip.family === 4 ? resolver.a(name) : resolver.aaaa(name);
}

function outcomeOf<T>(answer: DnsAnswer<T>, judge: (records: readonly T[]) => Outcome): Outcome {
  if (answer.kind === 'failed') return 'temperror';
  return answer.kind === 'found' && answer.records.length > 0 ? judge(answer.records) : 'void';
}

function matchAddresses(ip: Address, prefix: DualLength, answer: DnsAnswer<string>): Outcome {
  return outcomeOf(answer, (records) => {
    const matches = records.some((text) => {
      const address = parseAddress(text);
      return address !== undefined && contains(networkAround(address, prefix), ip);
    });
    return matches ? 'match' : 'no-match';
  });
}

/**
 * RFC 7208 section 5.4. The hosts are asked together; the first of them that decides does so in their order.
 */
async function matchExchanges(evaluation: Evaluation, prefix: DualLength, target: string): Promise<Outcome> {
  const answer = await evaluation.resolver.mx(target);
  if (answer.kind !== 'found') return outcomeOf(answer, () => 'no-match');
  if (answer.records.length > MOST_HOSTS) return 'permerror';
  const names = answer.records.flatMap(({ exchange }) => toName(exchange) ?? []);
  const outcomes = await Promise.all(
    names.map(async (name) =>
      matchAddresses(evaluation.query.ip, prefix, await addressesOf(evaluation, name)),
    ),
  );
  const decisive = outcomes.find((outcome) => outcome === 'match' || outcome === 'temperror');
  return decisive ?? (outcomes.every((outcome) => outcome === 'void') ? 'void' : 'no-match');
}

/**
 * The client's names whose own addresses lead back to it (RFC 7208 section 5.5), lower case, in the order of
 * the answer. Here a failed lookup is no error: whoever owns the address, not the domain, would decide the
 * result.
 */
function validatedNames(evaluation: Evaluation): Promise<readonly string[]> {
  evaluation.validated ??= askNames(evaluation);
  return evaluation.validated;
}

/** The validated names that the p macro of the domain's record can stand for. */
function namesFor(evaluation: Evaluation, domain: string): Promise<readonly string[]> {
  return evaluation.query.ownNames === true ? namesWithin(evaluation, domain) : validatedNames(evaluation);
}

/** The validated names that are the domain's. */
async function namesWithin(evaluation: Evaluation, domain: string): Promise<readonly string[]> {
  const { query, resolver } = evaluation;
  const names = (await validatedNames(evaluation)).filter((name) => isWithin(name, domain));
  if (query.ownNames !== true) return names;
  const chains = await Promise.all(names.map((name) => aliasChain(name, [domain], resolver)));
  return names.filter((_, i) => chains[i] === 'within');
}

async function askNames(evaluation: Evaluation): Promise<readonly string[]> {
  const { query, resolver } = evaluation;
  const answer = await resolver.ptr(formatAddress(query.ip));
  if (answer.kind !== 'found') return [];
  const names = answer.records.slice(0, MOST_HOSTS).flatMap((text) => toName(text) ?? []);
  const held = await Promise.all(
    names.map(async (name) => matchAddresses(query.ip, ONE_ADDRESS, await addressesOf(evaluation, name))),
  );
  return names.filter((_, i) => held[i] === 'match');
}

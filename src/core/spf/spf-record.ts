// Reads SPF records (RFC 7208 sections 4.5 to 6). It evaluates nothing.
import { ok, problem, type Result } from '../base/result.ts';
import {
  type Address,
  addressValue,
  bits,
  type Family,
  type Network,
  networkAt,
  parseAddress,
} from '../net/network.ts';
import { type MacroString, parseDomainSpec, parseMacroString } from './spf-macro.ts';

export type Qualifier = '+' | '-' | '~' | '?';

/** Lengths for the two families of addresses: dual-cidr-length of RFC 7208 section 5. */
export type DualLength = Readonly<Record<Family, number>>;

/** RFC 7208 section 5. `domain` null: the domain that is being checked. */
export type Mechanism =
  | { readonly kind: 'all' }
  | { readonly kind: 'include'; readonly domain: MacroString }
  | { readonly kind: 'exists'; readonly domain: MacroString }
  | { readonly kind: 'a' | 'mx'; readonly domain: MacroString | null; readonly prefix: DualLength }
  | { readonly kind: 'ptr'; readonly domain: MacroString | null }
  /** Without host bits; the length may be 0. */
  | { readonly kind: 'ip4'; readonly network: Network }
  /** The same; an IPv4-mapped network stays IPv6, so that it matches no client. */
  | { readonly kind: 'ip6'; readonly network: Network };

/** A mechanism with its qualifier; `text` as it is written in the record. */
export interface Directive {
  readonly qualifier: Qualifier;
  readonly mechanism: Mechanism;
  readonly text: string;
}

export interface Modifier {
  readonly domain: MacroString;
  readonly text: string;
}

export interface SpfRecord {
  readonly directives: readonly Directive[];
  readonly redirect: Modifier | null;
  readonly exp: Modifier | null;
}

/** A longer text cannot be in DNS (RFC 1035 section 3.2.1), whoever hands it to us. */
const LONGEST_RECORD = 65_535;
/** An address in full is no longer (RFC 4291 section 2.2). */
const LONGEST_ADDRESS = 45;

/**
 * `=` right behind the name makes it a modifier, `:` or `/` or nothing a mechanism (RFC 7208 section 4.6.1).
 */
const MODIFIER = /^([A-Za-z][A-Za-z0-9\-_.]*)=/;
const MECHANISM = /^([+\-~?]?)([A-Za-z][A-Za-z0-9\-_.]*)(?=[:/]|$)/;
/** At the end of `a` and `mx`: two lengths of at most three digits. */
const DUAL_LENGTH = /(?:\/(\d{1,3}))?(?:\/\/(\d{1,3}))?$/;
const DUAL_LENGTH_AT_MOST = '/000//000'.length;

/**
 * The SPF record among the TXT records of a domain (RFC 7208 section 4.5), without its version; undefined
 * when there is none. A problem: more than one, which is a permerror.
 */
export function selectRecord(texts: readonly string[]): Result<string | undefined> {
  const versioned = texts.filter((text) => /^v=spf1(?: |$)/i.test(text.slice(0, 7)));
  if (versioned.length > 1) return problem(`${versioned.length} SPF records where one is allowed`);
  return ok(versioned[0]?.slice('v=spf1'.length));
}

/**
 * Reads the terms behind the version, all of them before any is evaluated (RFC 7208 section 4.6). A problem
 * is a permerror and names the term. Time is linear to the length.
 */
export function parseRecord(text: string): Result<SpfRecord> {
  if (text.length > LONGEST_RECORD)
    return problem(`a record of ${text.length} characters: DNS has none so long`);
  const directives: Directive[] = [];
  const modifiers = new Map<string, Modifier>();
  for (const term of text.split(' ')) {
    if (term === '') continue;
    const name = MODIFIER.exec(term)?.[1];
    const read = name === undefined ? readDirective(term) : readModifier(term, name.toLowerCase(), modifiers);
    if (!read.ok) return problem(`${shownTerm(term)}: ${read.problem}`);
    if (read.value !== undefined) directives.push(read.value);
  }
  return ok({
    directives,
    redirect: modifiers.get('redirect') ?? null,
    exp: modifiers.get('exp') ?? null,
  });
}

/** A term as people can read it, whatever its publisher wrote: quoted, and cut when it is long. */
export function shownTerm(term: string): string {
  return JSON.stringify(term.length > 100 ? `${term.slice(0, 100)}...` : term);
}

function readModifier(term: string, name: string, known: Map<string, Modifier>): Result<undefined> {
  const value = term.slice(name.length + 1);
  if (name !== 'redirect' && name !== 'exp') {
    const syntax = parseMacroString(value);
    return syntax.ok ? ok(undefined) : syntax;
  }
  const domain = parseDomainSpec(value);
  if (!domain.ok) return domain;
  if (known.has(name)) return problem(`the record has ${name} twice`);
  known.set(name, { domain: domain.value, text: term });
  return ok(undefined);
}

function readDirective(term: string): Result<Directive> {
  const [head, qualifier, name = ''] = MECHANISM.exec(term) ?? [];
  if (head === undefined) return problem('neither a mechanism nor a modifier');
  const mechanism = readMechanism(name.toLowerCase(), term.slice(head.length));
  if (!mechanism.ok) return mechanism;
  return ok({ qualifier: (qualifier || '+') as Qualifier, mechanism: mechanism.value, text: term });
}

/** `argument` is empty or begins with `:` or `/`. */
function readMechanism(kind: string, argument: string): Result<Mechanism> {
  switch (kind) {
    case 'all':
      return argument === '' ? ok({ kind }) : problem('"all" has no argument');
    case 'include':
    case 'exists': {
      const domain = readDomain(argument);
      if (!domain.ok) return domain;
      return domain.value === null ? problem('the domain is missing') : ok({ kind, domain: domain.value });
    }
    case 'ptr': {
      const domain = readDomain(argument);
      return domain.ok ? ok({ kind, domain: domain.value }) : domain;
    }
    case 'a':
    case 'mx':
      return readHosts(kind, argument);
    case 'ip4':
      return readNetwork(kind, 4, argument);
    case 'ip6':
      return readNetwork(kind, 6, argument);
    default:
      return problem('no such mechanism');
  }
}

/** Null: there is none. */
function readDomain(argument: string): Result<MacroString | null> {
  if (argument === '') return ok(null);
  return argument.startsWith(':') ? parseDomainSpec(argument.slice(1)) : problem('no length is allowed here');
}

/** A domain can have a slash in it, so the lengths are read from the end. */
function readHosts(kind: 'a' | 'mx', argument: string): Result<Mechanism> {
  const [lengths = '', ip4, ip6] = DUAL_LENGTH.exec(argument.slice(-DUAL_LENGTH_AT_MOST)) ?? [];
  const domain = readDomain(argument.slice(0, argument.length - lengths.length));
  if (!domain.ok) return domain;
  const four = readLength(ip4, 4);
  if (!four.ok) return four;
  const six = readLength(ip6, 6);
  if (!six.ok) return six;
  return ok({ kind, domain: domain.value, prefix: { 4: four.value, 6: six.value } });
}

function readLength(digits: string | undefined, family: Family): Result<number> {
  if (digits === undefined) return ok(bits(family));
  const length = Number(digits);
  const valid = /^(?:0|[1-9]\d{0,2})$/.test(digits) && length <= bits(family);
  return valid ? ok(length) : problem(`a length is a number from 0 to ${bits(family)}`);
}

function readNetwork(kind: 'ip4' | 'ip6', family: Family, argument: string): Result<Mechanism> {
  const slash = argument.indexOf('/');
  const text = argument.slice(1, slash < 0 ? undefined : slash);
  const isOfFamily = text.includes(':') === (family === 6);
  const address = isOfFamily && text.length <= LONGEST_ADDRESS ? parseAddress(text) : undefined;
  if (!argument.startsWith(':') || address === undefined) return problem(`no IPv${family} address`);
  const length = readLength(slash < 0 ? undefined : argument.slice(slash + 1), family);
  if (!length.ok) return length;
  const mapped = family === 6 && address.family === 4 ? 0xffffn << 32n : 0n;
  return ok({ kind, network: networkAt(family, addressValue(address) | mapped, length.value) });
}

/** The network around an address that DNS gave; the length may be 0. */
export function networkAround(address: Address, prefix: DualLength): Network {
  return networkAt(address.family, addressValue(address), prefix[address.family]);
}

// What each record of an expansion lists: its terms as steps, the lookups of its hosts started.
import { type Network, parseAddress } from '../net/network.ts';
import type { Lookups, Trouble } from './spf-lookup.ts';
import { expandMacros, type MacroString, type MacroValues, macroLetters, toName } from './spf-macro.ts';
import { MOST_HOSTS } from './spf-match.ts';
import {
  type Directive,
  type DualLength,
  type Mechanism,
  networkAround,
  type SpfRecord,
  shownTerm,
} from './spf-record.ts';

/** One term of a record that matters to a list, in the record's order. */
export interface Step {
  /** With `+`; another qualifier takes its addresses away from the steps behind it. */
  readonly pass: boolean;
  /** A domain whose record decides, or the networks themselves: all there once the planner has settled. */
  readonly source: string | readonly Network[];
}

const NO_VALUES: MacroValues = {
  s: '',
  l: '',
  o: '',
  d: '',
  i: '',
  p: '',
  h: '',
  v: '',
  c: '',
  r: '',
  t: '',
};

/** Plans the records of one expansion, within a limit on the terms and addresses that it reads in all. */
export class Planner {
  readonly #lookups: Lookups;
  readonly #most: number;
  readonly #trouble: Trouble;
  readonly #unlistable = new Set<string>();
  readonly #pending: Promise<void>[] = [];
  #read = 0;

  /** `most`: so many terms and addresses of hosts are read in all. */
  constructor(lookups: Lookups, most: number, trouble: Trouble) {
    this.#lookups = lookups;
    this.#most = most;
    this.#trouble = trouble;
  }

  #invalid(domain: string, problem: string): void {
    this.#trouble.invalid ??= { domain, problem };
  }

  #take(domain: string, amount: number): boolean {
    this.#read += amount;
    if (this.#read > this.#most) this.#invalid(domain, `lists more than ${this.#most} networks`);
    return this.#read <= this.#most;
  }

  /** Reads what a record lists, starts the lookups of its hosts, and notes what is wrong as trouble. */
  plan(record: SpfRecord, domain: string): readonly Step[] {
    const steps: Step[] = [];
    for (const { qualifier, mechanism, text } of decisiveTerms(record)) {
      if (!this.#take(domain, 1)) break;
      const pass = qualifier === '+';
      if (pass && matchesEveryone(mechanism)) this.#invalid(domain, `${shownTerm(text)} lets everyone in`);
      const source = this.#sourceOf(mechanism, domain, text);
      if (source !== undefined) steps.push({ pass, source });
      else if (pass) this.#unlistable.add(`${shownTerm(text)} in ${domain}`);
    }
    return steps;
  }

  /** Undefined: not to be listed. */
  #sourceOf(mechanism: Mechanism, domain: string, text: string): Step['source'] | undefined {
    if (mechanism.kind === 'ip4' || mechanism.kind === 'ip6')
      return isMapped(mechanism.network) ? [] : [mechanism.network];
    if (mechanism.kind !== 'a' && mechanism.kind !== 'mx' && mechanism.kind !== 'include') return undefined;
    const name = listableName(mechanism.domain, domain);
    if (name === undefined) return undefined;
    if (mechanism.kind !== 'include')
      return name === null ? [] : this.#hosts(mechanism.kind, name, mechanism.prefix);
    if (name === null) this.#invalid(domain, `${shownTerm(text)} leads to what is no name of a domain`);
    return name ?? [];
  }

  #hosts(kind: 'a' | 'mx', name: string, prefix: DualLength): readonly Network[] {
    const found: Network[] = [];
    this.#pending.push(
      kind === 'a' ? this.#addHost(name, prefix, found) : this.#addExchanges(name, prefix, found),
    );
    return found;
  }

  async #addExchanges(name: string, prefix: DualLength, found: Network[]): Promise<void> {
    const exchanges = (await this.#lookups.mx(name)) ?? [];
    if (exchanges.length > MOST_HOSTS) return this.#invalid(name, `has more than ${MOST_HOSTS} MX records`);
    const names = exchanges.flatMap(({ exchange }) => toName(exchange) ?? []);
    await Promise.all(names.map((host) => this.#addHost(host, prefix, found)));
  }

  async #addHost(name: string, prefix: DualLength, found: Network[]): Promise<void> {
    const [four = [], six = []] = await Promise.all([this.#lookups.a(name), this.#lookups.aaaa(name)]);
    if (!this.#take(name, four.length + six.length)) return;
    const addresses = [
      ...four.map(parseAddress).filter((address) => address?.family === 4),
      // An IPv4-mapped address reads as IPv4, and no IPv6 client has it.
      ...six.map(parseAddress).filter((address) => address?.family === 6),
    ];
    for (const address of addresses) if (address !== undefined) found.push(networkAround(address, prefix));
  }

  /** Waits for the hosts. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /** Terms with `+` that authorise addresses which cannot be listed. */
  unlistable(): readonly string[] {
    return [...this.#unlistable];
  }
}

/**
 * The terms up to the first `all`, or up to `redirect`, which is an include at the end when there is no `all`
 * (RFC 7208 sections 5.1 and 6.1); without those at the end that only say no, so that DNS is not asked about them.
 */
function decisiveTerms({ directives, redirect }: SpfRecord): readonly Directive[] {
  const all = directives.findIndex(({ mechanism }) => mechanism.kind === 'all');
  const terms = all < 0 ? [...directives] : directives.slice(0, all + 1);
  if (redirect !== null && all < 0) {
    const mechanism: Mechanism = { kind: 'include', domain: redirect.domain };
    terms.push({ qualifier: '+', mechanism, text: redirect.text });
  }
  return terms.slice(0, terms.findLastIndex(({ qualifier }) => qualifier === '+') + 1);
}

function matchesEveryone(mechanism: Mechanism): boolean {
  switch (mechanism.kind) {
    case 'all':
      return true;
    case 'ip4':
    case 'ip6':
      return mechanism.network.prefix === 0;
    case 'a':
    case 'mx':
      return mechanism.prefix[4] === 0 || mechanism.prefix[6] === 0;
    default:
      return false;
  }
}

/** No client has such an address as an IPv6 address (RFC 7208 section 5). */
function isMapped({ family, base, prefix }: Network): boolean {
  return family === 6 && prefix >= 96 && base >> 32n === 0xffffn;
}

/**
 * Undefined: it depends on the mail. Null: no domain has such a name. Of the macros, only `d` is known
 * beforehand.
 */
function listableName(spec: MacroString | null, domain: string): string | null | undefined {
  if (spec === null) return domain;
  const letters = macroLetters(spec);
  letters.delete('d');
  return letters.size > 0 ? undefined : toName(expandMacros(spec, { ...NO_VALUES, d: domain }) ?? '');
}

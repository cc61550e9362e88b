// The questions to DNS of one expansion, and its limits. Records are read elsewhere.
import type { DnsAnswer, DnsFailure, MailExchange, Resolver } from '../dns/resolver.ts';

/** How far an expansion may go; ours, since a list may need more than the ten lookups of RFC 7208. */
export interface ExpansionLimits {
  /** Questions to DNS. */
  readonly lookups: number;
  /** Terms read and addresses found, before any are merged. */
  readonly networks: number;
  /** Levels of records; one without include and redirect is one. */
  readonly depth: number;
}

export const EXPANSION_LIMITS: ExpansionLimits = { lookups: 300, networks: 20_000, depth: 50 };

/** Why there is no list. The first trouble of each kind is kept. */
export interface Trouble {
  failed?: { readonly domain: string; readonly reason: DnsFailure };
  invalid?: { readonly domain: string; readonly problem: string };
}

/** Undefined: no answer, or no more questions allowed; noted as trouble. Empty: DNS has nothing there. */
type Ask<T> = (name: string) => Promise<readonly T[] | undefined>;

/** Questions of one expansion: each is asked once, counted, and its failure noted. */
export interface Lookups {
  readonly txt: Ask<string>;
  readonly a: Ask<string>;
  readonly aaaa: Ask<string>;
  readonly mx: Ask<MailExchange>;
  readonly count: () => number;
}

/** `most`: so many questions are asked. */
export function createLookups(resolver: Resolver, most: number, trouble: Trouble): Lookups {
  let count = 0;

  function once<T>(ask: (name: string) => Promise<DnsAnswer<T>>): Ask<T> {
    const asked = new Map<string, Promise<readonly T[] | undefined>>();
    return (name) => {
      const known = asked.get(name);
      if (known !== undefined) return known;
      if (count === most) {
        trouble.invalid ??= { domain: name, problem: `needs more than ${most} lookups` };
        return Promise.resolve(undefined);
      }
      count += 1;
      const answer = ask(name).then((given) => read(given, name));
      asked.set(name, answer);
      return answer;
    };
  }

  function read<T>(answer: DnsAnswer<T>, domain: string): readonly T[] | undefined {
    if (answer.kind === 'found') return answer.records;
    if (answer.kind !== 'failed') return [];
    trouble.failed ??= { domain, reason: answer.reason };
    return undefined;
  }

  return {
    txt: once((name) => resolver.txt(name)),
    a: once((name) => resolver.a(name)),
    aaaa: once((name) => resolver.aaaa(name)),
    mx: once((name) => resolver.mx(name)),
    count: () => count,
  };
}

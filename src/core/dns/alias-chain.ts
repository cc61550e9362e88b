// Follows the aliases (CNAME) of a name, to see whether they stay within a domain. Addresses are not looked up here.
import type { Resolver } from './resolver.ts';

/** RFC 1034 asks for short chains; resolvers give up between 8 and 16 aliases. */
const MOST_ALIASES = 8;

/** `unknown`: DNS did not answer about one of the names. */
export type Chain = 'within' | 'leaves' | 'unknown';

/**
 * Whether a name and every alias (CNAME) behind it end in the labels of one of `suffixes`. A resolver follows aliases
 * silently, so the addresses of a name may be those of a name that somebody else owns. Never rejects.
 */
export async function aliasChain(
  name: string,
  suffixes: readonly string[],
  resolver: Pick<Resolver, 'cname'>,
): Promise<Chain> {
  let current = name;
  for (let aliases = 0; aliases <= MOST_ALIASES; aliases += 1) {
    if (!suffixes.some((suffix) => endsInLabels(current, suffix))) return 'leaves';
    const answer = await resolver.cname(current);
    if (answer.kind === 'failed') return 'unknown';
    const [target] = answer.kind === 'found' ? answer.records : [];
    if (target === undefined) return 'within';
    current = target;
  }
  return 'leaves';
}

/** Whole labels: `notexample.com` does not end in `example.com`. Names compare without regard to case. */
export function endsInLabels(name: string, suffix: string): boolean {
  return `.${name.toLowerCase().replace(/\.$/, '')}`.endsWith(`.${suffix.toLowerCase()}`);
}

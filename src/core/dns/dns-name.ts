// Names as DNS takes them, and the names of addresses. It asks DNS nothing.
import { type Address, addressValue, parseAddress } from '../net/network.ts';
import type { DnsAnswer } from './resolver.ts';

/** A name to ask for, or the answer at once. */
export type ReadableName = { readonly kind: 'name'; readonly name: string } | DnsAnswer<never>;

/** RFC 1035 section 2.3.4, without the final dot. */
export const LONGEST_NAME = 253;
const LONGEST_LABEL = 63;

/**
 * The labels of a name that can be in DNS, as it is written; null: an empty name or label, a label over 63 or a name over
 * 253 characters. The one rule of this: which characters a name may have depends on what it is for.
 */
export function labelsOf(given: string): readonly string[] | null {
  const name = given.replace(/\.$/, '');
  const labels = name.split('.');
  const fits = labels.every(({ length }) => length >= 1 && length <= LONGEST_LABEL);
  return fits && name.length <= LONGEST_NAME ? labels : null;
}

/**
 * The name to ask for, in lower case and without the final dot, or the answer at once. An empty name (the null MX of
 * RFC 7505 is one), an empty label, a label over 63 or a name over 253 characters: no such name can exist, so
 * `no-name`; RFC 7208 section 4.3 lets check_host return none for such a domain, and section 4.8 leaves what
 * mechanisms do to the reader. Other characters than c-ares takes may well be in a name: it could not be asked, and
 * `no-name` would be a guess that opens doors (`-exists:%{l}.example.com +all`), so `failed`.
 */
export function readName(given: string): ReadableName {
  const name = labelsOf(given)?.join('.');
  if (name === undefined) return { kind: 'no-name' };
  // Node would also turn other letters into ASCII ones, cut at a NUL, and drop a backslash: it asked another name.
  if (!/^[A-Za-z0-9_.*/-]+$/.test(name)) return { kind: 'failed', reason: 'malformed' };
  return { kind: 'name', name: name.toLowerCase() };
}

/**
 * The name that holds an address's names (RFC 1035 section 3.5, RFC 3596 section 2.5), undefined when the text is no
 * address. IPv4 inside IPv6 is the IPv4 address.
 */
export function reverseName(text: string): string | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  return `${reverseLabels(address)}.${address.family === 6 ? 'ip6' : 'in-addr'}.arpa`;
}

/** The labels of an address, the last part first: octets, or the nibbles of IPv6. */
export function reverseLabels(address: Address): string {
  const digits = addressValue(address).toString(16).padStart(32, '0');
  if (address.family === 6) return [...digits].reverse().join('.');
  const octets = digits.slice(-8).match(/../g) ?? [];
  return octets
    .reverse()
    .map((octet) => Number.parseInt(octet, 16))
    .join('.');
}

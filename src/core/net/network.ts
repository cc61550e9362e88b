// Addresses and networks: reading, writing and comparing them. What may be opened is in limits.ts.
import IPCIDR from 'ip-cidr';
import { ok, problem, type Result } from '../base/result.ts';
import { readHexGroups, readQuad } from './address-text.ts';

export type Family = 4 | 6;

/** One IP address. `words` are unsigned 32-bit numbers, high first: one for IPv4, four for IPv6. */
export interface Address {
  readonly family: Family;
  readonly words: readonly number[];
}

/** A CIDR network in canonical form: `base` has no host bits, so Postfix takes it (cidr_table(5)). */
export interface Network {
  readonly family: Family;
  readonly base: bigint;
  readonly prefix: number;
}

export function bits(family: Family): number {
  return family === 4 ? 32 : 128;
}

/**
 * Reads an address as Postfix writes it. IPv4 inside IPv6 (`::ffff:a.b.c.d`) is the IPv4 address, as Postfix
 * itself treats it. Zone ids, blanks and leading zeros are not addresses: undefined.
 */
export function parseAddress(text: string): Address | undefined {
  const quad = readQuad(text);
  if (quad >= 0) return { family: 4, words: [quad] };
  const words = readHexGroups(text);
  if (words === undefined) return undefined;
  const mapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return mapped ? { family: 4, words: [words[3]] } : { family: 6, words };
}

/** parseAddress for text that is an address, or a network of one address, for certain: else it is a bug and throws. */
export function addressOf(text: string): Address {
  const address = parseAddress(text.replace(/\/\d+$/, ''));
  if (address === undefined) throw new Error(`"${text}" is not an address`);
  return address;
}

export function addressValue(address: Address): bigint {
  return address.words.reduce((value, word) => (value << 32n) | BigInt(word), 0n);
}

/** The network that holds this one address. */
export function hostNetwork(address: Address): Network {
  return { family: address.family, base: addressValue(address), prefix: bits(address.family) };
}

/**
 * Reads `ADDRESS` or `ADDRESS/LENGTH`. Blanks around it are trimmed and host bits are cleared; `/0`, anything
 * that is not one network, and IPv4-mapped networks are refused: ip-cidr alone takes some of these, and Postfix
 * skips such rules or lets the whole world in.
 */
export function parseNetwork(given: string): Result<Network> {
  const text = given.trim();
  const [, addressText = '', lengthText] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(addressText);
  if (address === undefined) {
    return problem(`"${text}" is not a network: expected 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32`);
  }
  if (address.family === 4 && addressText.includes(':')) {
    return problem(`"${text}" is an IPv4 network in IPv6 form: write its IPv4 form, Postfix knows no other`);
  }
  const prefix = lengthText === undefined ? bits(address.family) : Number(lengthText);
  if (prefix > bits(address.family))
    return problem(`"${text}": the length is at most ${bits(address.family)}`);
  if (prefix === 0) return problem(`"${text}" is every address there is`);
  return ok(networkAt(address.family, addressValue(address), prefix));
}

/** The network of this length around an address, given as its value: host bits are cleared. The length may be 0. */
export function networkAt(family: Family, value: bigint, prefix: number): Network {
  const hasHostBits = BigInt.asUintN(bits(family) - prefix, value) !== 0n;
  // Without host bits, as the catalogue's networks are, there is nothing to clear; ip-cidr takes its time.
  const base = hasHostBits
    ? new IPCIDR(`${formatValue(family, value)}/${prefix}`).start<bigint>({ type: 'bigInteger' })
    : value;
  return { family, base, prefix };
}

/** parseNetwork for text that the project itself vouches for: a problem is a bug and throws. */
export function network(text: string): Network {
  const parsed = parseNetwork(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

/** Canonical text: no host bits, IPv6 by RFC 5952, always with `/LENGTH`. */
export function formatNetwork({ family, base, prefix }: Network): string {
  return `${formatValue(family, base)}/${prefix}`;
}

/** The first address of the network, as text. */
export function firstAddress({ family, base }: Network): string {
  return formatValue(family, base);
}

export function formatAddress(address: Address): string {
  return formatValue(address.family, addressValue(address));
}

function formatValue(family: Family, value: bigint): string {
  return family === 4 ? wordToQuad(Number(value)) : formatIPv6(value);
}

function wordToQuad(word: number): string {
  return [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join('.');
}

/** RFC 5952 section 4: lower case, no leading zeros, the first longest run of two or more zero groups is `::`. */
function formatIPv6(value: bigint): string {
  const hex = value.toString(16).padStart(32, '0');
  const text = (hex.match(/..../g) ?? []).map((group) => Number.parseInt(group, 16).toString(16)).join(':');
  let [from, to] = [0, 0];
  for (const { 0: run, index } of text.matchAll(/\b0(?::0)+\b/g)) {
    if (run.length > to - from) [from, to] = [index, index + run.length];
  }
  return to === 0 ? text : `${text.slice(0, Math.max(0, from - 1))}::${text.slice(to + 1)}`;
}

export function lastValue({ family, base, prefix }: Network): bigint {
  return base + (1n << BigInt(bits(family) - prefix)) - 1n;
}

export function contains(network: Network, address: Address): boolean {
  if (network.family !== address.family) return false;
  const value = addressValue(address);
  return value >= network.base && value <= lastValue(network);
}

/** Of two networks that overlap, one holds the other: they agree in the leading bits of the wider. */
export function overlap(a: Network, b: Network): boolean {
  if (a.family !== b.family) return false;
  return (a.base ^ b.base) >> BigInt(bits(a.family) - Math.min(a.prefix, b.prefix)) === 0n;
}

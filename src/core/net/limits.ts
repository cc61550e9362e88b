// How much address space one sender may hold, how wide a network may be, and which space no sender has.
import { type Address, bits, contains, type Family, type Network, network, overlap } from './network.ts';
import { addresses, aggregate } from './network-set.ts';

/**
 * No sender holds more, also not when the administrator accepts it. The largest real senders have 458,752 IPv4 addresses
 * (Microsoft 365) and an IPv6 /29 (Marketo).
 */
const MOST_ADDRESSES: Readonly<Record<Family, bigint>> = { 4: 1n << 20n, 6: 1n << 100n };

/** No sender holds more after merging; the longest real list, Yahoo's, has 970. */
export const MOST_NETWORKS = 8_000;

/** A sender of which less was known may grow to this by its own word: all real senders but six are below a quarter. */
const UNASKED: Readonly<Record<Family, bigint>> = { 4: 1n << 18n, 6: 1n << 92n };

const FAMILIES = [4, 6] as const;

/** How many addresses of the family are in the networks, each counted once. */
function space(networks: readonly Network[], family: Family): bigint {
  return aggregate(networks.filter((one) => one.family === family)).reduce((sum, one) => sum + size(one), 0n);
}

function size({ family, prefix }: Network): bigint {
  return 1n << BigInt(bits(family) - prefix);
}

/** Why no sender may hold all of these; null: it may. */
export function excess(networks: readonly Network[]): string | null {
  const count = networks.length > MOST_NETWORKS ? aggregate(networks).length : 0;
  if (count > MOST_NETWORKS) return `${count} networks, and no sender may have more than ${MOST_NETWORKS}`;
  for (const family of FAMILIES) {
    const most = MOST_ADDRESSES[family];
    if (exceeds(networks, family, most))
      return `${amount(space(networks, family), family)}, and no sender may have more than ${amount(most, family)}`;
  }
  return null;
}

/**
 * Why a sender may not grow from `before` to `after` unless the administrator accepts it; null: it may. The limit does not
 * move with what it lists, only with its definition, so that it holds however slowly the sender grows.
 */
export function growth(
  definition: readonly Network[],
  before: readonly Network[],
  after: readonly Network[],
): string | null {
  for (const family of FAMILIES) {
    const limit = limitOf(definition, family);
    if (exceeds(after, family, limit) && exceeds(after, family, space(before, family)))
      return `would have ${amount(space(after, family), family)}, and more than ${amount(limit, family)} must be accepted`;
  }
  return null;
}

/** Merging takes long, and the plain sum is never less. */
function exceeds(networks: readonly Network[], family: Family, most: bigint): boolean {
  return addresses(networks, family) > Number(most) && space(networks, family) > most;
}

/** Twice what the definition has, if that is more than any sender may grow to. */
function limitOf(definition: readonly Network[], family: Family): bigint {
  const twice = 2n * space(definition, family);
  const wanted = twice > UNASKED[family] ? twice : UNASKED[family];
  return wanted < MOST_ADDRESSES[family] ? wanted : MOST_ADDRESSES[family];
}

function amount(count: bigint, family: Family): string {
  if (family === 4) return `${count} IPv4 addresses`;
  return count % (1n << 64n) === 0n ? `${count >> 64n} IPv6 /64 networks` : `${count} IPv6 addresses`;
}

/**
 * What one sender may hold of merged networks, the narrowest first, in their order. The last line of defence: all of
 * them, if every answer was judged before.
 */
export function withinLimits(merged: readonly Network[]): Network[] {
  const left = { ...MOST_ADDRESSES };
  const narrowFirst = [...merged].sort((a, b) => bits(a.family) - a.prefix - (bits(b.family) - b.prefix));
  const kept = new Set<Network>();
  for (const one of narrowFirst) {
    if (kept.size === MOST_NETWORKS) break;
    if (size(one) > left[one.family]) continue;
    left[one.family] -= size(one);
    kept.add(one);
  }
  return merged.filter((one) => kept.has(one));
}

/** Nothing wider than this is ever written: the widest published networks of real senders are an IPv4 /15. */
export const WIDEST: Readonly<Record<Family, number>> = { 4: 13, 6: 28 };

/** Space that no sender on the public Internet has (IANA special-purpose registries, RFC 6890). */
export const RESERVED: readonly Network[] = (
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 ' +
  '192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 ' +
  '::/8 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 ' +
  'fe80::/10 fec0::/10 ff00::/8'
)
  .split(' ')
  .map(network);

export function isReserved(address: Address): boolean {
  return RESERVED.some((one) => contains(one, address));
}

/** Why this network is never opened, whatever a list or the administrator says: what it is. Null: it may be opened. */
export function unfit(given: Network): string | null {
  const reserved = RESERVED.find((one) => overlap(one, given));
  const widest = WIDEST[given.family];
  // A wide network that only overlaps reserved space is most of all too wide.
  if (given.prefix < widest && (reserved === undefined || given.prefix < reserved.prefix))
    return `too wide (nothing wider than /${widest} is ever allowed)`;
  return reserved === undefined ? null : 'private or reserved address space, which is never allowed';
}

/** Picks a small sample of the addresses of each sender, the same ones each time. */

import { WIDEST } from '../net/limits.ts';
import { bits, type Family, firstAddress, lastValue, type Network } from '../net/network.ts';
import { aggregate } from '../net/network-set.ts';

/** Addresses of one sender: enough to see each end of its networks and some between, few enough for all senders. */
const SAMPLE: Readonly<Record<Family, number>> = { 4: 4, 6: 2 };

/** A sender with addresses to ask about, as text. */
export interface Sampled {
  readonly sender: string;
  /** How many networks it has, in the form in which `senders` counts them. */
  readonly networks: number;
  readonly addresses: readonly string[];
}

/**
 * The first and the last usable address of each family, and others spread evenly over the networks of the sender. Of more than `most` addresses in all, each sender gives up some before any gives up all.
 */
export function sampleSenders(
  senders: readonly { readonly id: string; readonly networks: readonly Network[] }[],
  most: number,
): readonly Sampled[] {
  const all = senders.map(({ id, networks }) => {
    const own = aggregate(networks, WIDEST);
    return { sender: id, networks: own.length, addresses: sampleOf(own) };
  });
  const rounds = Math.max(0, ...all.map(({ addresses }) => addresses.length));
  const taken = new Map<string, number>();
  let left = most;
  for (let round = 0; round < rounds; round += 1) {
    for (const { sender, addresses } of all) {
      if (round >= addresses.length || left <= 0) continue;
      taken.set(sender, round + 1);
      left -= 1;
    }
  }
  return all.map((one) => ({ ...one, addresses: one.addresses.slice(0, taken.get(one.sender) ?? 0) }));
}

/** Both ends of each family come first, so that they stay when there are too many. */
function sampleOf(networks: readonly Network[]): readonly string[] {
  const found = ([4, 6] as const).flatMap((family) => {
    const own = networks.filter((network) => network.family === family);
    return own.length === 0 ? [] : spread(own, SAMPLE[family]);
  });
  return [...new Set(found)];
}

/** So many addresses, evenly spread over the networks, each of which counts alike however wide it is; both ends first. */
function spread(networks: readonly Network[], count: number): string[] {
  const gaps = count - 1;
  const points = Array.from({ length: count }, (_, i) => {
    const at = Math.min(networks.length - 1, Math.floor((i * networks.length) / gaps));
    return usable(networks[at] as Network, i * networks.length - at * gaps, gaps);
  });
  return [points[0] as string, points.at(-1) as string, ...points.slice(1, -1)];
}

/** The usable address that is `part` of `whole` on the way from the first to the last one. */
function usable(network: Network, part: number, whole: number): string {
  const { family, base, prefix } = network;
  // The ends of a network are no host (RFC 950, RFC 4291 section 2.6.1), except in the smallest networks.
  const edge = prefix <= bits(family) - 2 ? 1n : 0n;
  const first = base + edge;
  const last = lastValue(network) - edge;
  const value = first + ((last - first) * BigInt(part)) / BigInt(whole);
  return firstAddress({ family, base: value, prefix: bits(family) });
}

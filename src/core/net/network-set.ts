// Sets of networks: merging, subtracting, intersecting. To find the owner of one address, see segments.ts.
import { bits, type Family, lastValue, type Network } from './network.ts';

/** Inclusive bounds of consecutive addresses of one family. */
export interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * The same addresses in the fewest networks, IPv4 before IPv6, ascending: contained and adjacent ones are merged.
 * No result is wider than `widest` bits for its family, so that merging never makes a rule wider than policy allows.
 */
export function aggregate(
  networks: readonly Network[],
  widest: Record<Family, number> = { 4: 1, 6: 1 },
): Network[] {
  return subtract(networks, [], widest);
}

/** The addresses of `networks` that are in none of `holes`, in the form that aggregate gives. */
export function subtract(
  networks: readonly Network[],
  holes: readonly Network[],
  widest: Record<Family, number> = { 4: 1, 6: 1 },
): Network[] {
  return ([4, 6] as const).flatMap((family) => {
    const kept = cut(merged(networks, family), merged(holes, family));
    return kept.flatMap((range) => cover(range, family, widest[family]));
  });
}

/** The addresses that are in both, in the form that aggregate gives. */
export function intersect(a: readonly Network[], b: readonly Network[]): Network[] {
  return subtract(a, subtract(a, b));
}

/** How many addresses of the family the networks hold, each network counted by itself. */
export function addresses(networks: readonly Network[], family: Family): number {
  return networks
    .filter((network) => network.family === family)
    .reduce((sum, { prefix }) => sum + 2 ** (bits(family) - prefix), 0);
}

function merged(networks: readonly Network[], family: Family): Range[] {
  const ranges = networks
    .filter((network) => network.family === family)
    .map((network) => ({ first: network.base, last: lastValue(network) }))
    .sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const result: Range[] = [];
  for (const range of ranges) {
    const previous = result.at(-1);
    if (previous === undefined || range.first > previous.last + 1n) result.push(range);
    else if (range.last > previous.last)
      result[result.length - 1] = { first: previous.first, last: range.last };
  }
  return result;
}

/** Both lists are sorted and disjoint, so one pass over each is enough. */
function cut(ranges: readonly Range[], holes: readonly Range[]): Range[] {
  const result: Range[] = [];
  let next = 0;
  for (const range of ranges) {
    let first = range.first;
    while (next < holes.length && (holes[next] as Range).last < first) next += 1;
    for (let i = next; i < holes.length && (holes[i] as Range).first <= range.last; i += 1) {
      const hole = holes[i] as Range;
      if (hole.first > first) result.push({ first, last: hole.first - 1n });
      first = hole.last + 1n;
    }
    if (first <= range.last) result.push({ first, last: range.last });
  }
  return result;
}

/** The fewest aligned blocks that make up the range: at each step the widest one that starts here and fits. */
export function cover({ first, last }: Range, family: Family, widest: number): Network[] {
  const total = bits(family);
  const result: Network[] = [];
  for (let at = first; at <= last; ) {
    // Its size is a power of two that divides where it begins.
    const aligned = at === 0n ? total : length(at & -at) - 1;
    const hostBits = Math.min(aligned, length(last - at + 1n) - 1, total - widest);
    result.push({ family, base: at, prefix: total - hostBits });
    at += 1n << BigInt(hostBits);
  }
  return result;
}

/** Binary digits. */
function length(value: bigint): number {
  return value.toString(2).length;
}

// Finds the narrowest of many networks that holds an address. The numbers are handled by hand here: it runs for each line.
import { bits, type Family, type Network } from './network.ts';

/**
 * The address space of one family, cut where its owner changes: from `starts[i]` (words, high first) until the next
 * start it belongs to the network with the index `owners[i]`, or to NO_OWNER.
 */
export interface Segments {
  readonly starts: Uint32Array;
  readonly owners: Int32Array;
  /** Between which segments an address is, by its leading bits: places[bits] and places[bits + 1], inclusive. */
  readonly places: Uint32Array;
}

export const NO_OWNER = -1;

/** `networks` are of the family. The narrowest owns an address, and of equal ones the first. */
export function segmentsOf(networks: readonly Network[], family: Family): Segments {
  const width = bits(family) / 32;
  const { order, bases, prefixes } = widestFirst(networks, family);
  const starts = new Uint32Array((2 * order.length + 1) * width);
  const owners = new Int32Array(2 * order.length + 1).fill(NO_OWNER);
  let last = 0;
  const begin = (words: Uint32Array, at: number, owner: number) => {
    if (compare(words, at, starts, last, width) !== 0) {
      last += 1;
      for (let w = 0; w < width; w += 1) starts[last * width + w] = words[at * width + w] ?? 0;
    }
    owners[last] = owner;
  };

  // The networks around the place that was reached, each within the one before, and the first address after each.
  const open: number[] = [];
  const ends = new Uint32Array((bits(family) + 1) * width);
  const closeUpTo = (at: number) => {
    while (open.length > 0) {
      const top = open.length - 1;
      const isOver = at === order.length || compare(ends, top, bases, at, width) <= 0;
      if (!isOver || isZero(ends, top, width)) return;
      open.pop();
      begin(ends, top, open.at(-1) ?? NO_OWNER);
    }
  };
  order.forEach((index, at) => {
    const prefix = prefixes[at] ?? 0;
    if (at > 0 && prefix === prefixes[at - 1] && compare(bases, at, bases, at - 1, width) === 0) return;
    closeUpTo(at);
    writeEnd(ends, open.length, bases, at, prefix, width);
    open.push(index);
    begin(bases, at, index);
  });
  closeUpTo(order.length);
  const used = starts.slice(0, (last + 1) * width);
  return { starts: used, owners: owners.slice(0, last + 1), places: placesOf(used, width) };
}

/** The index of the network that owns the address, or NO_OWNER. A binary search that makes no garbage. */
export function ownerAt({ starts, owners, places }: Segments, words: readonly number[]): number {
  const place = (words[0] ?? 0) >>> (Math.clz32(places.length - 1) + 1);
  let low = places[place] ?? 0;
  let high = places[place + 1] ?? 0;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (startsAfter(starts, middle * words.length, words)) high = middle - 1;
    else low = middle;
  }
  return owners[low] ?? NO_OWNER;
}

/** The last segment that begins before the addresses with these leading bits; one place more, for the end. */
function placesOf(starts: Uint32Array, width: number): Uint32Array {
  const count = starts.length / width;
  const leadingBits = Math.min(16, 32 - Math.clz32(count));
  const places = new Uint32Array(2 ** leadingBits + 1);
  let segment = 0;
  places.forEach((_, place) => {
    const first = place * 2 ** (32 - leadingBits);
    while (segment + 1 < count && (starts[(segment + 1) * width] ?? 0) < first) segment += 1;
    places[place] = segment;
  });
  return places;
}

function startsAfter(starts: Uint32Array, offset: number, words: readonly number[]): boolean {
  for (let w = 0; w < words.length; w += 1) {
    const difference = (starts[offset + w] ?? 0) - (words[w] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

/** The networks by base, the widest first where several begin: their indices, bases and lengths. */
function widestFirst(networks: readonly Network[], family: Family) {
  const width = bits(family) / 32;
  const keyBytes = width * 4 + 1;
  const keys = new DataView(new ArrayBuffer(networks.length * keyBytes));
  let offset = 0;
  for (const { base, prefix } of networks) {
    if (family === 4) keys.setUint32(offset, Number(base));
    else {
      keys.setBigUint64(offset, base >> 64n);
      keys.setBigUint64(offset + 8, BigInt.asUintN(64, base));
    }
    keys.setUint8(offset + keyBytes - 1, prefix);
    offset += keyBytes;
  }
  const order = ascending(new Uint8Array(keys.buffer), keyBytes);
  const bases = new Uint32Array(networks.length * width);
  const prefixes = new Uint8Array(networks.length);
  order.forEach((index, at) => {
    for (let w = 0; w < width; w += 1) bases[at * width + w] = keys.getUint32(index * keyBytes + w * 4);
    prefixes[at] = keys.getUint8((index + 1) * keyBytes - 1);
  });
  return { order, bases, prefixes };
}

/** The first address after the network; zero when the network reaches to the end of the address space. */
function writeEnd(
  ends: Uint32Array,
  to: number,
  bases: Uint32Array,
  at: number,
  prefix: number,
  width: number,
): void {
  const lowest = Math.ceil(prefix / 32) - 1;
  let carry = 2 ** (32 * (lowest + 1) - prefix);
  for (let w = width - 1; w >= 0; w -= 1) {
    const sum = (bases[at * width + w] ?? 0) + (w <= lowest ? carry : 0);
    ends[to * width + w] = sum;
    if (w <= lowest) carry = sum > 0xffffffff ? 1 : 0;
  }
}

function isZero(words: Uint32Array, at: number, width: number): boolean {
  for (let w = 0; w < width; w += 1) if (words[at * width + w] !== 0) return false;
  return true;
}

/** Below, at or above zero, as the first address is below, at or above the second. */
function compare(a: Uint32Array, i: number, b: Uint32Array, j: number, width: number): number {
  for (let w = 0; w < width; w += 1) {
    const difference = (a[i * width + w] ?? 0) - (b[j * width + w] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * In which order the keys ascend: their indices, those of equal keys as they came. `keys` holds one key of `width`
 * bytes after the other. A radix sort, byte by byte from the last: linear, and far quicker than comparing.
 */
function ascending(keys: Uint8Array, width: number): Uint32Array {
  const count = keys.length / width;
  let order = new Uint32Array(count).map((_, i) => i);
  let sorted = new Uint32Array(count);
  for (let at = width - 1; at >= 0; at -= 1) {
    const places = firstPlaces(keys, width, at);
    if (places === null) continue;
    for (let i = 0; i < count; i += 1) {
      const index = order[i] ?? 0;
      const byte = keys[index * width + at] ?? 0;
      const place = places[byte] ?? 0;
      sorted[place] = index;
      places[byte] = place + 1;
    }
    [order, sorted] = [sorted, order];
  }
  return order;
}

/** Where the first key with each value of this byte comes; null when the byte is the same in all. */
function firstPlaces(keys: Uint8Array, width: number, at: number): Uint32Array | null {
  const counts = new Uint32Array(256);
  for (let i = at; i < keys.length; i += width) {
    const byte = keys[i] ?? 0;
    counts[byte] = (counts[byte] ?? 0) + 1;
  }
  if (counts[keys[at] ?? 0] === keys.length / width) return null;
  let sum = 0;
  return counts.map((count) => {
    sum += count;
    return sum - count;
  });
}

import { type Address, type Family, lastValue, type Network } from './network.ts';

/** An operator of outbound mail servers, with the networks it sends from. */
export interface Sender {
  readonly id: string;
  readonly name: string;
  readonly networks: readonly Network[];
}

/** How it is known whose address it is: a list, check_host on the sender's domain, or a name that leads back to it. */
export type Evidence = 'network' | 'spf' | 'rdns';

/** Whose address it is, and the narrowest network of the sender's that holds it. */
export interface Match {
  readonly sender: Sender;
  readonly network: Network;
  readonly evidence: Evidence;
}

export interface SenderIndex {
  find(address: Address): Match | undefined;
}

/** From `start` (big-endian words) until the next segment's start, the address space belongs to `match`. */
interface Segments {
  readonly starts: Uint32Array;
  readonly matches: readonly (Match | undefined)[];
}

/**
 * Builds the lookup. Where networks of several senders nest, the narrowest wins; of equal ones the sender that
 * comes first. Find is a binary search without allocation.
 */
export function buildSenderIndex(senders: readonly Sender[]): SenderIndex {
  const all = senders.flatMap((sender) =>
    sender.networks.map((network) => ({ sender, network, evidence: 'network' as const })),
  );
  const tables = { 4: segments(all, 4), 6: segments(all, 6) };
  return { find: (address) => find(tables[address.family], address.words) };
}

function segments(all: readonly Match[], family: Family): Segments {
  const sorted = all.filter(({ network }) => network.family === family).sort(widestFirst);
  const starts: bigint[] = [0n];
  const matches: (Match | undefined)[] = [undefined];
  const open: Match[] = [];
  const begin = (at: bigint, match: Match | undefined) => {
    if (starts.at(-1) === at) matches[matches.length - 1] = match;
    else {
      starts.push(at);
      matches.push(match);
    }
  };
  const closeBefore = (at: bigint | undefined) => {
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const end = lastValue(top.network);
      if (at !== undefined && end >= at) return;
      open.pop();
      begin(end + 1n, open.at(-1));
    }
  };
  for (const match of sorted) {
    closeBefore(match.network.base);
    const top = open.at(-1)?.network;
    if (top?.base === match.network.base && top.prefix === match.network.prefix) continue;
    open.push(match);
    begin(match.network.base, match);
  }
  closeBefore(undefined);
  return { starts: toWords(starts, family), matches };
}

function widestFirst(a: Match, b: Match): number {
  if (a.network.base !== b.network.base) return a.network.base < b.network.base ? -1 : 1;
  return a.network.prefix - b.network.prefix;
}

/** A last segment that begins after the end of the address space is never found: it is cut off by the word size. */
function toWords(starts: readonly bigint[], family: Family): Uint32Array {
  const width = family === 4 ? 1 : 4;
  const inside = starts.filter((start) => start >> BigInt(32 * width) === 0n);
  const words = new Uint32Array(inside.length * width);
  inside.forEach((start, i) => {
    for (let w = 0; w < width; w += 1)
      words[i * width + w] = Number((start >> BigInt(32 * (width - 1 - w))) & 0xffffffffn);
  });
  return words;
}

function find({ starts, matches }: Segments, words: readonly number[]): Match | undefined {
  const width = words.length;
  let low = 0;
  let high = starts.length / width - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (startsAfter(starts, middle * width, words)) high = middle - 1;
    else low = middle;
  }
  return matches[low];
}

function startsAfter(starts: Uint32Array, offset: number, words: readonly number[]): boolean {
  for (let w = 0; w < words.length; w += 1) {
    const difference = (starts[offset + w] ?? 0) - (words[w] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

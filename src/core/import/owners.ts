/** Which known senders publish a network, or are named in a comment. It does not read lists or judge rules. */

import { RESERVED } from '../net/limits.ts';
import { type Family, lastValue, type Network, overlap } from '../net/network.ts';
import { aggregate } from '../net/network-set.ts';
import type { SenderDefinition } from '../senders/sender.ts';

/** A sender as it is known now. */
export interface KnownSender {
  readonly definition: SenderDefinition;
  readonly networks: readonly Network[];
  readonly watched: boolean;
  /** It sends from addresses that no list has. */
  readonly unlistable: boolean;
  /** When its networks were last seen, as an ISO date. */
  readonly asOf: string;
}

/** A network of a sender. */
export interface Owned {
  readonly sender: KnownSender;
  readonly network: Network;
}

export class Owners {
  /** What is never allowed: SCREENPASS_NEVER and reserved networks. */
  readonly never: readonly Network[];
  readonly #find: Readonly<Record<Family, (network: Network) => readonly Owned[]>>;
  readonly #names: readonly { readonly sender: KnownSender; readonly words: readonly string[] }[];

  constructor(senders: readonly KnownSender[], never: readonly Network[]) {
    const owned = senders.flatMap((sender) =>
      aggregate(sender.networks).map((network) => ({ sender, network })),
    );
    this.never = aggregate([...RESERVED, ...never]);
    this.#find = { 4: finder(owned, 4), 6: finder(owned, 6) };
    this.#names = senders.map((sender) => ({ sender, words: wordsOf(sender.definition) }));
  }

  /** The networks of senders that overlap the set. */
  of(set: readonly Network[]): readonly Owned[] {
    return [...new Set(set.flatMap((network) => this.#find[network.family](network)))];
  }

  /** The senders that a comment names. */
  named(comment: string): readonly KnownSender[] {
    // The page of the program that made the list names no sender.
    const text = ` ${plain(comment.replace(/https?:\S*/gi, ' '))} `;
    return this.#names
      .filter(({ words }) => words.some((word) => text.includes(word)))
      .map(({ sender }) => sender);
  }
}

/** Finds the networks that overlap one: sorted by first address, starting at the first that reaches it. */
function finder(all: readonly Owned[], family: Family): (network: Network) => readonly Owned[] {
  const sorted = all
    .filter(({ network }) => network.family === family)
    .sort((a, b) => (a.network.base < b.network.base ? -1 : 1));
  /** The last address of each network and all before it. */
  const reaches: bigint[] = [];
  for (const { network } of sorted) {
    const last = lastValue(network);
    const before = reaches.at(-1) ?? -1n;
    reaches.push(last > before ? last : before);
  }
  return (network) => {
    const last = lastValue(network);
    let [start, end] = [0, sorted.length];
    while (start < end) {
      const middle = (start + end) >>> 1;
      if ((reaches[middle] as bigint) < network.base) start = middle + 1;
      else end = middle;
    }
    const found: Owned[] = [];
    for (let i = start; i < sorted.length && (sorted[i] as Owned).network.base <= last; i += 1)
      if (overlap((sorted[i] as Owned).network, network)) found.push(sorted[i] as Owned);
    return found;
  };
}

function wordsOf({ id, name, spf, rdns }: SenderDefinition): readonly string[] {
  return [id, name, ...spf, ...rdns].map((word) => ` ${plain(word)} `);
}

/** Letters and digits only, so that "Amazon SES" and "amazon-ses" are the same. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();
}

/** The ids of the senders, each once. */
export function idsOf(owned: readonly Pick<Owned, 'sender'>[]): readonly string[] {
  return [...new Set(owned.map(({ sender }) => sender.definition.id))];
}

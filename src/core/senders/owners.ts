import { RESERVED } from '../net/limits.ts';
import { type Family, lastValue, type Network, overlap } from '../net/network.ts';
import { aggregate, subtract } from '../net/network-set.ts';
import type { SenderDefinition } from './sender.ts';

/** A sender as it is known now. */
export interface KnownSender {
  readonly definition: SenderDefinition;
  readonly networks: readonly Network[];
  readonly watched: boolean;
  /** It sends from addresses that no list holds. */
  readonly unlistable: boolean;
  /** When its networks were last seen, as an ISO date. */
  readonly asOf: string;
}

/** A network of a sender. */
export interface Owned {
  readonly sender: KnownSender;
  readonly network: Network;
}

export interface Owners {
  /** Their networks that meet the set. */
  in(set: readonly Network[]): readonly Owned[];
  /** Those that a comment names. */
  named(comment: string): readonly KnownSender[];
  /** What is never allowed, with SCREENPASS_NEVER. */
  readonly never: readonly Network[];
}

export function createOwners(senders: readonly KnownSender[], never: readonly Network[]): Owners {
  const owned = senders.flatMap((sender) =>
    aggregate(sender.networks).map((network) => ({ sender, network })),
  );
  const find = { 4: createFinder(owned, 4), 6: createFinder(owned, 6) };
  const names = senders.map((sender) => ({ sender, words: wordsOf(sender.definition) }));
  return {
    never: aggregate([...RESERVED, ...never]),
    in: (set) => [...new Set(set.flatMap((network) => find[network.family](network)))],
    named(comment) {
      if (comment === '') return [];
      // The page of the program that made the list is no sender's.
      const text = ` ${plain(comment.replace(/https?:\S*/gi, ' '))} `;
      return names.flatMap(({ sender, words }) =>
        words.some((word) => text.includes(word)) ? [sender] : [],
      );
    },
  };
}

/** Finds those that meet a network: sorted by their first address, none before the first of which one reaches it. */
function createFinder(all: readonly Owned[], family: Family): (network: Network) => readonly Owned[] {
  const sorted = all
    .filter(({ network }) => network.family === family)
    .sort((a, b) => (a.network.base < b.network.base ? -1 : 1));
  const reaches: bigint[] = [];
  for (const { network } of sorted) {
    const before = reaches.at(-1) ?? -1n;
    const last = lastValue(network);
    reaches.push(last > before ? last : before);
  }
  return (network) => {
    const found: Owned[] = [];
    const last = lastValue(network);
    let [at, end] = [0, sorted.length];
    while (at < end) {
      const middle = (at + end) >>> 1;
      if ((reaches[middle] as bigint) < network.base) at = middle + 1;
      else end = middle;
    }
    for (; at < sorted.length && (sorted[at] as Owned).network.base <= last; at += 1) {
      const one = sorted[at] as Owned;
      if (overlap(one.network, network)) found.push(one);
    }
    return found;
  };
}

export function sendersOf(owned: readonly Owned[]): readonly KnownSender[] {
  return [...new Set(owned.map(({ sender }) => sender))];
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

/** What no network of these holds. */
export function leftOf(set: readonly Network[], owned: readonly Owned[]): readonly Network[] {
  return owned.length === 0
    ? set
    : subtract(
        set,
        owned.map(({ network }) => network),
      );
}

export function networksOf(senders: readonly KnownSender[]): readonly Network[] {
  return senders.flatMap(({ networks }) => networks);
}

export function idsOf(senders: readonly KnownSender[]): readonly string[] {
  return senders.map(({ definition }) => definition.id);
}

export function idsText(senders: readonly KnownSender[]): string {
  return idsOf(senders).join(', ');
}

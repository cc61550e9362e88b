/** Learns from logged scores what the answers of DNSBL zones weighed. */

import type { Listing } from '../postscreen/dnsbl-sites.ts';

/** A score that postscreen logged, the answers that made it, and how many sessions had both. */
export interface LoggedScore {
  readonly listings: readonly Listing[];
  readonly rank: number;
  readonly count: number;
}

/** As far as logged scores show them. */
export interface Weights {
  /** Undefined: no score shows it. */
  of(listing: Listing): number | undefined;
  /** By zone: all weights that were found. */
  readonly byZone: ReadonlyMap<string, ReadonlySet<number>>;
}

/**
 * Learns weights: the score of a client that one zone lists is that zone's weight; with it known, so is the other
 * zone's of a client that two list, and so on. Different answers of a zone are weighed apart, since they can have
 * entries of their own. Where scores contradict each other, as after a change of the settings, the more common holds.
 */
export function learnWeights(scores: readonly LoggedScore[]): Weights {
  const known = new Map<string, number>();
  const sums = scores
    .map(({ listings, rank, count }) => ({ keys: listings.map(keyOf), rank, count }))
    .sort((a, b) => a.keys.length - b.keys.length || b.count - a.count);
  for (let before = -1; before < known.size; ) {
    before = known.size;
    for (const { keys, rank } of sums) {
      const [only, another] = keys.filter((key) => !known.has(key));
      if (only === undefined || another !== undefined) continue;
      known.set(
        only,
        keys.reduce((rest, key) => rest - (known.get(key) ?? 0), rank),
      );
    }
  }
  const byZone = new Map<string, Set<number>>();
  for (const [key, weight] of known) {
    const zone = key.slice(0, key.indexOf('='));
    byZone.set(zone, (byZone.get(zone) ?? new Set()).add(weight));
  }
  return { of: (listing) => known.get(keyOf(listing)), byZone };
}

/** Zone and answers as one text. */
export function keyOf({ zone, answers }: Listing): string {
  return `${zone}=${answers.join(',')}`;
}

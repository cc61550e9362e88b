// When entries leave by themselves. What puts them in is policy.

import { type Allowlist, type Entry, OPERATOR } from './entry.ts';
import type { Rules } from './policy.ts';

/** The entries whose time is over at `now`; those of SCREENPASS_PRESEED (`keep`) and of the administrator have none. */
export function expired(
  state: Pick<Allowlist, 'entries'>,
  now: number,
  rules: Rules,
  keep: ReadonlySet<string>,
): readonly Entry[] {
  return state.entries.filter((entry) => now >= leavesAt(entry, rules, keep));
}

/** When the entry leaves if its sender is not seen any more, in ms; Infinity: only when it is revoked. */
export function leavesAt(entry: Entry, rules: Pick<Rules, 'ttlMs'>, keep: ReadonlySet<string>): number {
  const own = ownEnd(entry, rules, keep);
  return Math.max(own, entry.granted ?? own);
}

/** Without what the administrator allowed beside it. */
function ownEnd(
  { sender, lastSeen, until, cause }: Entry,
  { ttlMs }: Pick<Rules, 'ttlMs'>,
  keep: ReadonlySet<string>,
): number {
  const stays = cause === OPERATOR || keep.has(sender);
  return until ?? (stays ? Number.POSITIVE_INFINITY : lastSeen + ttlMs + 1);
}

/**
 * The entries that stay at `now`, each with what still holds of it: its evidence, or what the administrator allowed beside
 * it, when the other one is over. The same array when nothing is.
 */
export function afterEnds(
  entries: readonly Entry[],
  now: number,
  rules: Pick<Rules, 'ttlMs'>,
  keep: ReadonlySet<string>,
): readonly Entry[] {
  const after = entries.map((entry) => {
    if (entry.granted === null) return entry;
    if (now >= entry.granted) return { ...entry, granted: null };
    const own = {
      scope: 'sender',
      networks: [],
      cause: OPERATOR,
      until: entry.granted,
      granted: null,
    } as const;
    return now >= ownEnd(entry, rules, keep) ? { ...entry, ...own } : entry;
  });
  return after.some((entry, i) => entry !== entries[i]) ? after : entries;
}

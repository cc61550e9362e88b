// The entries of the allowlist: why a sender is in the table. What puts them in is policy.

export type Scope = 'sender' | 'network' | 'address';

/** Why a sender is in the table. Times are log times in ms since the epoch. */
export interface Entry {
  readonly sender: string;
  readonly scope: Scope;
  /** With scope network or address: the CIDRs opened so far. With scope sender: empty, all its networks are meant. */
  readonly networks: readonly string[];
  readonly since: number;
  /** Last refusal or connection of the sender. */
  readonly lastSeen: number;
  /** It leaves then, whoever is seen; null: it leaves by SCREENPASS_TTL, or stays when the administrator made it. */
  readonly until: number | null;
  /**
   * The administrator allowed all of the sender until then, beside its evidence: `scope`, `networks` and `until` count
   * again after that. Null: no.
   */
  readonly granted: number | null;
  /** Gate, code and zone, for the comment in the table; OPERATOR; null for an entry by SCREENPASS_PRESEED. */
  readonly cause: string | null;
  /** The administrator's words. They stay in the state. */
  readonly reason: string | null;
  /** Log time of the first refusal since the sender last got through; null when it gets through. */
  readonly refusedAt: number | null;
  /** The alert sender-allowed was given. */
  readonly announced: boolean;
  /** Log time at which Postfix was proven to use all of it; null until then. */
  readonly inForce: number | null;
}

/** Cause of the entries that `screenpass allow` makes. */
export const OPERATOR = 'operator';

/** An address that a zone lists. */
export interface Veto {
  readonly address: string;
  /** In lower case. */
  readonly zone: string;
  readonly since: number;
  /** When the zones were last asked about it; null: only postscreen's log says that it is listed. */
  readonly askedAt: number | null;
}

/** Addresses that no zone lists, and when that was asked. */
type Cleared = Readonly<Record<string, number>>;

/** What policy decides by: the part of the state that says who is let in, and what speaks against it. */
export interface Allowlist {
  readonly entries: readonly Entry[];
  /** By sender: times of refusals that have not yet led to an entry, newest last. */
  readonly refusals: Readonly<Record<string, readonly number[]>>;
  /** By sender: when it last left during the greet wait, without a pass since. */
  readonly gaveUp: Readonly<Record<string, number>>;
  /** Addresses that a zone of SCREENPASS_VETO_DNSBL lists, the latest last. */
  readonly vetoes: readonly Veto[];
  readonly cleared: Cleared;
}

export function entryOf(state: Pick<Allowlist, 'entries'>, sender: string): Entry | undefined {
  return state.entries.find((entry) => entry.sender === sender);
}

/** With the entry in place of the sender's earlier one. Entries stay in order of sender id, as the table has them. */
export function withEntry<S extends Pick<Allowlist, 'entries'>>(state: S, entry: Entry): S {
  if (state.entries.includes(entry)) return state;
  const others = state.entries.filter(({ sender }) => sender !== entry.sender);
  const entries = [...others, entry].sort((a, b) => (a.sender < b.sender ? -1 : 1));
  return { ...state, entries };
}

/** An entry that is not reported and not loaded yet. */
export function newEntry(
  sender: string,
  now: number,
  more: Pick<Entry, 'scope' | 'networks' | 'cause'> & Partial<Pick<Entry, 'until' | 'reason'>>,
): Entry {
  const times = { since: now, lastSeen: now, refusedAt: null, inForce: null };
  return { sender, until: null, granted: null, reason: null, announced: false, ...times, ...more };
}

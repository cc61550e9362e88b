import type { StreamName } from '../ports.ts';
import type { RefusalAlert } from './alert.ts';
import type { Bursts } from './burst.ts';
import type { Days } from './days.ts';
import type { Digested } from './digest.ts';
import type { Faults } from './faults.ts';
import type { SenderKnowledge } from './knowledge.ts';
import type { LaterRefusal } from './later-gate.ts';
import type { Scope } from './policy.ts';
import type { Question } from './questions.ts';
import type { Cleared, Veto } from './veto.ts';

/** A stamp of handled lines. Several lines can share a stamp: `count` of them are handled. */
export interface Mark {
  readonly stamp: string;
  readonly count: number;
}

/** Handled lines of one stream and stamp that follow each other in the log. */
export interface TrailMark extends Mark {
  readonly stream: StreamName;
}

/** How far the log of which container was handled. */
export interface Cursor {
  readonly container: string;
  /** By stream: the highest stamp that was handled. */
  readonly stdout: Mark | null;
  readonly stderr: Mark | null;
  /** The stamps that were handled last, in the order of the log. */
  readonly trail: readonly TrailMark[];
}

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

/** A refusal of a watched sender by a gate behind postscreen, at log time `at` in ms. */
export interface OtherRefusal extends Omit<LaterRefusal, 'ip' | 'line'> {
  readonly sender: string;
  readonly client: string;
  readonly at: number;
  /** A digest of its line: two refusals can have all else in common. */
  readonly mark: string;
}

/** The format of the saved state. A change of it takes the next number and a migration (migrate.ts). */
export const STATE_VERSION = 3;

/** All that screenpass remembers. One value, changed only by the functions of core, saved whole. */
export interface State {
  readonly version: typeof STATE_VERSION;
  readonly cursor: Cursor | null;
  /** So much time has to go by before entries expire, since the clock jumped (log-clock.ts). In ms. */
  readonly doubtMs: number;
  readonly entries: readonly Entry[];
  /** By sender: times of refusals that have not yet led to an entry, newest last. */
  readonly refusals: Readonly<Record<string, readonly number[]>>;
  /** By sender: when it last left during the greet wait, without a pass since. */
  readonly gaveUp: Readonly<Record<string, number>>;
  /** By sender: what was learnt of its networks. */
  readonly senders: SenderKnowledge;
  /** Refusals of addresses of which DNS is being asked whose they are. */
  readonly questions: readonly Question[];
  /** The last one of a watched sender. */
  readonly lastRefusal: {
    readonly sender: string;
    readonly client: string;
    readonly gate: string;
    readonly at: number;
  } | null;
  /** What was told of refusals by postscreen in the last minute, by sender and gate. */
  readonly bursts: Bursts<RefusalAlert>;
  /** What was told of refusals by later gates in the last hour, by sender and gate. */
  readonly otherGates: Bursts<OtherRefusal>;
  /** What happened, by day. */
  readonly days: Days;
  /** Null: there was no digest yet. */
  readonly digested: Digested | null;
  /** Digest of the block that Postfix is proven to use; null when that is not known. */
  readonly loaded: string | null;
  /** Digest of the block that was about to be put into the table; null: none ever was. */
  readonly written: string | null;
  /** Addresses that a zone of SCREENPASS_VETO_DNSBL lists, the latest last. */
  readonly vetoes: readonly Veto[];
  readonly cleared: Cleared;
  /** Refusals about whose address those zones are being asked. */
  readonly vetoQuestions: readonly Question[];
  /** What is wrong now, and what was lately. */
  readonly faults: Faults;
}

export const EMPTY_STATE: State = {
  version: STATE_VERSION,
  cursor: null,
  doubtMs: 0,
  entries: [],
  refusals: {},
  gaveUp: {},
  senders: {},
  questions: [],
  lastRefusal: null,
  bursts: [],
  otherGates: [],
  days: {},
  digested: null,
  loaded: null,
  written: null,
  vetoes: [],
  cleared: {},
  vetoQuestions: [],
  faults: [],
};

export function entryOf(state: State, sender: string): Entry | undefined {
  return state.entries.find((entry) => entry.sender === sender);
}

/** With the entry in place of the sender's earlier one. Entries stay in order of sender id, as the table has them. */
export function withEntry(state: State, entry: Entry): State {
  if (state.entries.includes(entry)) return state;
  const others = state.entries.filter(({ sender }) => sender !== entry.sender);
  const entries = [...others, entry].sort((a, b) => (a.sender < b.sender ? -1 : 1));
  return { ...state, entries };
}

/** An entry that is to be told of and to be loaded. */
export function newEntry(
  sender: string,
  now: number,
  more: Pick<Entry, 'scope' | 'networks' | 'cause'> & Partial<Pick<Entry, 'until' | 'reason'>>,
): Entry {
  const times = { since: now, lastSeen: now, refusedAt: null, inForce: null };
  return { sender, until: null, granted: null, reason: null, announced: false, ...times, ...more };
}

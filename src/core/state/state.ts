// All that screenpass remembers, as one value. What is read from a file is checked in state-schema.ts.

import type { DecidedRefusal } from '../alerts/alert.ts';
import type { Bursts } from '../alerts/burst.ts';
import type { Days, Digested } from '../alerts/days.ts';
import type { Cursor } from '../log/position.ts';
import type { Allowlist } from '../policy/entry.ts';
import type { OtherRefusal } from '../postscreen/later-gate.ts';
import type { SenderKnowledge } from '../senders/knowledge.ts';
import type { Question } from '../senders/questions.ts';
import type { Faults } from '../watch/faults.ts';

/** The format of the saved state. A change of it takes the next number and a migration (migrate.ts). */
export const STATE_VERSION = 3;

/** All that screenpass remembers. One value, changed only by the functions of core, saved whole. */
export interface State extends Allowlist {
  readonly version: typeof STATE_VERSION;
  readonly cursor: Cursor | null;
  /** So much time has to go by before entries expire, since the clock jumped (log-clock.ts). In ms. */
  readonly doubtMs: number;
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
  /** What was reported of refusals by postscreen in the last minute, by sender and gate. */
  readonly bursts: Bursts<DecidedRefusal>;
  /** What was reported of refusals by later gates in the last hour, by sender and gate. */
  readonly otherGates: Bursts<OtherRefusal>;
  /** What happened, by day. */
  readonly days: Days;
  /** Null: there was no digest yet. */
  readonly digested: Digested | null;
  /** Digest of the block that Postfix is proven to use; null when that is not known. */
  readonly loaded: string | null;
  /** Digest of the block that was about to be put into the table; null: none ever was. */
  readonly written: string | null;
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

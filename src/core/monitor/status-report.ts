// The state of the daemon for status, health and metrics, and what makes it unhealthy. The text is in commands/status.ts.
import { type AlertFields, alertText } from '../alerts/alert.ts';
import { counted } from '../base/wording.ts';
import type { Freshness } from '../senders/knowledge.ts';
import type { State } from '../state/state.ts';
import type { Fault, FaultKind } from '../watch/faults.ts';

/** The state of the daemon. Times are ISO. */
export interface Status {
  readonly version: string;
  readonly mode: 'enforce' | 'observe';
  /** SCREENPASS_CONTAINER, and the id of the container that is followed now; null: none. */
  readonly container: string;
  readonly following: string | null;
  readonly wiring: 'wired' | 'not-wired' | 'unknown';
  /** `done`: Postfix is proven to use the table. `failing`: tried, and not proven. */
  readonly reload: 'done' | 'pending' | 'failing' | 'observing';
  readonly reloadedAt: string | null;
  /** The first fault, in the words of its alert; null: there is none. */
  readonly trouble: string | null;
  /** The present faults, those that fail `health` first. */
  readonly faults: readonly StatusFault[];
  readonly table: string;
  readonly entries: number;
  readonly rules: number;
  readonly senders: Readonly<Record<Freshness, number>>;
  /** Watched senders without a known network, so that only addresses that are proven one by one are allowed. */
  readonly withoutNetworks: readonly string[];
  /** Watched senders that did not answer when they were last asked, and when they are asked again; null: none. */
  readonly unanswered: readonly string[];
  readonly nextTry: string | null;
  /** The oldest good answer of a watched sender; null: there is none yet. */
  readonly oldestList: string | null;
  readonly lastRefusal: {
    readonly sender: string;
    readonly client: string;
    readonly gate: string;
    readonly at: string;
  } | null;
  /** Refusals that wait for DNS: for their sender, or for a veto zone. */
  readonly questions: number;
  /** Addresses that a veto zone lists, so that they stay out of the table. */
  readonly vetoed: number;
  /** Refusals since the start about which DNS was not asked, because too many waited. */
  readonly droppedQuestions: number;
  /** Stamp of the last line that was handled, and how many seconds ago that was. */
  readonly cursor: string | null;
  readonly cursorAge: number | null;
  /** Its age in seconds when it was handled; null: none was yet. */
  readonly lag: number | null;
  readonly nextRefresh: string | null;
  readonly nextHourly: string | null;
}

/** Stamps of another host may be so many seconds ahead of our clock without being a fault. */
const AHEAD_S = 10;

export interface StatusFault {
  readonly kind: FaultKind;
  /** Sender, zone or address family; null: there is only one of the kind. */
  readonly subject: string | null;
  /** In the words of its alert. */
  readonly text: string;
  readonly since: string;
  readonly tries: number;
  /** While it lasts, `health` fails. */
  readonly blocking: boolean;
}

export function statusFault({ kind, subject, facts, since, tries, blocking }: Fault): StatusFault {
  const text = alertText(kind, facts as AlertFields[FaultKind]);
  return { kind, subject: subject || null, text, since: new Date(since).toISOString(), tries, blocking };
}

/** Why screenpass is not healthy; null: it is. */
export function unhealthy(status: Status): string | null {
  if (status.following === null) return `the log of ${status.container} is not followed`;
  const { cursor, cursorAge } = status;
  if (cursorAge !== null && -cursorAge > AHEAD_S)
    return `the last line of the log is stamped ${cursor}, ${-cursorAge} s ahead of the clock: set the clock`;
  return status.faults.find(({ blocking }) => blocking)?.text ?? null;
}

/** The stamp of the last handled line in the order of the log; null when nothing was handled yet. */
export function lastStamp({ cursor }: Pick<State, 'cursor'>): string | null {
  const stamps = [cursor?.stdout?.stamp, cursor?.stderr?.stamp].filter((stamp) => stamp !== undefined);
  return cursor?.trail.at(-1)?.stamp ?? stamps.sort().at(-1) ?? null;
}

/** What observe mode means for the table; `rules` are ours in the file, null when it cannot be read. */
export function observingText(table: string, rules: number | null): string {
  const writes = 'Observe mode writes nothing';
  if (rules === null) return `${writes}; ${table} cannot be read`;
  if (rules === 0) return `${writes}; ${table} has no rules of screenpass`;
  return (
    `${writes}, and ${table} still has ${counted(rules, 'rule')} of screenpass, written in enforce mode, ` +
    'which Postfix may use. To remove them, delete the lines from "# >>> screenpass" to "# <<< screenpass", ' +
    'then run docker exec mailserver postfix reload'
  );
}

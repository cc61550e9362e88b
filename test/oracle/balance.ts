// Holds what the independent reader finds in mail logs against what screenpass says of them.
import type { ReadLater, ReadSession } from './reader.ts';

/** How many, by what: `SENDER GATE`. */
export type Counts = Readonly<Record<string, number>>;

/** The log of one mail container as it was read; the addresses of the watched senders are the run's own knowledge. */
export interface ReadLog {
  readonly container: string;
  readonly rows: readonly (ReadSession | ReadLater)[];
}

interface Refused {
  /** As screenpass calls it: container, client and CONNECT. */
  readonly id: string;
  readonly sender: string;
  readonly gate: string;
  readonly session: ReadSession;
}

export interface LogBooks {
  /** Refusals of watched senders by postscreen, by session. */
  readonly refused: readonly Refused[];
  /** Refusals of watched senders by later gates. */
  readonly later: Counts;
  /** Refusals by postscreen of all others. */
  readonly strangers: number;
}

/** So long after a client hung up during the greet wait a second one of its sender counts (SCREENPASS_WINDOW). */
const WINDOW_MS = 3_600_000;

/** The id that the alert sender-refused has for it. */
export function idOf(container: string, { client, connected }: ReadSession): string {
  return `${container.slice(0, 12)} ${client} ${connected.slice(0, 23)}Z`;
}

/** `senders` knows the sender of each address. */
export function logBooks(logs: readonly ReadLog[], senders: ReadonlyMap<string, string>): LogBooks {
  const refused: Refused[] = [];
  const later: Record<string, number> = {};
  let strangers = 0;
  /** When a client of the sender hung up last with no pass of the sender since. */
  const hungUp = new Map<string, number>();
  for (const { container, rows } of logs) {
    for (const row of rows) {
      const sender = senders.get(row.ip);
      if (row.what === 'later') {
        if (sender !== undefined) later[`${sender} ${row.gate}`] = (later[`${sender} ${row.gate}`] ?? 0) + 1;
        continue;
      }
      if (sender === undefined) {
        if (row.outcome === 'refused') strangers += 1;
        continue;
      }
      const one = { id: idOf(container, row), sender, gate: row.gate ?? '', session: row };
      if (row.outcome === 'refused') refused.push(one);
      else if (row.outcome === 'passed') hungUp.delete(sender);
      else if (row.outcome === 'left') {
        const at = Date.parse(row.connected);
        const before = hungUp.get(sender);
        hungUp.set(sender, at);
        if (before !== undefined && at - before <= WINDOW_MS) refused.push({ ...one, gate: 'greet-wait' });
      }
    }
  }
  return { refused, later, strangers };
}

export function countsOf(items: readonly { readonly sender: string; readonly gate: string }[]): Counts {
  const counts: Record<string, number> = {};
  for (const { sender, gate } of items) counts[`${sender} ${gate}`] = (counts[`${sender} ${gate}`] ?? 0) + 1;
  return counts;
}

/** An alert as far as it says that something was refused. */
export interface RefusalAlert {
  readonly alert: string;
  readonly id: string;
  readonly sender?: string;
  readonly gate?: string;
  readonly count?: number;
}

export interface AlertBooks {
  /** Sessions that were reported one by one, by id. */
  readonly single: ReadonlyMap<string, { readonly sender: string; readonly gate: string }>;
  /** How many were reported together, and alone. */
  readonly refused: Counts;
  readonly later: Counts;
  /** Told twice with no restart in between. */
  readonly doubled: readonly string[];
}

/** All alerts of a run, of each process of screenpass: what was told before a kill may be told again after it. */
export function alertBooks(alerts: readonly RefusalAlert[]): AlertBooks {
  const single = new Map<string, { sender: string; gate: string }>();
  const refused: Record<string, number> = {};
  const later: Record<string, number> = {};
  const doubled: string[] = [];
  /** The process that told it. */
  const told = new Map<string, number>();
  let process = 0;
  for (const { alert, id, sender = '', gate = '', count } of alerts) {
    if (alert === 'started') process += 1;
    if (alert !== 'sender-refused' && alert !== 'other-gate') continue;
    const key = `${sender} ${gate}`;
    const cause = `${alert} ${id} ${count ?? ''}`;
    const before = told.get(cause);
    told.set(cause, process);
    if (before !== undefined && before < process) continue;
    if (before !== undefined) doubled.push(`told twice by one process: ${cause}`);
    if (alert === 'other-gate') later[key] = (later[key] ?? 0) + (count ?? 1);
    else {
      refused[key] = (refused[key] ?? 0) + (count ?? 1);
      if (count === undefined) single.set(id, { sender, gate });
    }
  }
  return { single, refused, later, doubled };
}

/** One line for each number that differs; `what` is what was counted. */
export function differences(what: string, inLog: Counts, said: Counts): string[] {
  const keys = [...new Set([...Object.keys(inLog), ...Object.keys(said)])].sort();
  return keys
    .filter((key) => (inLog[key] ?? 0) !== (said[key] ?? 0))
    .map((key) => `${what}: ${key}: ${inLog[key] ?? 0} in the log, ${said[key] ?? 0} by screenpass`);
}

/** Alerts of single sessions against the log: one line for each that the log does not have, or has at another gate. */
export function unfounded({ single }: AlertBooks, { refused }: LogBooks): string[] {
  const known = new Map(refused.map((one) => [one.id, one]));
  return [...single].flatMap(([id, { sender, gate }]) => {
    const one = known.get(id);
    if (one === undefined) return [`alert ${id} (${sender} ${gate}): the log has no such refusal`];
    const agrees = one.sender === sender && one.gate === gate;
    return agrees ? [] : [`alert ${id}: ${sender} ${gate}, by the log ${one.sender} ${one.gate}`];
  });
}

/** Sums of a table of counts by its second word, the gate. */
export function byGate(counts: Counts): Counts {
  const sums: Record<string, number> = {};
  for (const [key, count] of Object.entries(counts)) {
    const gate = key.split(' ')[1] ?? '';
    sums[gate] = (sums[gate] ?? 0) + count;
  }
  return sums;
}

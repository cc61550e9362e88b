// Counts alerts, refusals and reloads since the start of the process, for the metrics.
import { ALERTS, type AlertFields, type AlertKind } from '../alerts/alert.ts';
import type { PostfixEvent } from '../log/postfix-event.ts';

/** Keys are ids of watched senders, gates and alert kinds: never client text. */
export interface Counts {
  readonly alerts: Map<AlertKind, number>;
  /** Refusals of watched senders by postscreen: sender, then gate. */
  readonly refusals: Map<string, Map<string, number>>;
  /** Refusals of watched senders by later gates. */
  readonly otherGates: Map<string, number>;
  /** Proven reloads, and how long they took together, in ms. */
  readonly reloads: { count: number; ms: number };
  /** Lines of postscreen in an unknown wording. */
  unknownLines: number;
}

/** Every kind begins at 0, so that a monitor sees its first alert as a step. */
export function noCounts(): Counts {
  const kinds = Object.keys(ALERTS) as AlertKind[];
  const more = { otherGates: new Map(), reloads: { count: 0, ms: 0 }, unknownLines: 0 };
  return { alerts: new Map(kinds.map((kind) => [kind, 0])), refusals: new Map(), ...more };
}

/** Counts a line that a new version of Postfix may have worded differently. */
export function countLine(counts: Counts, { program, kind }: Pick<PostfixEvent, 'program' | 'kind'>): void {
  if (program === 'postscreen' && kind === 'other') counts.unknownLines += 1;
}

/** Counts one alert. */
export function countAlert<K extends AlertKind>(counts: Counts, kind: K, fields: AlertFields[K]): void {
  add(counts.alerts, kind, 1);
  if (kind === 'sender-refused') {
    const { sender, gate, count = 1 } = fields as AlertFields['sender-refused'];
    const gates = counts.refusals.get(sender) ?? new Map<string, number>();
    add(gates, gate, count);
    counts.refusals.set(sender, gates);
  }
  if (kind === 'reload-done') {
    counts.reloads.count += 1;
    counts.reloads.ms += (fields as AlertFields['reload-done']).ms;
  }
  if (kind === 'other-gate') {
    const { gate, count } = fields as AlertFields['other-gate'];
    add(counts.otherGates, gate, count);
  }
}

function add<K>(counts: Map<K, number>, key: K, more: number): void {
  counts.set(key, (counts.get(key) ?? 0) + more);
}

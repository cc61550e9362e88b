import { ALERTS, type AlertFields, type AlertKind } from './alert.ts';

/** What was told since the start of the process. Keys are ids of watched senders, gates and alert kinds: never client text. */
export interface Counts {
  readonly alerts: Map<AlertKind, number>;
  /** Refusals of watched senders by postscreen: sender, then gate. */
  readonly refusals: Map<string, Map<string, number>>;
  /** Refusals of watched senders by later gates. */
  readonly otherGates: Map<string, number>;
}

/** Every kind stands at 0, so that its first alert is a step that a monitor sees. */
export function noCounts(): Counts {
  const kinds = Object.keys(ALERTS) as AlertKind[];
  return { alerts: new Map(kinds.map((kind) => [kind, 0])), refusals: new Map(), otherGates: new Map() };
}

/** Counts one alert. The only place where anything is counted for a monitor. */
export function countAlert<K extends AlertKind>(counts: Counts, kind: K, fields: AlertFields[K]): void {
  add(counts.alerts, kind, 1);
  if (kind === 'sender-refused') {
    const { sender, gate, count = 1 } = fields as AlertFields['sender-refused'];
    const gates = counts.refusals.get(sender) ?? new Map<string, number>();
    add(gates, gate, count);
    counts.refusals.set(sender, gates);
  }
  if (kind === 'other-gate') {
    const { gate, count } = fields as AlertFields['other-gate'];
    add(counts.otherGates, gate, count);
  }
}

function add<K>(counts: Map<K, number>, key: K, more: number): void {
  counts.set(key, (counts.get(key) ?? 0) + more);
}

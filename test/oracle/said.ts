// What screenpass says of refusals beside its alerts (replay, counters, state), held against the independent reader.
import type { ReplayReport } from '../../src/core/replay/log-replay.ts';
import {
  alertBooks,
  byGate,
  type Counts,
  countsOf,
  differences,
  type LogBooks,
  type RefusalAlert,
} from './balance.ts';
import { SENDERS } from './plan.ts';
import type { ReadSession } from './reader.ts';

/** A counter by these labels; those at 0 are left out. */
function metric(text: string, name: string, labels: readonly string[]): Counts {
  const counts: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const [, inner = '', value = ''] = new RegExp(`^${name}\\{(.*)\\} (\\d+)$`).exec(line) ?? [];
    const key = labels.map((label) => new RegExp(`${label}="([^"]*)"`).exec(inner)?.[1] ?? '').join(' ');
    if (Number(value) > 0) counts[key] = Number(value);
  }
  return counts;
}

/** What a client lived through. */
export interface Heard {
  readonly client: string;
  readonly codes: readonly string[];
}

/** As far as the state counts by day. */
export interface SavedDays {
  readonly days: Readonly<
    Record<string, { readonly refusals: Readonly<Record<string, Counts>>; readonly strangers: number }>
  >;
}

export function daysOf({ days }: SavedDays): { refusals: Counts; strangers: number } {
  const refusals: Record<string, number> = {};
  let strangers = 0;
  for (const day of Object.values(days)) {
    strangers += day.strangers;
    for (const [sender, gates] of Object.entries(day.refusals))
      for (const [gate, number] of Object.entries(gates))
        refusals[`${sender} ${gate}`] = (refusals[`${sender} ${gate}`] ?? 0) + number;
  }
  return { refusals, strangers };
}

export function againstReplay(
  { senders, strangers }: ReplayReport,
  log: LogBooks,
  sessions: readonly ReadSession[],
): string[] {
  const flat = (of: (report: ReplayReport['senders'][number]) => Counts): Counts =>
    Object.fromEntries(
      senders.flatMap((report) =>
        Object.entries(of(report)).map(([gate, number]) => [`${report.sender} ${gate}`, number]),
      ),
    );
  const count = (outcome: ReadSession['outcome']) => {
    const counts: Record<string, number> = {};
    for (const one of sessions) {
      const sender = SENDERS.get(one.ip);
      if (one.outcome === outcome && sender !== undefined)
        counts[`${sender} ${outcome}`] = (counts[`${sender} ${outcome}`] ?? 0) + 1;
    }
    return counts;
  };
  const refused = countsOf(log.refused);
  return [
    ...differences(
      'replay, refused',
      refused,
      flat(({ refused: { gates } }) => gates),
    ),
    ...differences(
      'replay, later gates',
      log.later,
      flat(({ otherGates }) => otherGates),
    ),
    ...differences(
      'replay, let in',
      count('passed'),
      flat(({ passed }) => (passed > 0 ? { passed } : {})),
    ),
    ...differences(
      'replay, left',
      count('left'),
      flat(({ gaveUp }) => (gaveUp > 0 ? { left: gaveUp } : {})),
    ),
    ...differences('replay, strangers', { strangers: log.strangers }, { strangers: strangers.refused.total }),
  ];
}

/** The counters begin with the process, so they are held against what this process told. */
export function againstMetrics(metrics: string, alerts: readonly RefusalAlert[]): string[] {
  const since = alerts.map(({ alert }) => alert).lastIndexOf('started');
  const { refused, later } = alertBooks(alerts.slice(since));
  return [
    ...differences(
      '/metrics, other-gate, against the alerts',
      byGate(later),
      metric(metrics, 'screenpass_other_gate_refusals_total', ['gate']),
    ),
    ...differences(
      '/metrics, refusals, against the alerts',
      refused,
      metric(metrics, 'screenpass_refusals_total', ['sender', 'gate']),
    ),
  ];
}

interface LastRefusal {
  readonly sender: string;
  readonly client: string;
  readonly gate: string;
}

/** What `status` calls the last refusal. DNS is asked of some addresses, so a refusal of these may come in late. */
export function againstStatus(last: LastRefusal | null, { refused }: LogBooks): string[] {
  const inLog = refused.toSorted((a, b) => a.session.end - b.session.end).at(-1);
  if (last?.sender === 'salesforce') return [];
  const agrees = last?.client === inLog?.session.ip && last?.gate === inLog?.gate;
  return agrees
    ? []
    : [`status: last refusal ${JSON.stringify(last)}, by the log ${inLog?.id} ${inLog?.gate}`];
}

/** An address that only DNS knows counts as a stranger's until DNS has answered. */
export function strangersOf({ strangers, refused }: LogBooks, counted: number): string[] {
  const asked = refused.filter(({ sender }) => sender === 'salesforce').length;
  const fits = strangers <= counted && counted <= strangers + asked;
  return fits ? [] : [`state days: strangers: ${strangers} in the log, ${counted} by screenpass`];
}

/** What the clients lived through, against the reader: it is a witness that never saw the log. */
export function contradictions(heard: readonly Heard[], sessions: readonly ReadSession[]): string[] {
  const outcomes = new Map<string, string[]>();
  for (const { client, outcome } of sessions)
    outcomes.set(client, [...(outcomes.get(client) ?? []), outcome]);
  return heard.flatMap(({ client, codes }) => {
    const read = outcomes.get(client) ?? [];
    // Only smtpd asks for the message.
    const wasLetIn = codes.includes('354') && !read.some((one) => one === 'passed' || one === 'open');
    const wasRefused =
      codes.some((code) => /^(?:450|521|550)$/.test(code)) &&
      read.every((one) => one === 'left' || one === 'ended');
    return wasLetIn || wasRefused
      ? [`${client} heard ${codes.join(' ')}, and was by the log: ${read.join(', ')}`]
      : [];
  });
}

export function tableOfGates(
  log: LogBooks,
  alerts: { refused: Counts; later: Counts },
  replay: ReplayReport,
  days: Counts,
): string {
  const inLog = byGate({ ...countsOf(log.refused), ...log.later });
  const inAlerts = byGate({ ...alerts.refused, ...alerts.later });
  const inDays = byGate(days);
  const inReplay: Record<string, number> = {};
  for (const { refused, otherGates } of replay.senders)
    for (const [gate, number] of [...Object.entries(refused.gates), ...Object.entries(otherGates)])
      inReplay[gate] = (inReplay[gate] ?? 0) + number;
  const gates = [...new Set([...Object.keys(inLog), ...Object.keys(inAlerts)])].sort();
  const row = (cells: readonly (string | number)[]) =>
    `${cells.map((cell, i) => (i === 0 ? String(cell).padEnd(18) : String(cell).padStart(8))).join('')}\n`;
  return [
    row(['gate', 'log', 'alerts', 'replay', 'state']),
    ...gates.map((gate) =>
      row([gate, inLog[gate] ?? 0, inAlerts[gate] ?? 0, inReplay[gate] ?? 0, inDays[gate] ?? 0]),
    ),
  ].join('');
}

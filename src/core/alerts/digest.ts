// The digest of the days that none has covered yet: its figures and its text. The counts come from days.ts.
import { counted } from '../base/wording.ts';
import type { Entry } from '../policy/entry.ts';
import { type DayCounts, type Days, type Digested, dayOf, sumOf } from './days.ts';

export interface Digest extends Omit<DayCounts, 'zones'> {
  /** First and last day that it covers (UTC). */
  readonly from: string;
  readonly to: string;
  /** Refusals of watched senders by DNSBL zone, the most frequent first. */
  readonly zones: Readonly<Record<string, number>>;
  /** Senders whose entries expire soon. */
  readonly expiring: readonly string[];
}

const MOST_ZONES = 5;
const DAY_MS = 86_400_000;

/**
 * The whole days before `now` (ms) that no digest has covered, together; null: there is none. Days on which nothing
 * happened count as well.
 */
export function digestOf(
  days: Days,
  before: Digested | null,
  now: number,
  expiring: readonly Entry[],
): Digest | null {
  const to = dayOf(now - DAY_MS);
  const open = Object.keys(days).filter((day) => day <= to && day > (before?.through ?? ''));
  const after = before === null ? to : dayOf(Date.parse(`${before.through}T00:00:00Z`) + DAY_MS);
  const from = [...open, after].sort()[0] ?? to;
  if (from > to) return null;
  const { zones, ...sum } = sumOf(open.flatMap((day) => days[day] ?? []));
  const top = Object.entries(zones).sort((a, b) => b[1] - a[1]);
  return {
    ...{ from, to, ...sum },
    zones: Object.fromEntries(top.slice(0, MOST_ZONES)),
    expiring: expiring.map(({ sender }) => sender),
  };
}

/**
 * The state without days after `now` (ms), for a clock that was ahead and was set back: a digest through a day that is not
 * over yet ends with the day before, and what was counted for later days counts for today. The same value when there
 * are none.
 */
export function broughtBack<S extends { readonly days: Days; readonly digested: Digested | null }>(
  state: S,
  now: number,
): S {
  const { days, digested } = state;
  const today = dayOf(now);
  const ahead = Object.keys(days).filter((day) => day > today);
  const isAhead = digested !== null && digested.through >= today;
  if (ahead.length === 0 && !isAhead) return state;
  const past = Object.entries(days).filter(([day]) => day < today);
  const present = [today, ...ahead].flatMap((day) => days[day] ?? []);
  const counts = present.length === 0 ? [] : [[today, sumOf(present)]];
  const through = isAhead ? { at: Math.min(digested.at, now), through: dayOf(now - DAY_MS) } : digested;
  return { ...state, days: Object.fromEntries([...past, ...counts]), digested: through };
}

/** Whether a digest that is due each `everyMs` was missed; at the very first start none was. */
export function isMissed(before: Digested | null, everyMs: number, now: number): boolean {
  return before !== null && now - before.at > everyMs + DAY_MS / 24;
}

/** One line: what an administrator should know about these days. */
export function digestText(digest: Digest): string {
  const { from, to, refusals, recovered, stillRefused, zones, expiring, strangers } = digest;
  const total = Object.values(refusals)
    .flatMap(Object.values)
    .reduce<number>((sum, n) => sum + n, 0);
  const bySender = Object.entries(refusals).map(([sender, gates]) => `${sender} (${counts(gates)})`);
  const parts = [
    total === 0
      ? 'no watched sender was refused'
      : `${counted(total, 'refusal')} of watched senders: ${bySender.join(', ')}`,
    ...some('got through again', recovered),
    ...some('still refused although allowed', stillRefused),
    ...some('zones', zones),
    ...(expiring.length > 0 ? [`expiring soon: ${expiring.join(', ')}`] : []),
    `refusals of others: ${strangers}`,
  ];
  return `${from === to ? from : `${from} to ${to}`}: ${parts.join('; ')}`;
}

function some(what: string, byName: Readonly<Record<string, number>>): string[] {
  return Object.keys(byName).length > 0 ? [`${what}: ${counts(byName)}`] : [];
}

function counts(byName: Readonly<Record<string, number>>): string {
  return Object.entries(byName)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

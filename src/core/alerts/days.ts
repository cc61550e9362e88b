// Counts what happened by day (UTC) for the digest; digest.ts makes the report of them.
import { REST } from '../base/tally.ts';

/** What happened on one day (UTC, by log time). */
export interface DayCounts {
  /** Refusals of watched senders: sender, then gate, postscreen's and later ones. */
  readonly refusals: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** By sender: how often it got through after a refusal. */
  readonly recovered: Readonly<Record<string, number>>;
  /** By sender: refusals though Postfix uses its entry. */
  readonly stillRefused: Readonly<Record<string, number>>;
  /** By DNSBL zone: refusals of watched senders that it had a part in. */
  readonly zones: Readonly<Record<string, number>>;
  /** Refusals by postscreen of addresses that are in no sender's list. */
  readonly strangers: number;
}

/** By day, `2026-11-24`. */
export type Days = Readonly<Record<string, DayCounts>>;

export const NO_COUNTS: DayCounts = {
  refusals: {},
  recovered: {},
  stillRefused: {},
  zones: {},
  strangers: 0,
};

/** Days that are kept: enough for a weekly digest that came late. */
const MOST_DAYS = 14;
/** Zones that are kept apart; postscreen asks a handful. */
const MOST_ZONES = 50;

/** When the last digest was reported; `through` is the last day (UTC) that one has covered. */
export interface Digested {
  readonly at: number;
  readonly through: string;
}

/** As much of the state as counting concerns. */
interface Counting {
  readonly days: Days;
  readonly digested: Digested | null;
}

export type DailyEvent =
  | {
      readonly kind: 'refused';
      readonly sender: string;
      readonly gate: string;
      readonly zones: readonly string[];
    }
  | { readonly kind: 'recovered' | 'still-refused'; readonly sender: string }
  | { readonly kind: 'stranger' };

/** The UTC day of a time in ms. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/**
 * With one more event at log time `at` (ms). A day that a digest has covered is closed: a late event counts for the
 * next one, so that no digest leaves it out.
 */
export function counted<S extends Counting>(state: S, event: DailyEvent, at: number): S {
  const { days, digested } = state;
  const isClosed = digested !== null && dayOf(at) <= digested.through;
  const day = isClosed ? dayAfter(digested.through) : dayOf(at);
  const all = { ...days, [day]: withOne(days[day] ?? NO_COUNTS, event) };
  return { ...state, days: Object.keys(all).length > MOST_DAYS ? newest(all) : all };
}

function newest(days: Days): Days {
  const inOrder = Object.entries(days).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(inOrder.slice(-MOST_DAYS));
}

function dayAfter(day: string): string {
  return dayOf(Date.parse(`${day}T00:00:00Z`) + 86_400_000);
}

function withOne(counts: DayCounts, event: DailyEvent): DayCounts {
  switch (event.kind) {
    case 'refused': {
      const { sender, gate, zones } = event;
      const gates = plus(counts.refusals[sender] ?? {}, gate);
      const withZones = zones.reduce((sum, zone) => plus(sum, zoneName(sum, zone)), counts.zones);
      return { ...counts, refusals: { ...counts.refusals, [sender]: gates }, zones: withZones };
    }
    case 'recovered':
      return { ...counts, recovered: plus(counts.recovered, event.sender) };
    case 'still-refused':
      return { ...counts, stillRefused: plus(counts.stillRefused, event.sender) };
    case 'stranger':
      return { ...counts, strangers: counts.strangers + 1 };
  }
}

function zoneName(known: Readonly<Record<string, number>>, zone: string): string {
  return Object.hasOwn(known, zone) || Object.keys(known).length < MOST_ZONES ? zone : REST;
}

function plus(counts: Readonly<Record<string, number>>, name: string): Record<string, number> {
  return { ...counts, [name]: (Object.hasOwn(counts, name) ? (counts[name] ?? 0) : 0) + 1 };
}

/** All of these days together. */
export function sumOf(days: readonly DayCounts[]): DayCounts {
  return {
    refusals: refusalsOf(days),
    recovered: added(days.map(({ recovered }) => recovered)),
    stillRefused: added(days.map(({ stillRefused }) => stillRefused)),
    zones: added(days.map(({ zones }) => zones)),
    strangers: days.reduce((sum, { strangers }) => sum + strangers, 0),
  };
}

function refusalsOf(days: readonly DayCounts[]): DayCounts['refusals'] {
  const senders = new Set(days.flatMap(({ refusals }) => Object.keys(refusals)));
  const gatesOf = (sender: string) => added(days.map(({ refusals }) => refusals[sender] ?? {}));
  return Object.fromEntries([...senders].map((sender) => [sender, gatesOf(sender)]));
}

function added(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum = new Map<string, number>();
  for (const [name, count] of all.flatMap((one) => Object.entries(one)))
    sum.set(name, (sum.get(name) ?? 0) + count);
  return Object.fromEntries(sum);
}

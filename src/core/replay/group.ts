import { createTally } from '../base/tally.ts';
import type { LaterGate } from '../postscreen/gate.ts';
import type { Refusal } from '../postscreen/session.ts';

/** What befell the sessions of one sender, or of all strangers together. */
export interface GroupReport {
  /** CONNECTs in the log. */
  readonly sessions: number;
  /** Let in by postscreen: PASS NEW, PASS OLD, ALLOWLISTED. */
  readonly passed: number;
  /** Left during the greet wait with nothing held against them. */
  readonly gaveUp: number;
  readonly refused: {
    readonly total: number;
    readonly gates: Readonly<Record<string, number>>;
    /** Refusals for a DNSBL listing, in each zone that lists the client. */
    readonly zones: Readonly<Record<string, number>>;
    /** By day in UTC, in order; `unknown` for lines without a stamp. */
    readonly days: Readonly<Record<string, number>>;
  };
  /** Refusals by gates behind postscreen. */
  readonly otherGates: Readonly<Record<string, number>>;
}

export interface Group {
  connected(): void;
  passed(): void;
  gaveUp(): void;
  refused(refusal: Refusal, day: string): void;
  refusedLater(gate: LaterGate): void;
  report(): GroupReport;
}

/** More than the zones that anyone asks. */
const MOST_ZONES = 200;
/** Ten years. */
const MOST_DAYS = 3_660;
/** More than there are. */
const MOST_GATES = 100;

export function createGroup(): Group {
  const counts = { sessions: 0, passed: 0, gaveUp: 0 };
  const gates = createTally(MOST_GATES);
  const zones = createTally(MOST_ZONES);
  const days = createTally(MOST_DAYS);
  const otherGates = createTally(MOST_GATES);
  return {
    connected() {
      counts.sessions += 1;
    },
    passed() {
      counts.passed += 1;
    },
    gaveUp() {
      counts.gaveUp += 1;
    },
    refused(refusal, day) {
      gates.add(refusal.gate);
      days.add(day);
      if (refusal.gate === 'dnsbl') for (const zone of refusal.zones) zones.add(zone);
    },
    refusedLater: (gate) => otherGates.add(gate),
    report: () => ({
      ...counts,
      refused: {
        total: gates.total,
        gates: gates.counts(),
        zones: zones.counts(),
        days: Object.fromEntries(Object.entries(days.counts()).sort(([a], [b]) => (a < b ? -1 : 1))),
      },
      otherGates: otherGates.counts(),
    }),
  };
}

/** Counts what became of the sessions of one sender, or of all other clients together. It decides nothing. */

import { createTally } from '../base/tally.ts';
import type { LaterGate } from '../postscreen/gate.ts';
import type { Refusal } from '../postscreen/session.ts';

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

/** Names kept apart: more zones than anyone asks, more gates than there are, ten years of days. */
const MOST = { zones: 200, gates: 100, days: 3_660 };

export class Group {
  readonly #counts = { sessions: 0, passed: 0, gaveUp: 0 };
  readonly #gates = createTally(MOST.gates);
  readonly #zones = createTally(MOST.zones);
  readonly #days = createTally(MOST.days);
  readonly #otherGates = createTally(MOST.gates);

  count(what: 'sessions' | 'passed' | 'gaveUp'): void {
    this.#counts[what] += 1;
  }

  /** `at`: log time in ms; null: the line has no stamp. */
  refused({ gate, zones }: Refusal, at: number | null): void {
    this.#gates.add(gate);
    this.#days.add(at === null ? 'unknown' : new Date(at).toISOString().slice(0, 10));
    if (gate === 'dnsbl') for (const zone of zones) this.#zones.add(zone);
  }

  refusedLater(gate: LaterGate): void {
    this.#otherGates.add(gate);
  }

  /** `iso`: the real time of a log time, as ISO text. */
  report(iso: (ms: number) => string): GroupReport {
    const dated = Object.entries(this.#days.counts()).sort(([a], [b]) => (a < b ? -1 : 1));
    const days = dated.map(([day, count]) => [
      /^\d/.test(day) ? iso(Date.parse(day)).slice(0, 10) : day,
      count,
    ]);
    return {
      ...this.#counts,
      refused: {
        total: this.#gates.total,
        gates: this.#gates.counts(),
        zones: this.#zones.counts(),
        days: Object.fromEntries(days),
      },
      otherGates: this.#otherGates.counts(),
    };
  }
}

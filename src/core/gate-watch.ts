import type { LaterRefusal } from './later-gate.ts';
import { createRepeats } from './repeats.ts';

/** Between two tellings of one sender and gate. */
const TELL_EVERY_MS = 3_600_000;

/** Refusals of one sender by one gate, to be told together. */
export interface GateReport {
  readonly sender: string;
  /** The latest of them. */
  readonly refusal: LaterRefusal;
  readonly count: number;
  /** Log time of the first of them, in ms. */
  readonly since: number;
}

export interface GateWatch {
  /** Takes a refusal of a watched sender at log time `at` in ms; gives a report when it is to be told at once. */
  take(sender: string, refusal: LaterRefusal, at: number): GateReport | undefined;
  /** What has waited long enough at `at`. */
  due(at: number): readonly GateReport[];
  /** What still waits. */
  waiting(): readonly GateReport[];
}

interface Told {
  readonly at: number;
  waiting: GateReport | undefined;
}

/**
 * Lets the first refusal of a sender by a gate be told at once and what follows within the hour together, after it.
 * Holds one value at most for each pair of watched sender and gate, and a few lines.
 */
export function createGateWatch(): GateWatch {
  /** In the order of telling. */
  const told = new Map<string, Told>();
  const isRepeated = createRepeats();

  function tell(key: string, at: number): void {
    told.delete(key);
    told.set(key, { at, waiting: undefined });
  }

  function take(sender: string, refusal: LaterRefusal, at: number): GateReport | undefined {
    if (isRepeated(refusal.line)) return undefined;
    const key = `${sender} ${refusal.gate}`;
    const before = told.get(key);
    const { count, since } = before?.waiting ?? { count: 0, since: at };
    const report = { sender, refusal, count: count + 1, since };
    if (before !== undefined && isRecent(before, at)) {
      before.waiting = report;
      return undefined;
    }
    tell(key, at);
    return report;
  }

  function due(at: number): readonly GateReport[] {
    const reports: GateReport[] = [];
    for (const [key, before] of told) {
      if (isRecent(before, at)) break;
      told.delete(key);
      if (before.waiting === undefined) continue;
      reports.push(before.waiting);
      tell(key, at);
    }
    return reports;
  }

  return { take, due, waiting: () => [...told.values()].flatMap(({ waiting }) => waiting ?? []) };
}

/** A clock that was set back by more than the interval ends the silence, too. */
function isRecent({ at: toldAt }: Told, at: number): boolean {
  return Math.abs(at - toldAt) < TELL_EVERY_MS;
}

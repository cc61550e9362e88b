// Finds work that began and does not end, and reports it as a fault. It ends no work.

import { HANGING, type Work } from '../core/base/hanging.ts';
import type { Ports, StagedTable } from '../ports.ts';
import type { FaultMonitor } from './writer/fault-monitor.ts';

const BEAT_MS = 5_000;

/** Sees work that began and does not end: a file operation, a step of the writer, lines that nothing reads. */
export interface Watchdog {
  /** Gives what the work gives. While it hangs, that is a fault. */
  during<T>(work: Work, promise: Promise<T>): Promise<T>;
  /** Looks until the signal aborts. */
  run(faults: FaultMonitor, signal: AbortSignal): Promise<void>;
}

interface InHand {
  readonly work: Work;
  beats: number;
}

/**
 * It counts its own beats instead of reading a clock: clocks jump, and a process that was stopped for an hour, or whose
 * machine slept, did not hang.
 */
export function createWatchdog({ clock, report }: Pick<Ports, 'clock' | 'report'>): Watchdog {
  const inHand = new Set<InHand>();

  async function during<T>(work: Work, promise: Promise<T>): Promise<T> {
    const one = { work, beats: 0 };
    inHand.add(one);
    return promise.finally(() => inHand.delete(one));
  }

  function beat(faults: FaultMonitor): void {
    for (const one of inHand) one.beats += 1;
    // The writer and the log wait for files and for stdout: then that is what hangs.
    const isWaiting = [...inHand].some(({ work, beats }) => beats > 1 && !HANGING[work].waitsForOthers);
    for (const one of inHand) if (isWaiting && HANGING[one.work].waitsForOthers) one.beats = 0;
    const isOver = ({ work, beats }: InHand) => beats * BEAT_MS > HANGING[work].limitMs;
    const hanging = new Set([...inHand].filter(isOver).map(({ work }) => work));
    for (const work of Object.keys(HANGING) as Work[]) {
      const lasts = faults.lasting('work-hangs', work) !== undefined;
      if (lasts && !hanging.has(work)) faults.ended('work-hangs', work);
      if (!lasts && hanging.has(work)) faults.failed(failureOf(work));
    }
    if (![...inHand].some(({ work }) => work === 'stdout')) void during('stdout', report.flushed());
  }

  return {
    during,
    async run(faults, signal) {
      while (!signal.aborted) {
        beat(faults);
        await clock.sleep(BEAT_MS, signal);
      }
    },
  };
}

function failureOf(work: Work) {
  const { what, limitMs, remedy } = HANGING[work];
  const reason = `${what} for more than ${limitMs / 1000} s`;
  return {
    kind: 'work-hangs',
    subject: work,
    reason,
    facts: { work, reason, remedy },
    blocking: true,
  } as const;
}

/** The same ports, with the watchdog on what has no limit of its own. */
export function watchedFiles({ table, state }: Pick<Ports, 'table' | 'state'>, { during }: Watchdog) {
  const staged = (one: StagedTable): StagedTable => ({
    name: one.name,
    commit: (expected) => during('table', one.commit(expected)),
    discard: () => during('table', one.discard()),
  });
  return {
    table: {
      read: () => during('table', table.read()),
      stage: (text: string) => during('table', table.stage(text).then(staged)),
    },
    state: {
      read: () => during('state', state.read()),
      write: (text: string) => during('state', state.write(text)),
      setAside: (suffix: string) => during('state', state.setAside(suffix)),
    },
  };
}

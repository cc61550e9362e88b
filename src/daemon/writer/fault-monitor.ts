// Keeps the faults in the state, and reports where each begins and ends. What counts as a fault is decided in core/watch.

import type { AlertFields } from '../../core/alerts/alert.ts';
import {
  type Changed,
  type Failure,
  type Fault,
  type FaultKind,
  type Faults,
  lasting,
  withDue,
  withEnd,
  withFailure,
  withFreshStart,
} from '../../core/watch/faults.ts';
import type { Clock, Report } from '../../ports.ts';

export interface FaultMonitor {
  /** The fault was seen, at `at` (ms; now, if left out). */
  failed(failure: Failure, at?: number): Fault;
  /** The fault does not last (any more), at `at`. */
  ended(kind: FaultKind, subject?: string, at?: number): void;
  /** Undefined: there is no such fault. */
  lasting(kind: FaultKind, subject?: string): Fault | undefined;
  /** All faults that last. */
  all(): Faults;
  /** Reports faults that have lasted long enough. */
  reportDue(): void;
  /** What failed before proves nothing now: faults that were not reported end, the others lose their tries. */
  reset(kinds: readonly FaultKind[]): void;
}

/** Where the faults are kept. */
export interface FaultStore {
  readonly read: () => Faults;
  readonly write: (faults: Faults) => void;
}

export function createFaultMonitor(
  clock: Pick<Clock, 'now'>,
  report: Pick<Report, 'alert'>,
  { read, write }: FaultStore,
): FaultMonitor {
  function settle({ faults }: Changed): void {
    if (faults !== read()) write(faults);
  }

  return {
    failed(failure, at = clock.now()) {
      const changed = withFailure(read(), failure, at);
      settle(changed);
      for (const fault of changed.report) reportBeginning(report, fault);
      return lasting(changed.faults, failure.kind, failure.subject) as Fault;
    },
    ended(kind, subject = '', at = clock.now()) {
      const changed = withEnd(read(), kind, subject, at);
      settle(changed);
      for (const fault of changed.report) reportEnd(report, fault, at);
    },
    lasting: (kind, subject) => lasting(read(), kind, subject),
    all: () => read().filter(({ endedAt }) => endedAt === null),
    reportDue() {
      const changed = withDue(read(), clock.now());
      settle(changed);
      for (const fault of changed.report) reportBeginning(report, fault);
    },
    reset(kinds) {
      const faults = withFreshStart(read(), kinds);
      if (faults !== read()) write(faults);
    },
  };
}

/** The same for its beginning and its end, also after a kill. */
function idOf({ kind, subject, since }: Fault): string {
  return `${subject === '' ? kind : subject} ${new Date(since).toISOString()}`;
}

/** Gives the alert of a fault that began. */
export function reportBeginning(report: Pick<Report, 'alert'>, fault: Fault): void {
  report.alert(fault.kind, idOf(fault), fault.facts as AlertFields[FaultKind]);
}

function reportEnd(report: Pick<Report, 'alert'>, fault: Fault, now: number): void {
  const { kind, subject, tries, since } = fault;
  const id = idOf(fault);
  const seconds = Math.round(Math.max(0, now - since) / 1000);
  switch (kind) {
    case 'reload-failed':
      report.alert('reload-recovered', id, { seconds, attempts: tries });
      return;
    case 'table-invalid':
      report.alert('table-valid', id, { seconds });
      return;
    case 'not-wired':
      report.alert('wired', id, { seconds });
      return;
    case 'state-lost':
    case 'state-unsaved':
      report.alert('state-saved', id, { seconds });
      return;
    case 'work-hangs':
      report.alert('work-resumed', id, { work: subject, seconds });
      return;
    case 'clients-hidden':
      report.alert('clients-visible', id, { family: subject, seconds });
      return;
    case 'dnsbl-fault':
      report.alert('dnsbl-recovered', id, { zone: subject, seconds });
      return;
    case 'veto-unanswered':
      report.alert('veto-answered', id, { zone: subject, seconds });
      return;
    // mailserver-back and sender-recovered are news of their own, which come without a fault as well.
    case 'mailserver-lost':
    case 'sender-still-refused':
      return;
  }
}

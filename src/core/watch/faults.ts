/**
 * What is wrong and lasts: one value of the state. Alerts, `status`, `health` and metrics are views of it, and the time of
 * the next try follows from it. What happened once and is over is no fault, but an alert alone.
 */

/** Each kind is the alert that reports its beginning. */
export const FAULT_KINDS = [
  'reload-failed',
  'table-invalid',
  'not-wired',
  'mailserver-lost',
  'state-lost',
  'state-unsaved',
  'clients-hidden',
  'dnsbl-fault',
  'sender-still-refused',
  'veto-unanswered',
  'work-hangs',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Times in ms since the epoch: of the clock, or of the log where the log shows the fault. */
export interface Fault {
  readonly kind: FaultKind;
  /** What it concerns: a sender, a zone, an address family; empty where there is only one. */
  readonly subject: string;
  readonly reason: string;
  /** The fields of its alert. */
  readonly facts: Readonly<Record<string, string | number | null>>;
  /** While it lasts, screenpass does not do its job: `health` fails. */
  readonly blocking: boolean;
  readonly since: number;
  /** How often it was seen since it began, and when last. */
  readonly tries: number;
  readonly triedAt: number;
  /** It is no fault before: a mail container that starts or stops causes some that pass by themselves. */
  readonly dueAt: number;
  /** An alert of its beginning was given, and none of its end. */
  readonly isOpen: boolean;
  /** The last alert of this kind and subject, also of an earlier occurrence. */
  readonly reportedAt: number | null;
  /** What that alert gave as the reason. */
  readonly reportedReason: string | null;
  /** Null while it lasts. */
  readonly endedAt: number | null;
}

/** What was seen just now. */
export interface Failure
  extends Pick<Fault, 'kind' | 'subject' | 'reason' | 'facts'>,
    Partial<Pick<Fault, 'blocking'>> {
  /** It must last this long, in ms, before it counts; 0 when left out. */
  readonly graceMs?: number;
}

export type Faults = readonly Fault[];

/** A mail container that starts or stops, perhaps to be replaced by another one, causes faults that pass within this time. */
export const RUN_GRACE_MS = 60_000;
/** No grace is longer: a due time further ahead is of a time before the clock was set back. */
const LONGEST_GRACE_MS = 180_000;
/** A fault that changes its reason while it lasts is reported again, but not more often. */
const REPEAT_MS = 60_000;
/** One that flaps is reported this often at most; kinds that are not named here, each time they begin. */
const QUIET_MS: Partial<Record<FaultKind, number>> = {
  'clients-hidden': 3_600_000,
  'dnsbl-fault': 3_600_000,
  'sender-still-refused': 3_600_000,
};
/** Zones and senders that are kept in mind: the configuration names fewer. */
const MOST_FAULTS = 500;

/** What changed, and the faults that an alert is due for: of their beginning, or of their end. */
export interface Changed {
  readonly faults: Faults;
  readonly report: Faults;
}

export function lasting(faults: Faults, kind: FaultKind, subject = ''): Fault | undefined {
  return faults.find((one) => one.endedAt === null && one.kind === kind && one.subject === subject);
}

/** Those that count at `now`, the ones that fail `health` first. */
export function standingFaults(faults: Faults, now: number): Faults {
  const due = faults.filter((one) => one.endedAt === null && isDue(one, now));
  return [...due.filter(({ blocking }) => blocking), ...due.filter(({ blocking }) => !blocking)];
}

/** The failure was seen at `now`, for the first time or again. */
export function withFailure(faults: Faults, failure: Failure, now: number): Changed {
  const before = faults.find((one) => one.kind === failure.kind && one.subject === failure.subject);
  const { graceMs = 0, blocking = false, ...seen } = failure;
  const isNew = before === undefined || before.endedAt !== null;
  const first = { since: now, tries: 0, isOpen: false, dueAt: now + graceMs };
  const { since, tries, isOpen, dueAt } = isNew ? first : before;
  const after: Fault = {
    ...{ ...seen, blocking, tries: tries + 1, triedAt: now, isOpen, endedAt: null },
    // A clock that was set back makes no wait longer.
    ...{ since, dueAt: Math.min(dueAt, now + graceMs) },
    ...{ reportedAt: before?.reportedAt ?? null, reportedReason: before?.reportedReason ?? null },
  };
  const others = faults.filter((one) => one !== before);
  const isOther = isOpen && after.reportedReason !== after.reason;
  const isReported =
    isDue(after, now) && (isOther ? isQuiet(after, now, REPEAT_MS) : !isOpen && isQuiet(after, now));
  const next = isReported ? reported(after, now) : after;
  return { faults: bounded([...others, next]), report: isReported ? [next] : [] };
}

/** It is over at `now`. Kinds that are reported hourly at most are kept until the hour is over. */
export function withEnd(faults: Faults, kind: FaultKind, subject: string, now: number): Changed {
  const before = lasting(faults, kind, subject);
  if (before === undefined) return { faults, report: [] };
  const others = faults.filter((one) => one !== before);
  const isKept = QUIET_MS[kind] !== undefined && before.reportedAt !== null;
  const ended = { ...before, isOpen: false, endedAt: now };
  return { faults: isKept ? [...others, ended] : others, report: before.isOpen ? [before] : [] };
}

/** Those that have lasted long enough by now and were not reported. */
export function withDue(faults: Faults, now: number): Changed {
  const isToReport = (one: Fault) =>
    one.endedAt === null && !one.isOpen && isDue(one, now) && isQuiet(one, now);
  const isStale = (one: Fault) => one.endedAt !== null && isQuiet(one, now);
  if (!faults.some((one) => isToReport(one) || isStale(one))) return { faults, report: [] };
  const after = faults
    .filter((one) => !isStale(one))
    .map((one) => (isToReport(one) ? reported(one, now) : one));
  return { faults: after, report: after.filter((one) => !faults.includes(one)) };
}

/** What was not reported is forgotten, and of the rest the tries: what they were tried with is another one now. */
export function withFreshStart(faults: Faults, kinds: readonly FaultKind[]): Faults {
  const isMeant = (one: Fault) => one.endedAt === null && kinds.includes(one.kind);
  if (!faults.some(isMeant)) return faults;
  return faults
    .filter((one) => !isMeant(one) || one.isOpen)
    .map((one) => (isMeant(one) ? { ...one, tries: 0 } : one));
}

function reported(fault: Fault, now: number): Fault {
  return { ...fault, isOpen: true, reportedAt: now, reportedReason: fault.reason };
}

function isDue({ dueAt }: Fault, now: number): boolean {
  return now >= dueAt || dueAt > now + LONGEST_GRACE_MS;
}

function isQuiet({ kind, reportedAt }: Fault, now: number, atLeast = 0): boolean {
  const quiet = Math.max(QUIET_MS[kind] ?? 0, atLeast);
  return reportedAt === null || Math.abs(now - reportedAt) >= quiet;
}

/** The oldest that are over go first. */
function bounded(faults: Faults): Faults {
  if (faults.length <= MOST_FAULTS) return faults;
  const over = faults.findIndex(({ endedAt }) => endedAt !== null);
  return faults.filter((_, i) => i !== Math.max(0, over));
}

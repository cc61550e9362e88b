// Reports the first few events of one source one by one and those after them in groups, so that a flood takes few lines.
// It decides what is due; the daemon reports it.

/**
 * What was reported of one source of events. A value of the saved state: what waits survives a kill. Times are log times
 * in ms.
 */
interface Burst<T> {
  readonly key: string;
  /** When this interval began. */
  readonly since: number;
  /** So many were reported one by one in it. */
  readonly told: number;
  /** Those that are due together when it is over. */
  readonly waiting: EventGroup<T> | null;
}

/** Events that one alert reports together. */
export interface EventGroup<T> {
  readonly first: T;
  readonly last: T;
  readonly count: number;
}

export interface BurstLimits {
  /** So many are reported one by one. */
  readonly alone: number;
  /** The others wait for the end of the interval. */
  readonly everyMs: number;
}

/** Bursts in the order of their `since`. */
export type Bursts<T> = readonly Burst<T>[];

/** Takes an event; `due` is what to report now, together with what waited when that is overdue. */
export function takeEvent<T>(
  bursts: Bursts<T>,
  key: string,
  event: T,
  at: number,
  { alone, everyMs }: BurstLimits,
): { readonly bursts: Bursts<T>; readonly due: EventGroup<T> | null } {
  const before = bursts.find((one) => one.key === key);
  const together = joined(before?.waiting ?? null, event);
  if (before !== undefined && isRecent(before, at, everyMs)) {
    const isAlone = before.waiting === null && before.told < alone;
    const after = isAlone ? { ...before, told: before.told + 1 } : { ...before, waiting: together };
    return { bursts: bursts.map((one) => (one === before ? after : one)), due: isAlone ? together : null };
  }
  const others = bursts.filter((one) => one !== before);
  return {
    bursts: [...others, { key, since: at, told: together.count > 1 ? alone : 1, waiting: null }],
    due: together,
  };
}

/** What has waited long enough at `at`. While a burst lasts, each interval has one report. */
export function dueEvents<T>(
  bursts: Bursts<T>,
  at: number,
  { alone, everyMs }: BurstLimits,
): { readonly bursts: Bursts<T>; readonly due: readonly EventGroup<T>[] } {
  const fresh = bursts.findIndex((one) => isRecent(one, at, everyMs));
  if (fresh === 0 || bursts.length === 0) return { bursts, due: [] };
  const over = (fresh < 0 ? bursts : bursts.slice(0, fresh)).filter(({ waiting }) => waiting !== null);
  const begun = over.map(({ key }) => ({ key, since: at, told: alone, waiting: null }));
  return { bursts: [...(fresh < 0 ? [] : bursts.slice(fresh)), ...begun], due: waitingOf(over) };
}

/** All that waits, however short; afterwards nothing does. */
export function restOfEvents<T>(bursts: Bursts<T>): {
  readonly bursts: Bursts<T>;
  readonly due: readonly EventGroup<T>[];
} {
  return { bursts: bursts.map((one) => ({ ...one, waiting: null })), due: waitingOf(bursts) };
}

function waitingOf<T>(bursts: Bursts<T>): readonly EventGroup<T>[] {
  return bursts.flatMap(({ waiting }) => (waiting === null ? [] : [waiting]));
}

function joined<T>(waiting: EventGroup<T> | null, event: T): EventGroup<T> {
  return { first: waiting?.first ?? event, last: event, count: (waiting?.count ?? 0) + 1 };
}

/** A clock that was set back by more than the interval also ends the wait. */
function isRecent({ since }: Burst<unknown>, at: number, everyMs: number): boolean {
  return Math.abs(at - since) < everyMs;
}

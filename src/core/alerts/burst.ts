/**
 * What was told of one source of events: the first few one by one, those after them together, so that a flood says how
 * much it is in few lines. A value of the saved state: what waits survives a kill. Times are log times in ms.
 */
interface Burst<T> {
  readonly key: string;
  /** When this interval began. */
  readonly since: number;
  /** So many were told one by one in it. */
  readonly told: number;
  /** Those that are to be told together when it is over. */
  readonly waiting: Told<T> | null;
}

/** Events that one telling stands for. */
export interface Told<T> {
  readonly first: T;
  readonly last: T;
  readonly count: number;
}

export interface BurstLimits {
  /** So many are told one by one. */
  readonly alone: number;
  /** The others wait for the end of the interval. */
  readonly everyMs: number;
}

/** Bursts in the order of their `since`. */
export type Bursts<T> = readonly Burst<T>[];

/** Takes an event; `told` is what is to be told at once, with what waited when that was overdue. */
export function takeEvent<T>(
  bursts: Bursts<T>,
  key: string,
  event: T,
  at: number,
  { alone, everyMs }: BurstLimits,
): { readonly bursts: Bursts<T>; readonly told: Told<T> | null } {
  const before = bursts.find((one) => one.key === key);
  const together = joined(before?.waiting ?? null, event);
  if (before !== undefined && isRecent(before, at, everyMs)) {
    const tells = before.waiting === null && before.told < alone;
    const after = tells ? { ...before, told: before.told + 1 } : { ...before, waiting: together };
    return { bursts: bursts.map((one) => (one === before ? after : one)), told: tells ? together : null };
  }
  const others = bursts.filter((one) => one !== before);
  const told = together.count > 1 ? alone : 1;
  return { bursts: [...others, { key, since: at, told, waiting: null }], told: together };
}

/** What has waited long enough at `at`. As long as a burst goes on, each interval has one telling. */
export function dueEvents<T>(
  bursts: Bursts<T>,
  at: number,
  { alone, everyMs }: BurstLimits,
): { readonly bursts: Bursts<T>; readonly told: readonly Told<T>[] } {
  const fresh = bursts.findIndex((one) => isRecent(one, at, everyMs));
  if (fresh === 0 || bursts.length === 0) return { bursts, told: [] };
  const over = (fresh < 0 ? bursts : bursts.slice(0, fresh)).filter(({ waiting }) => waiting !== null);
  const begun = over.map(({ key }) => ({ key, since: at, told: alone, waiting: null }));
  return { bursts: [...(fresh < 0 ? [] : bursts.slice(fresh)), ...begun], told: waitingOf(over) };
}

/** All that waits, however short; told, it waits no more. */
export function restOfEvents<T>(bursts: Bursts<T>): {
  readonly bursts: Bursts<T>;
  readonly told: readonly Told<T>[];
} {
  return { bursts: bursts.map((one) => ({ ...one, waiting: null })), told: waitingOf(bursts) };
}

function waitingOf<T>(bursts: Bursts<T>): readonly Told<T>[] {
  return bursts.flatMap(({ waiting }) => (waiting === null ? [] : [waiting]));
}

function joined<T>(waiting: Told<T> | null, event: T): Told<T> {
  return { first: waiting?.first ?? event, last: event, count: (waiting?.count ?? 0) + 1 };
}

/** A clock that was set back by more than the interval ends the silence, too. */
function isRecent({ since }: Burst<unknown>, at: number, everyMs: number): boolean {
  return Math.abs(at - since) < everyMs;
}

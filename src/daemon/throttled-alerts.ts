import {
  type BurstLimits,
  type Bursts,
  dueEvents,
  restOfEvents,
  type Told,
  takeEvent,
} from '../core/alerts/burst.ts';

/** Tells of events one by one or, in a flood, in lines that say how many they stand for. Times are log times in ms. */
export interface ThrottledAlerts<T> {
  /** An event of the source `key` happened. */
  take(key: string, event: T, at: number): void;
  /** Tells what has waited long enough at `now`. */
  tellDue(now: number): void;
  /** Tells what still waits, however short. */
  tellRest(): void;
}

/** Where the bursts are kept, and what tells. */
export interface ThrottledAlertsPorts<T> {
  readonly read: () => Bursts<T>;
  readonly write: (bursts: Bursts<T>) => void;
  readonly tell: (told: Told<T>) => void;
}

export function createThrottledAlerts<T>(
  limits: BurstLimits,
  { read, write, tell }: ThrottledAlertsPorts<T>,
): ThrottledAlerts<T> {
  function settle(after: { readonly bursts: Bursts<T>; readonly told: readonly Told<T>[] }): void {
    if (after.bursts !== read()) write(after.bursts);
    for (const one of after.told) tell(one);
  }

  return {
    take(key, event, at) {
      const { bursts, told } = takeEvent(read(), key, event, at, limits);
      settle({ bursts, told: told === null ? [] : [told] });
    },
    tellDue: (now) => settle(dueEvents(read(), now, limits)),
    tellRest: () => settle(restOfEvents(read())),
  };
}

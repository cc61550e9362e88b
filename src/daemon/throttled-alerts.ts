// Reports events one by one or, in a flood, in alerts that say how many events they report.

import {
  type BurstLimits,
  type Bursts,
  dueEvents,
  type EventGroup,
  restOfEvents,
  takeEvent,
} from '../core/alerts/burst.ts';

/** Times are log times in ms. */
export interface ThrottledAlerts<T> {
  /** An event of the source `key` happened. */
  take(key: string, event: T, at: number): void;
  /** Reports what has waited long enough at `now`. */
  reportDue(now: number): void;
  /** Reports what still waits, however short. */
  reportRest(): void;
}

/** Where the bursts are kept, and what reports the events of one alert. */
export interface ThrottledAlertsPorts<T> {
  readonly read: () => Bursts<T>;
  readonly write: (bursts: Bursts<T>) => void;
  readonly report: (events: EventGroup<T>) => void;
}

export function createThrottledAlerts<T>(
  limits: BurstLimits,
  { read, write, report }: ThrottledAlertsPorts<T>,
): ThrottledAlerts<T> {
  function settle(after: { readonly bursts: Bursts<T>; readonly due: readonly EventGroup<T>[] }): void {
    if (after.bursts !== read()) write(after.bursts);
    for (const one of after.due) report(one);
  }

  return {
    take(key, event, at) {
      const { bursts, due } = takeEvent(read(), key, event, at, limits);
      settle({ bursts, due: due === null ? [] : [due] });
    },
    reportDue: (now) => settle(dueEvents(read(), now, limits)),
    reportRest: () => settle(restOfEvents(read())),
  };
}

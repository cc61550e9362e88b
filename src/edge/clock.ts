import { setTimeout as timeout } from 'node:timers/promises';
import cron from 'node-cron';
import type { Clock, Report } from '../ports.ts';

/** A longer timer fires at once (setTimeout counts in 31 bits); who slept too short looks again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Real time; the only file of the daemon that knows it. node-cron's own messages go to `report`, not to stdout. */
export function createClock(report: Report): Clock {
  cron.setLogger({
    info: (message) => report.debug(message),
    debug: (message) => report.debug(String(message)),
    warn: (message) => report.info(message),
    error: (message) => report.error(String(message)),
  });
  return {
    now: () => Date.now(),
    async sleep(ms, signal) {
      await timeout(Math.min(ms, LONGEST_TIMER_MS), undefined, { signal }).catch((error) => {
        if (!signal.aborted) throw error;
      });
    },
    cron(expression, job, signal) {
      const task = cron.schedule(expression, job, { noOverlap: true });
      signal.addEventListener('abort', () => void task.destroy(), { once: true });
    },
  };
}

import { setTimeout as timeout } from 'node:timers/promises';
import cron from 'node-cron';
import type { Clock, Report } from '../ports.ts';

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
      await timeout(ms, undefined, { signal }).catch((error) => {
        if (!signal.aborted) throw error;
      });
    },
    cron(expression, job, signal) {
      const task = cron.schedule(expression, job, { noOverlap: true });
      signal.addEventListener('abort', () => void task.destroy(), { once: true });
    },
  };
}

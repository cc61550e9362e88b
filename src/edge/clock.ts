// The real clock: the time, sleep and cron. The rest of the daemon gets the time as an argument.
import { setTimeout as timeout } from 'node:timers/promises';
import cron from 'node-cron';
import { ok, problem, type Result } from '../core/base/result.ts';
import type { Clock, Report } from '../ports.ts';

/** A longer timer fires at once (setTimeout counts in 31 bits); a caller that woke too early sleeps again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** node-cron runs nothing until a clock that was set back reaches its old time: so often it is checked for that, in ms. */
const LOOK_MS = 5_000;

/** So many runs show the longest time between two: a month of days, a year of months. */
const RUNS = 32;

/** What a field of a cron expression may be, by the name that node-cron gives it. */
const FIELDS: Readonly<Record<string, string>> = {
  second: 'second from 0 to 59',
  minute: 'minute from 0 to 59',
  hour: 'hour from 0 to 23',
  dayOfMonth: 'day of the month from 1 to 31',
  month: 'month from 1 to 12',
  dayOfWeek: 'weekday from 0 to 7 or sun to sat',
};

/** The longest time, in ms, between two runs of a cron expression; the problem says which field is wrong. */
export function cronInterval(expression: string): Result<number> {
  const { valid, errors } = cron.validateDetailed(expression);
  if (!valid) {
    const wrong = errors.map(({ field, value, message }) => {
      const allowed = FIELDS[field];
      return allowed === undefined ? message : `${value} is not a ${allowed}`;
    });
    return problem(
      `"${expression}" is not a cron expression (${wrong.join(', ')}): expected one such as 23 4 * * *`,
    );
  }
  const task = cron.createTask(expression, () => {});
  const runs = task.getNextRuns(RUNS).map((date) => date.getTime());
  void task.destroy();
  if (runs.length < 2)
    return problem(`"${expression}" does not match twice: expected one such as 23 4 * * *`);
  return ok(Math.max(...runs.slice(1).map((at, i) => at - (runs[i] ?? at))));
}

/** Messages of node-cron go to `report`, not to stdout. */
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
    cron(expression, job, signal, jitterMs = 0) {
      let stop = () => {};
      let fail = (_bug: unknown) => {};
      const ended = new Promise<void>((resolve, reject) => {
        stop = resolve;
        fail = reject;
      });
      // node-cron would log an error of the job and forget it.
      const run = async () => job();
      const options = { noOverlap: true, maxRandomDelay: jitterMs };
      const begin = () => cron.schedule(expression, () => run().catch(fail), options);
      let task = begin();
      let seen = Date.now();
      const look = setInterval(() => {
        const now = Date.now();
        if (now < seen) {
          void task.destroy();
          task = begin();
        }
        seen = now;
      }, LOOK_MS).unref();
      const end = () => {
        clearInterval(look);
        void task.destroy();
        stop();
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
      return { next: () => task.getNextRun()?.getTime() ?? null, ended };
    },
  };
}

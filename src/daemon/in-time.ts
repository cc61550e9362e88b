// A limit of time for work that has none of its own.

import type { Clock } from '../ports.ts';

/** What the work gives, or `late` when it takes longer than `ms` or the signal aborts. The work itself goes on. */
export async function inTime<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: Promise<T>,
  late: T,
): Promise<T> {
  const done = new AbortController();
  const deadline = clock.sleep(ms, AbortSignal.any([signal, done.signal])).then(() => late);
  return Promise.race([work, deadline]).finally(() => done.abort());
}

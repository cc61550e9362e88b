import { describe, expect, it } from 'vitest';
import { createClock } from '../../src/edge/clock.ts';
import { SILENT } from '../double/report.ts';

const EACH_SECOND = '* * * * * *';

describe('the schedule', () => {
  it.each<[string, () => Promise<void>]>([
    [
      'throws',
      () => {
        throw new Error('bug');
      },
    ],
    ['rejects', () => Promise.reject(new Error('bug'))],
  ])('hands a bug of a job on that %s', async (_, job) => {
    const stop = new AbortController();
    const { ended } = createClock(SILENT).cron(EACH_SECOND, job, stop.signal);
    await expect(ended).rejects.toThrow('bug');
    stop.abort();
  });

  it('ends when it is stopped, also when that was before it began', async () => {
    const stop = new AbortController();
    const clock = createClock(SILENT);
    const { ended } = clock.cron(EACH_SECOND, () => {}, stop.signal);
    stop.abort();
    await ended;
    await clock.cron(EACH_SECOND, () => {}, stop.signal).ended;
  });
});

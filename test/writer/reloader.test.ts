import { expect, it } from 'vitest';
import { createReloader } from '../../src/writer/reloader.ts';
import { TestClock } from '../double/clock.ts';

const NOON = Date.parse('2026-11-24T12:00:00Z');

it('takes no line from before the request for a proof, also when the clock was set back', async () => {
  const clock = new TestClock(NOON);
  const told: string[] = [];
  const nothing = () => {};
  const report = {
    alert: (kind: string) => void told.push(kind),
    info: nothing,
    debug: nothing,
    error: nothing,
  };
  const reloader = createReloader(clock, report, 0);
  let requests = 0;
  const postfix = {
    async reload() {
      requests += 1;
      return { exitCode: 0, stdout: '', stderr: '' };
    },
  };
  reloader.reloaded(NOON);
  clock.advance(-3_600_000);
  const { signal } = new AbortController();
  const loading = reloader.load(postfix, 'digest', ['amazon-ses'], signal);
  await clock.sleep(0, signal);
  expect([requests, told]).toEqual([1, []]);
  reloader.reloaded(clock.now());
  expect(await loading).toBe(clock.now());
  expect(told).toEqual(['reload-done']);
});

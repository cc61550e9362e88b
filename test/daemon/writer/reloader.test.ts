import { expect, it } from 'vitest';
import { Reloader } from '../../../src/daemon/writer/reloader.ts';
import { TestClock } from '../../double/clock.ts';
import { faultsOf } from '../../double/faults.ts';

const NOON = Date.parse('2026-11-24T12:00:00Z');

function setUp() {
  const clock = new TestClock(NOON);
  const told: string[] = [];
  const report = { alert: (kind: string) => void told.push(kind) };
  const faults = faultsOf(clock, report);
  const reloader = new Reloader(clock, report, faults, 0);
  const requests: number[] = [];
  const postfix = {
    async reload() {
      requests.push(clock.now());
      return { exitCode: 0, stdout: '', stderr: '' };
    },
  };
  const { signal } = new AbortController();
  return { clock, told, faults, reloader, requests, postfix, signal };
}

it('takes no line from before the request for a proof, also when the clock was set back', async () => {
  const { clock, told, reloader, requests, postfix, signal } = setUp();
  reloader.reloaded(NOON);
  clock.advance(-3_600_000);
  const loading = reloader.load(postfix, 'digest', ['amazon-ses'], signal);
  await clock.sleep(0, signal);
  expect([requests.length, told]).toEqual([1, []]);
  reloader.reloaded(clock.now());
  expect(await loading).toBe(clock.now());
  expect(told).toEqual(['reload-done']);
});

it('waits no longer for the proof when the clock is set back by weeks meanwhile', async () => {
  const { clock, told, faults, reloader, postfix, signal } = setUp();
  const loading = reloader.load(postfix, 'digest', ['amazon-ses'], signal);
  await clock.sleep(0, signal);
  clock.advance(-40 * 86_400_000);
  // Of a time that is no proof; it has the reloader look at the clock.
  reloader.reloaded(NOON - 41 * 86_400_000);
  await clock.sleep(0, signal);
  clock.advance(16_000);
  expect(await loading).toBeNull();
  expect(told).toEqual([]);
  expect(faults.lasting('reload-failed')?.tries).toBe(1);
});

import { expect, it } from 'vitest';
import { WakeSignal } from '../../../src/daemon/writer/wake-signal.ts';
import { TestClock } from '../../double/clock.ts';

const turn = () => new Promise((turned) => setImmediate(turned));

it('a wake ends one wait: the one that is on, or the next one', async () => {
  const clock = new TestClock(0);
  const signal = new WakeSignal(clock);
  let ended = 0;
  const wait = async () => {
    await signal.wait(1_000);
    ended += 1;
  };
  const first = wait();
  signal.wake();
  await first;
  signal.wake();
  await wait();
  const third = wait();
  await turn();
  expect(ended).toBe(2);
  clock.advance(1_000);
  await third;
  expect(ended).toBe(3);
});

import { expect, it } from 'vitest';
import { createPosition } from '../src/core/position.ts';
import { followLog } from '../src/follow.ts';
import { type Engine, type MailContainer, OPENED, type Ports } from '../src/ports.ts';
import { TestClock } from './double/clock.ts';

it('a stream that opens and ends at once is opened again ever more rarely', async () => {
  const clock = new TestClock(0);
  const container: MailContainer = {
    id: 'c',
    run: 'c',
    tty: false,
    logDriver: 'json-file',
    networks: [],
    mounts: [],
  };
  let opened = 0;
  const engine: Engine = {
    inspect: async () => ({ kind: 'running', container }),
    async *follow() {
      opened += 1;
      yield OPENED;
    },
    exec: () => Promise.reject(new Error('not asked for')),
  };
  const report = { alert: () => {}, error: () => {}, info: () => {}, debug: () => {} };
  const stop = new AbortController();
  const watcher = { attached: () => {}, detached: () => {} };
  const ports = { clock, engine, report } as unknown as Ports;
  const log = followLog(ports, { container: 'c', lookbackMs: 0 }, createPosition(null), watcher, stop.signal);
  const reading = (async () => {
    for await (const _ of log);
  })();
  for (let second = 0; second < 120; second += 1) {
    clock.advance(1000);
    for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
  }
  stop.abort();
  await reading;
  expect(opened).toBeGreaterThan(5);
  expect(opened).toBeLessThan(20);
});

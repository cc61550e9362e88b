import { expect, it } from 'vitest';
import type { MailContainer } from '../../src/core/engine/mail-container.ts';
import type { LogLine } from '../../src/core/log/log-line.ts';
import { createPosition } from '../../src/core/log/position.ts';
import { followLog } from '../../src/daemon/follow.ts';
import { type Engine, OPENED, type Ports } from '../../src/ports.ts';
import { TestClock } from '../double/clock.ts';
import { faultsOf } from '../double/faults.ts';

const container: MailContainer = {
  id: 'c',
  run: 'c',
  tty: false,
  logDriver: 'json-file',
  networks: [],
  mounts: [],
  gateways: [],
};

/** Follows for two minutes of the clock; gives the new lines. */
async function followed(
  some: Pick<Engine, 'inspect' | 'follow'> & Partial<Pick<Engine, 'lastLines'>>,
): Promise<string[]> {
  const clock = new TestClock(0);
  const engine = { lastLines: async () => [], ...some };
  const report = { alert: () => {}, error: () => {}, info: () => {}, debug: () => {} };
  const ports = { clock, engine, report } as unknown as Ports;
  const stop = new AbortController();
  const watcher = { attached: () => {}, detached: () => {} };
  const position = createPosition(null);
  const log = followLog(
    ports,
    faultsOf(clock, report),
    { container: 'c', lookbackMs: 0 },
    position,
    watcher,
    stop.signal,
  );
  const texts: string[] = [];
  const reading = (async () => {
    for await (const lines of log) {
      for (const line of lines) {
        if (position.judge(line) !== 'new') continue;
        texts.push(line.text);
        position.advance(line);
      }
    }
  })();
  for (let second = 0; second < 120; second += 1) {
    clock.advance(1000);
    for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
  }
  stop.abort();
  await reading;
  return texts;
}

function line(second: number): LogLine {
  return { stream: 'stdout', stamp: `2026-11-24T02:24:0${second}.000000000Z`, text: `line ${second}` };
}

it('a stream that opens and ends at once is opened again ever more rarely', async () => {
  let opened = 0;
  await followed({
    inspect: async () => ({ kind: 'running', container }),
    async *follow() {
      opened += 1;
      yield OPENED;
    },
  });
  expect(opened).toBeGreaterThan(5);
  expect(opened).toBeLessThan(20);
});

it('what a stopped container has left is read before it can be removed, though its stream was cut', async () => {
  const kept = [line(1)];
  let state: 'running' | 'stopped' | 'missing' = 'running';
  const lines = await followed({
    lastLines: async () => [...kept],
    inspect: async () => (state === 'missing' ? { kind: state, name: 'c' } : { kind: state, container }),
    async *follow() {
      yield OPENED;
      yield [...kept];
      state = state === 'running' ? 'stopped' : 'missing';
      kept.push(line(2));
    },
  });
  expect(lines).toEqual(['line 1', 'line 2']);
});

it('a stopped container of which nothing was ever read is waited for', async () => {
  const lines = await followed({
    inspect: async () => ({ kind: 'stopped', container }),
    async *follow() {
      yield [line(1)];
    },
  });
  expect(lines).toEqual([]);
});

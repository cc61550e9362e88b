import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { readConfig } from '../../src/config/settings.ts';
import type { LogLine } from '../../src/core/log/log-line.ts';
import { firstAddress } from '../../src/core/net/network.ts';
import type { State } from '../../src/core/state/state.ts';
import { runDaemon } from '../../src/daemon/daemon.ts';
import { createClock, cronInterval } from '../../src/edge/clock.ts';
import { OPENED, type Ports, type Report } from '../../src/ports.ts';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import { type Row, rounded, type Suite } from './suite.ts';

const REFUSALS = 5_000;
const START = Date.parse('2026-11-24T02:00:00Z');
/** Few enough that each is told alone. */
const EACH_MS = 2_000;
/** DESIGN section 6. */
const GOAL = { p50: 5, p99: 20 };

export const decision: Suite = {
  name: 'decision',
  title: 'from a reject line to the alert and the new state, in a daemon whose world takes no time',
  async measure() {
    const senders = readCatalogue(catalogue).filter((one) => one.default);
    const addresses = senders.flatMap(({ networks }) => networks.map(firstAddress));
    const taken: number[] = [];
    const stop = new AbortController();
    let now = START;
    let told = 0;
    let saved = '';

    async function* follow(): AsyncGenerator<readonly LogLine[]> {
      yield OPENED;
      for (let i = 0; i < REFUSALS; i += 1) {
        now = START + i * EACH_MS;
        const ip = addresses[i % addresses.length] ?? '';
        const client = `[${ip}]:${20_000 + (i % 40_000)}`;
        const line = (message: string): LogLine => ({
          stream: 'stdout',
          stamp: new Date(now).toISOString().replace('Z', '000000Z'),
          text: `${new Date(now).toISOString()} mail postfix/postscreen[910]: ${message}`,
        });
        yield [line(`CONNECT from ${client} to [192.0.2.25]:25`), line(`DNSBL rank 3 for ${client}`)];
        const reject = line(
          `NOQUEUE: reject: RCPT from ${client}: 550 5.7.1 Service unavailable; client [${ip}] blocked using zen.spamhaus.org; from=<a@b.example>, to=<u@example.test>, proto=ESMTP, helo=<h.example>`,
        );
        const begun = performance.now();
        yield [reject];
        taken.push(performance.now() - begun);
        assert.equal(told, i + 1, `the refusal of ${ip} was not told at once`);
        yield [line(`DISCONNECT ${client}`)];
        // The writer and the timers have their turn, as between two chunks of a log.
        await turn();
      }
      stop.abort('SIGTERM');
    }

    const report: Report = {
      alert(kind) {
        if (kind === 'sender-refused') told += 1;
      },
      error() {},
      info() {},
      debug() {},
      flushed: async () => {},
    };
    const nobody = async () => ({ kind: 'no-name' }) as const;
    const container = { id: 'c'.repeat(64), run: '1', tty: false, logDriver: 'json-file' };
    const ports: Ports = {
      clock: { ...createClock(report), now: () => now },
      engine: {
        inspect: async () => ({
          kind: 'running',
          container: { ...container, networks: [], mounts: [], gateways: [] },
        }),
        follow,
        lastLines: async () => [],
        exec: () => Promise.reject(new Error('nothing is executed here')),
      },
      resolver: { txt: nobody, a: nobody, aaaa: nobody, mx: nobody, cname: nobody, ptr: nobody },
      table: {
        read: async () => undefined,
        stage: () => Promise.reject(new Error('nothing is written here')),
      },
      state: {
        read: async () => undefined,
        write: async (text) => {
          saved = text;
        },
        setAside: () => Promise.reject(new Error('there is nothing to put aside')),
      },
      control: { serve: async () => ({ ended: Promise.resolve() }) },
      monitor: null,
      report,
    };
    const settings = {
      SCREENPASS_MODE: 'observe',
      SCREENPASS_TABLE: '/table',
      SCREENPASS_STATE_DIR: '/state',
    };
    const outside = { catalogue: readCatalogue(catalogue), readFile: () => '', cronInterval };
    const config = readConfig(settings, outside);
    if (!config.ok) throw new Error(config.problems.join('\n'));
    await runDaemon(config.config, ports, '0.0.0', stop.signal);
    assert.equal((JSON.parse(saved) as State).lastRefusal?.at, now, 'the last refusal is not in the state');
    return [rowOf(taken.toSorted((a, b) => a - b))];
  },
};

function rowOf(sorted: readonly number[]): Row {
  const part = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
  return {
    refusals: sorted.length,
    'p50 ms': rounded(part(0.5)),
    'goal p50': GOAL.p50,
    'p99 ms': rounded(part(0.99)),
    'goal p99': GOAL.p99,
    'longest ms': rounded(part(1)),
  };
}

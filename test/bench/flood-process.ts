// The whole daemon, in observe mode, over a log that comes from stdin; prints what it cost and what it told. Argument: a
// directory for table and state.
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { readConfig } from '../../src/config/settings.ts';
import type { AlertFields } from '../../src/core/alerts/alert.ts';
import type { LogLine } from '../../src/core/log/log-line.ts';
import { runDaemon } from '../../src/daemon/daemon.ts';
import { createClock, cronInterval } from '../../src/edge/clock.ts';
import { readLog } from '../../src/edge/engine-streams.ts';
import { createTableFile, createWholeFile } from '../../src/edge/file.ts';
import { EngineError, OPENED, type Ports, type Report } from '../../src/ports.ts';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import type { Flooded } from './flood.ts';

const [folder = ''] = process.argv.slice(2);
const stop = new AbortController();
const alerts: Record<string, number> = {};
let lines = 0;
let questions = 0;
let told = 0;

async function* follow(): AsyncGenerator<readonly LogLine[]> {
  yield OPENED;
  delay.enable();
  for await (const batch of readLog(process.stdin, false)) {
    lines += batch.length;
    yield batch;
  }
  stop.abort('SIGTERM');
}

const nobody = async () => {
  questions += 1;
  return { kind: 'no-name' } as const;
};
const report: Report = {
  alert(kind, _, fields) {
    alerts[kind] = (alerts[kind] ?? 0) + 1;
    if (kind === 'sender-refused') told += (fields as AlertFields['sender-refused']).count ?? 1;
  },
  error() {},
  info() {},
  debug() {},
  flushed: async () => {},
};
const container = {
  id: 'c'.repeat(64),
  run: '1',
  tty: false,
  logDriver: 'json-file',
  networks: [],
  mounts: [],
  gateways: [],
};
const ports: Ports = {
  clock: createClock(report),
  engine: {
    inspect: async () => ({ kind: 'running', container }),
    follow,
    lastLines: async () => [],
    exec: async () => {
      throw new EngineError('failed', 'nothing is executed here');
    },
  },
  resolver: { txt: nobody, a: nobody, aaaa: nobody, mx: nobody, cname: nobody, ptr: nobody },
  table: createTableFile(join(folder, 'table')),
  state: createWholeFile(join(folder, 'state.json')),
  control: { serve: async () => ({ ended: Promise.resolve() }) },
  monitor: null,
  report,
};
const settings = { SCREENPASS_MODE: 'observe', SCREENPASS_TABLE: '/table', SCREENPASS_STATE_DIR: '/state' };
const outside = { catalogue: readCatalogue(catalogue), readFile: () => '', cronInterval };
const config = readConfig(settings, outside);
if (!config.ok) throw new Error(config.problems.join('\n'));

const delay = monitorEventLoopDelay({ resolution: 5 });
const begun = performance.now();
const before = process.cpuUsage();
await runDaemon(config.config, ports, '0.0.0', stop.signal);
const spent = process.cpuUsage(before);
const flooded: Flooded = {
  ms: performance.now() - begun,
  cpuMs: (spent.user + spent.system) / 1000,
  lines,
  blockedMs: delay.max / 1e6,
  peakMiB: process.resourceUsage().maxRSS / 2 ** 10,
  questions,
  told,
  alerts,
};
process.stdout.write(JSON.stringify(flooded));

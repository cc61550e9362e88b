import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import { startDnsServer } from '../double/dns-server.ts';
import { startEngineDouble } from '../double/engine.ts';
import { MailServerDouble } from '../double/mailserver.ts';
import { sendersZone } from '../double/senders-zone.ts';
import { NODE_OPTIONS, stop } from './child.ts';
import { median, type Row, rounded, type Suite } from './suite.ts';

const STARTS = 5;
const SETTLED_MS = 20_000;
const IDLE_MS = 30_000;
/** A daemon that does not follow the log after this long never will. */
const DEADLINE_MS = 30_000;
/** Of /proc/PID/stat: what Linux tells programs, whatever it counts in itself (proc_pid_stat(5)). */
const TICKS_PER_SECOND = 100;
const BUNDLE = fileURLToPath(new URL('../screenpass.js', import.meta.url));
const TABLE = '/etc/screenpass/postscreen_access.cidr';

export const footprint: Suite = {
  name: 'footprint',
  title:
    'what it takes to be there: the bundle beside doubles of Engine and DNS, with the NODE_OPTIONS of the image',
  async measure() {
    const alone: number[] = [];
    const starts: Started[] = [];
    for (let i = 0; i < STARTS; i += 1) {
      alone.push(await startOfNode());
      await using daemon = await startDaemon();
      starts.push(daemon);
    }
    await using daemon = await startDaemon();
    await sleep(SETTLED_MS);
    const mib = residentMiB(daemon.pid);
    const before = cpuMsOf(daemon.pid);
    await sleep(IDLE_MS);
    const idle = (cpuMsOf(daemon.pid) - before) / IDLE_MS;
    // What the image has beyond its base is this file, a link to it and two empty directories.
    const size = statSync(BUNDLE).size / 2 ** 20;
    return [
      row('start of Node alone', 'ms', median(alone), ''),
      row('start until the log is asked for', 'ms', median(starts.map(({ ms }) => ms)), 400),
      row('start until the log is asked for', 'CPU ms', median(starts.map(({ cpuMs }) => cpuMs)), ''),
      row(`resident after ${SETTLED_MS / 1000} s`, 'MiB', mib, 70),
      row(`idle for ${IDLE_MS / 1000} s, taken for an hour`, '% of a core', idle * 100, 0.2),
      row('the image beyond its base', 'MiB', size, 5),
    ];
  },
};

function row(what: string, unit: string, measured: number, goal: number | ''): Row {
  return { what, unit, measured: rounded(measured), 'goal, at most': goal };
}

/** Until it has nothing to do and has ended: below this nothing can come that is written for Node. */
async function startOfNode(): Promise<number> {
  const begun = performance.now();
  await once(spawn(process.execPath, ['--eval', ''], { env: { NODE_OPTIONS } }), 'exit');
  return performance.now() - begun;
}

interface Started extends AsyncDisposable {
  readonly pid: number;
  /** From its start until it asked for the log. */
  readonly ms: number;
  readonly cpuMs: number;
}

/** The daemon as it is shipped, with the mail server and the DNS that it needs to be content. */
async function startDaemon(): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'screenpass-footprint-'));
  const table = join(folder, 'table.cidr');
  const dns = await startDnsServer({ zone: sendersZone(readCatalogue(catalogue)) });
  const container = { name: 'mailserver', networks: { mail: '172.18.0.5/16' }, mounts: ['/etc/screenpass'] };
  const engine = await startEngineDouble({ socketPath: join(folder, 'engine.sock'), container });
  new MailServerDouble({ engine, table: { inContainer: TABLE, onHost: table } });
  const begun = performance.now();
  const child = spawn(process.execPath, [BUNDLE, 'run'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      NODE_OPTIONS,
      DOCKER_HOST: engine.host,
      SCREENPASS_TABLE: table,
      SCREENPASS_TABLE_IN_CONTAINER: TABLE,
      SCREENPASS_STATE_DIR: folder,
      SCREENPASS_DNS: dns.server,
    },
  });
  const close = async () => {
    await stop(child);
    await Promise.all([engine.close(), dns.close()]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const { pid = 0 } = child;
    while (engine.followers === 0) {
      if (child.exitCode !== null || performance.now() - begun > DEADLINE_MS)
        throw new Error('the daemon does not ask for the log');
      await sleep(1);
    }
    return { pid, ms: performance.now() - begun, cpuMs: cpuMsOf(pid), [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Of all its threads since it began. */
function cpuMsOf(pid: number): number {
  const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const [user, system] = [afterName[11], afterName[12]];
  return ((Number(user) + Number(system)) / TICKS_PER_SECOND) * 1000;
}

function residentMiB(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 2 ** 10;
}

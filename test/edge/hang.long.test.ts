import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askControl } from '../../src/edge/control-client.ts';
import { startDnsServer } from '../double/dns-server.ts';
import { startEngineDouble } from '../double/engine.ts';
import { MailServerDouble } from '../double/mailserver.ts';
import { PROGRAM, screenpass } from '../double/program.ts';

const TABLE = '/etc/screenpass/postscreen_access.cidr';
/** SIGTERM ends it within 10 s; the rest is for a slow machine. */
const PATIENCE_MS = 20_000;

/** What a pipe holds (pipe(7)). */
const PIPE_BYTES = 65_536;

let folder: string;
let preload: string;
let fifo: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'screenpass-hang-'));
  preload = join(folder, 'hang-process.mjs');
  const entryPoints = [join(import.meta.dirname, 'hang-process.ts')];
  const options = { bundle: true, platform: 'node', format: 'esm', logLevel: 'warning' } as const;
  await build({ ...options, entryPoints, outfile: preload });
  fifo = await makeFifo('nobody-writes');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function makeFifo(name: string): Promise<string> {
  const path = join(folder, name);
  await once(spawn('mkfifo', [path]), 'exit');
  return path;
}

interface Options {
  readonly env?: Record<string, string>;
  /** The descriptor of its stdout. */
  readonly stdout?: number | 'pipe';
}

/** The real daemon over the doubles of Engine, mail server and DNS. */
async function start(name: string, { env: more = {}, stdout = 'pipe' }: Options = {}) {
  const directory = await mkdtemp(join(folder, `${name.replace(/\W+/g, '-')}-`));
  const socketPath = join(directory, 'docker.sock');
  const engine = await startEngineDouble({ socketPath, container: { name: 'mailserver' } });
  const table = join(directory, 'table.cidr');
  await writeFile(table, '');
  const mail = new MailServerDouble({ engine, table: { inContainer: TABLE, onHost: table } });
  const dns = await startDnsServer({ zone: {} });
  const env = {
    DOCKER_HOST: engine.host,
    SCREENPASS_TABLE: table,
    SCREENPASS_TABLE_IN_CONTAINER: TABLE,
    SCREENPASS_STATE_DIR: directory,
    SCREENPASS_DNS: dns.server,
    ...more,
  };
  const { PATH } = process.env;
  const child = spawn(process.execPath, ['--import', preload, PROGRAM, 'run'], {
    env: { PATH, FIFO: fifo, ...env },
    stdio: ['ignore', stdout, 'pipe'],
  });
  let complaints = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const exit = once(child, 'exit');
  return {
    child,
    engine,
    mail,
    env,
    directory,
    exit,
    complaints: () => complaints,
    health: () => screenpass(['health'], { env }),
    refuse: (ip: string) =>
      mail.connect(ip, {
        listed: ['zen.spamhaus.org'],
        helo: 'a.example',
        from: 'a@b.example',
        to: 'c@d.example',
      }),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exit;
      await engine.close();
      await dns.close();
    },
  };
}

type Daemon = Awaited<ReturnType<typeof start>>;

async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    await sleep(50);
  }
  throw new Error(`did not happen: ${what}`);
}

/** Asks it to end, as the Engine does; gives how it ended. */
async function terminate({ child, exit }: { child: ChildProcess; exit: Promise<unknown[]> }) {
  child.kill('SIGTERM');
  const ended = await Promise.race([exit, sleep(PATIENCE_MS, 'it still runs', { ref: false })]);
  return ended as [code: number | null, signal: string | null] | string;
}

/** Has it report more than a socket holds. */
async function chatter({ directory }: Daemon): Promise<void> {
  const path = join(directory, 'control.sock');
  const given = { target: '20.0.0.1/32', reason: 'x'.repeat(200) };
  for (let lines = 0; lines < 1_500; lines += 1) {
    for (const command of ['allow', 'revoke'])
      await askControl(path, { command, arguments: given }, PATIENCE_MS);
  }
}

const following = (daemon: Daemon) => until('it follows the log', () => daemon.engine.followers > 0);
const CLEAN = [0, null];
const KILLED = [null, 'SIGKILL'];

describe('SIGTERM ends the daemon within 10 s', () => {
  it.concurrent('when nothing hangs, with all lines written', async () => {
    await using daemon = await start('nothing');
    let lines = '';
    daemon.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      lines += text;
    });
    await following(daemon);
    expect(await terminate(daemon)).toEqual(CLEAN);
    await until('the last line is read', () => lines.includes('"alert":"stopping"'));
    expect(daemon.complaints()).toBe('');
  });

  it.concurrent('when reading the table hangs from the start', async () => {
    await using daemon = await start('table', { env: { HANG: 'table' } });
    const { code, stderr } = await until('it listens', async () => {
      const asked = await daemon.health();
      return asked.stderr.includes('is starting') ? asked : undefined;
    });
    expect([code, stderr]).toEqual([1, expect.stringContaining('reads the table')]);
    expect(await terminate(daemon)).toEqual(KILLED);
  });

  it.concurrent('when writing the state hangs', async () => {
    await using daemon = await start('state', { env: { HANG: 'state' } });
    await following(daemon);
    await daemon.refuse('54.240.27.75');
    expect(await terminate(daemon)).toEqual(KILLED);
  });

  it.concurrent('when a command in the mail container hangs', async () => {
    await using daemon = await start('exec');
    let hung = 0;
    daemon.engine.onExec(() => {
      hung += 1;
      return new Promise(() => {});
    });
    await until('a command hangs', () => hung > 0);
    expect(await terminate(daemon)).toEqual(CLEAN);
  });

  it.concurrent('when DNS never answers', async () => {
    const silent = createSocket('udp4').bind(0, '127.0.0.1');
    await once(silent, 'listening');
    let questions = 0;
    silent.on('message', () => {
      questions += 1;
    });
    await using daemon = await start('dns', {
      env: { SCREENPASS_DNS: `127.0.0.1:${silent.address().port}` },
    });
    await until('DNS is asked', () => questions > 0);
    await following(daemon);
    expect(await terminate(daemon)).toEqual(CLEAN);
    silent.close();
  });

  it.concurrent('when clients of both listeners neither ask nor read', async () => {
    const port = await freePort();
    await using daemon = await start('clients', { env: { SCREENPASS_HTTP: `127.0.0.1:${port}` } });
    await following(daemon);
    const path = join(daemon.directory, 'control.sock');
    const sockets = [connect(path), connect(path), connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    for (const socket of sockets) socket.on('error', () => {}).pause();
    sockets[0]?.write('{"command":"list","arguments":{}}\n');
    sockets[2]?.write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n');
    await sleep(200);
    expect(await terminate(daemon)).toEqual(CLEAN);
    for (const socket of sockets) socket.destroy();
  });

  it.concurrent('when the event loop is blocked after the signal', async () => {
    await using daemon = await start('loop', { env: { HANG: 'loop' } });
    // Held up by a command, it still runs when the loop is blocked.
    await following(daemon);
    const clients = connect(join(daemon.directory, 'control.sock')).on('error', () => {});
    await once(clients, 'connect');
    expect(await terminate(daemon)).toEqual(KILLED);
    clients.destroy();
  });

  it.concurrent.each([
    'socket',
    'pipe',
  ])('when nothing reads its stdout (a %s), which health names', async (kind) => {
    const path = await makeFifo(`stdout-${kind}`);
    // Open at both ends, and nobody reads.
    const pipe = kind === 'pipe' ? await open(path, 'r+') : undefined;
    await pipe?.write(Buffer.alloc(PIPE_BYTES));
    await using daemon = await start(`stdout ${kind}`, { stdout: pipe?.fd ?? 'pipe' });
    await following(daemon);
    if (pipe === undefined) await chatter(daemon);
    const { code, stderr } = await until('health names it', async () => {
      const asked = await daemon.health();
      return asked.stderr.includes('stdout') ? asked : undefined;
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/nothing has taken the lines that screenpass writes to stdout for more than 10 s/);
    expect(await terminate(daemon)).toEqual(KILLED);
    await pipe?.close();
  });
});

describe('a daemon that ends by itself', () => {
  it.concurrent('does so after a bug although a file operation hangs', async () => {
    await using daemon = await start('bug', { env: { HANG: 'bug' } });
    await following(daemon);
    await daemon.refuse('54.240.27.75');
    const ended = await Promise.race([daemon.exit, sleep(PATIENCE_MS, 'it still runs', { ref: false })]);
    expect(ended).toEqual(KILLED);
    await until('the bug is shown', () => daemon.complaints().includes('a bug'));
  });

  it.concurrent('does so with exit code 3 when its output is closed', async () => {
    await using daemon = await start('closed');
    await following(daemon);
    daemon.child.stdout?.destroy();
    await daemon.refuse('54.240.27.75');
    const ended = await Promise.race([daemon.exit, sleep(PATIENCE_MS, 'it still runs', { ref: false })]);
    expect(ended).toEqual([3, null]);
    await until('it is said', () => daemon.complaints().includes('closed it'));
  });
});

describe('the schedules', () => {
  it.concurrent.each([
    ['UTC', 'T04:23:00.000Z'],
    ['Asia/Tokyo', 'T19:23:00.000Z'],
    ['America/Phoenix', 'T11:23:00.000Z'],
  ])('are in the time zone of the variable TZ: %s', async (TZ, at) => {
    await using daemon = await start(`zone ${TZ}`, { env: { TZ } });
    await following(daemon);
    const { stdout } = await screenpass(['status', '--json'], { env: daemon.env });
    expect((JSON.parse(stdout) as { nextRefresh: string }).nextRefresh).toContain(at);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

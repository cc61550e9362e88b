import { once } from 'node:events';
import { link, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ControlReply } from '../../src/core/base/control-message.ts';
import { serveControl } from '../../src/edge/control-server.ts';
import type { Control } from '../../src/ports.ts';

export type Handle = Parameters<Control['serve']>[0];

/** Longer than anything here takes. */
export const LONG_MS = 60_000;
export const STATUS = { command: 'status', arguments: {} };
export const STATUS_LINE = '{"command":"status","arguments":{}}\n';

export const echo: Handle = async (request) => ({ ok: true, result: request });

export type Controls = Awaited<ReturnType<typeof createControls>>;

/** A folder for control sockets, and the servers that a test starts there. */
export async function createControls() {
  const folder = await mkdtemp(join(tmpdir(), 'screenpass-control-'));
  const path = join(folder, 'control.sock');
  let stops: (() => Promise<unknown>)[] = [];

  async function stopAll(): Promise<void> {
    await Promise.all(stops.map((stop) => stop()));
    stops = [];
  }

  return {
    folder,
    path,
    async serve(handle: Handle = echo, limits: { idleMs?: number; graceMs?: number } = {}, at = path) {
      const stop = new AbortController();
      const { ended } = await serveControl(at, handle, stop.signal, limits);
      stops.push(() => {
        stop.abort();
        return Promise.allSettled([ended]);
      });
      return { ended, stop: () => stop.abort() };
    },
    stopAll,
    async remove() {
      await stopAll();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A handle whose replies the test gives, one a request. */
export function held() {
  const waiting: { resolve(reply: ControlReply): void; reject(bug: Error): void }[] = [];
  const arrivals: (() => void)[] = [];
  return {
    handle: () =>
      new Promise<ControlReply>((resolve, reject) => {
        waiting.push({ resolve, reject });
        for (const arrival of arrivals.splice(0)) arrival();
      }),
    async requests(count: number): Promise<void> {
      while (waiting.length < count) await new Promise<void>((arrival) => arrivals.push(arrival));
    },
    reply: (index: number, result: unknown) => waiting[index]?.resolve({ ok: true, result }),
    fail: (index: number, bug: Error) => waiting[index]?.reject(bug),
  };
}

/** A socket file without a process, as SIGKILL leaves it. */
export async function leaveStale(path: string): Promise<void> {
  const server = createServer().listen(`${path}-dead`);
  await once(server, 'listening');
  await link(`${path}-dead`, path);
  server.close();
  await once(server, 'close');
}

/** All that comes until the end. */
export async function received(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  return text;
}

/** For root every file is open. */
export async function withoutRoot(work: () => Promise<unknown>): Promise<void> {
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65534);
  try {
    await work();
  } finally {
    if (root) process.seteuid?.(0);
  }
}

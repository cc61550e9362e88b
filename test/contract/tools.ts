import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLine } from '../../src/core/log/log-line.ts';

/** So long may a line or an end be on its way. */
const DEADLINE_MS = 15_000;

/** Text of this length in which each place is different from its neighbours. */
export function bytes(length: number): string {
  return Array.from({ length }, (_, i) => String.fromCharCode(0x21 + (i % 0x5d))).join('');
}

/** Everything that an iterable gives. */
export async function drain<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of iterable) items.push(item);
  return items;
}

/** What a follower of the log has got so far. */
export interface Collected {
  firstBatch(): Promise<readonly LogLine[]>;
  /** All lines, once there are this many; more than that are a failure. */
  lines(count: number): Promise<readonly LogLine[]>;
  abort(): void;
  /** Fulfilled when the stream ended, rejected when it failed. */
  ended(): Promise<void>;
}

/** Follows in the background until it is disposed of. */
export function collect(
  follow: (signal: AbortSignal) => AsyncIterable<readonly LogLine[]>,
): Collected & AsyncDisposable {
  const controller = new AbortController();
  const batches: (readonly LogLine[])[] = [];
  const run = (async () => {
    for await (const batch of follow(controller.signal)) {
      batches.push(batch);
    }
  })();
  let done = false;
  let failure: unknown;
  run.then(
    () => {
      done = true;
    },
    (error: unknown) => {
      failure = error;
    },
  );

  async function until<T>(what: string, look: () => T | undefined): Promise<T> {
    const deadline = performance.now() + DEADLINE_MS;
    while (performance.now() < deadline && failure === undefined) {
      const seen = look();
      if (seen !== undefined) return seen;
      await sleep(10);
    }
    if (failure !== undefined) throw failure;
    throw new Error(`${what}: not within ${DEADLINE_MS} ms; so far ${batches.flat().length} lines`);
  }

  return {
    firstBatch: () => until('the first batch', () => batches[0]),
    lines: async (count) => {
      const lines = await until(`${count} lines`, () => {
        const all = batches.flat();
        return all.length >= count ? all : undefined;
      });
      if (lines.length > count) throw new Error(`${lines.length} lines instead of ${count}`);
      return lines;
    },
    abort: () => controller.abort(),
    ended: async () => {
      await until('the end of the stream', () => done || undefined);
    },
    [Symbol.asyncDispose]: async () => {
      controller.abort();
      await run.catch(() => undefined);
    },
  };
}

/** Lets a TCP port of this machine lead to the Unix socket. */
export async function relay(socketPath: string): Promise<{ host: string } & AsyncDisposable> {
  const server = createServer((client) => {
    const engine = connect(socketPath);
    for (const [one, other] of [
      [client, engine],
      [engine, client],
    ] as const) {
      one.pipe(other);
      one.on('error', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
    },
  };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { execute } from '../../src/commands/execute.ts';

const { PATH } = process.env;

/** The bundle, as it is shipped; `npm test` has built it. */
export const PROGRAM = join(import.meta.dirname, '..', '..', 'dist', 'screenpass.js');

interface Given {
  readonly env?: Record<string, string>;
  /** What stdin holds. */
  readonly input?: string | Buffer;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the bundle to its end, in a process of its own. */
export async function spawned(args: readonly string[], { env = {}, input = '' }: Given = {}): Promise<Ended> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: { PATH, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

/** The process is one for all: a run begins when the one before it has ended. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Runs the command line to its end, in this process: as `spawned`, without the half second that Node takes to start. Rejects
 * when the daemon was started: 9 s after its end it would kill the process of the tests. Those tests use `spawned`.
 */
export function screenpass(args: readonly string[], { env = {}, input = '' }: Given = {}): Promise<Ended> {
  const ended = last.then(() => run(args, { PATH, ...env }, Buffer.from(input)));
  last = ended.catch(() => {});
  return ended;
}

async function run(args: readonly string[], env: NodeJS.ProcessEnv, input: Buffer): Promise<Ended> {
  const stdout = collector();
  const stderr = collector();
  const before = { argv: process.argv, env: process.env };
  const outputs = ['stdout', 'stderr'].map(
    (name) => [name, Object.getOwnPropertyDescriptor(process, name)] as const,
  );
  await using _stdin = await standardInput(input);
  try {
    process.argv = [process.execPath, PROGRAM, ...args];
    process.env = env;
    Object.defineProperty(process, 'stdout', { value: stdout.stream, configurable: true });
    Object.defineProperty(process, 'stderr', { value: stderr.stream, configurable: true });
    const armed = process.listenerCount('uncaughtExceptionMonitor');
    const code = await execute();
    if (process.listenerCount('uncaughtExceptionMonitor') > armed)
      throw new Error(
        `screenpass ${args.join(' ')} started the daemon in the process of the tests: use spawned`,
      );
    return { code, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    Object.assign(process, before);
    for (const [name, was] of outputs) if (was !== undefined) Object.defineProperty(process, name, was);
  }
}

function collector() {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

/** Lets reads of stdin give these bytes, until it is disposed of. */
async function standardInput(input: Buffer): Promise<AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'screenpass-stdin-'));
  await writeFile(join(folder, 'stdin'), input);
  const file = await open(join(folder, 'stdin'));
  const { read } = fs;
  const redirected = (fd: number, ...rest: unknown[]) =>
    Reflect.apply(read, fs, [fd === 0 ? file.fd : fd, ...rest]);
  const replace = (by: typeof read) => {
    fs.read = by;
    syncBuiltinESMExports();
  };
  // With what util.promisify makes of it.
  replace(Object.defineProperties(redirected, Object.getOwnPropertyDescriptors(read)) as typeof read);
  return {
    async [Symbol.asyncDispose]() {
      replace(read);
      await file.close();
      await rm(folder, { recursive: true });
    },
  };
}

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import Docker from 'dockerode';
import {
  describe,
  type EngineCall,
  type EngineErrorKind,
  type ExecResult,
  type Inspection,
  labelOf,
} from '../core/engine/mail-container.ts';
import { BrokenStream, createFrameSplitter, createLogReader } from '../core/log/frames.ts';
import { createLineReader } from '../core/log/line-reader.ts';
import type { LogLine, StreamName } from '../core/log/log-line.ts';
import { stampTime } from '../core/log/position.ts';
import { type DiagnosticEngine, EngineError, OPENED } from '../ports.ts';

const DEFAULT_SOCKET = '/var/run/docker.sock';
/** For calls that answer at once. A log stream has none: it is quiet for hours. */
const CALL_MS = 20_000;
/** A stream this quiet may hang (rotation, a half-open connection): it is opened again, which costs nothing. */
const SILENT_MS = 10 * 60_000;
/** More than this much output of a command is not kept. */
const MOST_OUTPUT = 1024 * 1024;
const POLL_MS = 25;
/** No container and no exec has this name. */
const NO_CONTAINER = 'screenpass-asks-what-it-may';

/**
 * The mail container behind the Engine API (v1.41 and later; Podman's is close enough). `host` is `unix:///PATH` or
 * `tcp://HOST:PORT`, undefined for the default socket. `container` is a name, an id, `service=NAME` (Compose) or
 * `label=KEY=VALUE`; each inspect looks it up again, since a re-created container has another id. Calls under way when
 * `stop` aborts reject with EngineError.
 */
export function createDockerEngine({
  host,
  container,
  stop,
}: {
  host: string | undefined;
  container: string;
  stop?: AbortSignal;
}): DiagnosticEngine {
  const docker = new Docker(connection(host));
  const where = host ?? `unix://${DEFAULT_SOCKET}`;

  async function call<T>(work: (signal: AbortSignal) => Promise<T>, timeoutMs = CALL_MS): Promise<T> {
    const ending = new AbortController();
    const end = () => ending.abort();
    const timer = setTimeout(end, timeoutMs);
    if (stop?.aborted) end();
    stop?.addEventListener('abort', end, { once: true });
    // The library waits for the end of an answer that was cut in the middle, and such an answer has none.
    const ended = once(ending.signal, 'abort').then(() => Promise.reject(new Error('the call was ended')));
    try {
      return await Promise.race([work(ending.signal), ended]);
    } catch (error) {
      if (!ending.signal.aborted) throw engineError(error, where);
      const late = `${where} gave no answer within ${timeoutMs / 1000} s`;
      const reason = stop?.aborted ? 'screenpass is stopping' : late;
      throw new EngineError('unreachable', reason, { cause: error });
    } finally {
      clearTimeout(timer);
      stop?.removeEventListener('abort', end);
    }
  }

  return {
    inspect: () => call((signal) => inspect(docker, container, signal)),

    async *follow(target, since, signal) {
      const stream = await openLog(docker, target.id, since, signal).catch((error) => {
        if (!signal.aborted) throw engineError(error, where);
      });
      if (stream === undefined) return;
      try {
        yield OPENED;
        yield* readLog(stream, target.tty);
      } catch (error) {
        throw error instanceof BrokenStream ? engineError(error, where) : error;
      } finally {
        stream.destroy();
      }
    },

    exec: (id, argv, timeoutMs) => call((signal) => exec(docker, id, argv, signal), timeoutMs),

    async refusedCalls() {
      const refused: EngineCall[] = [];
      for (const [name, ask] of permissions(docker, labelOf(container) !== undefined)) {
        if (await call((signal) => isRefused(ask, signal))) refused.push(name);
      }
      return refused;
    },

    async containers() {
      const all = await call((abortSignal) => docker.listContainers({ all: true, abortSignal }));
      return all.map(({ Names, Image }) => ({ name: (Names[0] ?? '').replace(/^\//, ''), image: Image }));
    },

    async lastLines({ id, tty }, count) {
      const options = { follow: false, stdout: true, stderr: true, timestamps: true, tail: count } as const;
      return call(async (abortSignal) =>
        createLogReader(tty)(await docker.getContainer(id).logs({ ...options, abortSignal })),
      );
    },
  };
}

type Ask = (abortSignal: AbortSignal) => Promise<unknown>;

/** Each call that is needed, about a container that does not exist. */
function permissions(docker: Docker, lists: boolean): readonly (readonly [EngineCall, Ask])[] {
  const container = docker.getContainer(NO_CONTAINER);
  const command = docker.getExec(NO_CONTAINER);
  const list: readonly [EngineCall, Ask] = [
    'GET /containers/json',
    (abortSignal) => docker.listContainers({ limit: 1, abortSignal }),
  ];
  return [
    ...(lists ? [list] : []),
    ['GET /containers/{id}/json', (abortSignal) => container.inspect({ abortSignal })],
    ['GET /containers/{id}/logs', (abortSignal) => container.logs({ stdout: true, abortSignal })],
    ['POST /containers/{id}/exec', (abortSignal) => container.exec({ Cmd: ['true'], abortSignal })],
    ['POST /exec/{id}/start', (abortSignal) => command.start({ abortSignal })],
    ['GET /exec/{id}/json', (abortSignal) => command.inspect({ abortSignal })],
  ];
}

/** Any other answer than a refusal says that the call came through. */
async function isRefused(ask: Ask, signal: AbortSignal): Promise<boolean> {
  try {
    await ask(signal);
    return false;
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined) throw error;
    return REFUSALS.includes(status);
  }
}

function connection(host: string | undefined): Docker.DockerOptions {
  if (host === undefined) return { socketPath: DEFAULT_SOCKET };
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
  const url = new URL(host);
  return { protocol: 'http', host: url.hostname, port: url.port };
}

async function inspect(docker: Docker, wanted: string, abortSignal: AbortSignal): Promise<Inspection> {
  const name = await resolve(docker, wanted, abortSignal);
  if (name === undefined) return { kind: 'missing', name: wanted };
  try {
    const info = await docker.getContainer(name).inspect({ abortSignal });
    return { kind: info.State.Running ? 'running' : 'stopped', container: describe(info) };
  } catch (error) {
    if (statusOf(error) === 404) return { kind: 'missing', name: wanted };
    throw error;
  }
}

/** The running one of several that carry the label, else the newest. */
async function resolve(
  docker: Docker,
  wanted: string,
  abortSignal: AbortSignal,
): Promise<string | undefined> {
  const label = labelOf(wanted);
  if (label === undefined) return wanted;
  const found = await docker.listContainers({ all: true, filters: { label: [label] }, abortSignal });
  const byAge = [...found].sort((a, b) => b.Created - a.Created);
  return (byAge.find(({ State }) => State === 'running') ?? byAge[0])?.Id;
}

type LogStream = NodeJS.ReadableStream & { destroy(): void };

async function openLog(
  docker: Docker,
  id: string,
  since: string | undefined,
  signal: AbortSignal,
): Promise<LogStream> {
  const opening = new AbortController();
  const timer = setTimeout(() => opening.abort(), CALL_MS);
  const abortSignal = AbortSignal.any([signal, opening.signal]);
  const options = { follow: true, stdout: true, stderr: true, timestamps: true, abortSignal } as const;
  // The Engine takes seconds with decimals; the type says whole numbers, which would lose the fraction.
  const from = since === undefined ? {} : { since: unixTime(since) as unknown as number };
  try {
    const stream = (await docker.getContainer(id).logs({ ...options, ...from })) as LogStream & {
      socket?: Socket;
    };
    stream.socket?.setTimeout(SILENT_MS, () => stream.destroy());
    return stream;
  } finally {
    clearTimeout(timer);
  }
}

/** `seconds.nanoseconds` of a stamp. */
function unixTime(stamp: string): string {
  return `${Math.floor(stampTime(stamp) / 1000)}.${stamp.slice(20, 29)}`;
}

/**
 * The lines of a log stream, a batch a chunk; those of which the daemon makes nothing have no text. The event loop turns
 * after each batch: a full socket has one chunk after the other ready, and timers and other connections would wait for
 * all of them.
 */
export async function* readLog(
  stream: AsyncIterable<Buffer | string>,
  tty: boolean,
): AsyncGenerator<readonly LogLine[]> {
  const reader = createLineReader();
  const read = createLogReader(tty, (...line) => reader.read(...line)?.isIdle === false);
  for await (const chunk of untilCut(stream)) {
    const lines = read(chunk);
    if (lines.length === 0) continue;
    yield lines;
    await turn();
  }
}

/** However the connection is lost (aborted, reset, closed by a proxy): that is a normal end of a stream. */
async function* untilCut(stream: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

async function exec(
  docker: Docker,
  id: string,
  argv: readonly string[],
  abortSignal: AbortSignal,
): Promise<ExecResult> {
  const command = await docker
    .getContainer(id)
    .exec({ Cmd: [...argv], AttachStdout: true, AttachStderr: true, abortSignal });
  const stream = await command.start({ hijack: false, stdin: false, abortSignal });
  const output = await collect(stream, abortSignal);
  // The stream can end before the Engine has the exit code, mostly by a moment only.
  for (let pause = 1; ; pause = Math.min(2 * pause, POLL_MS)) {
    const { Running, ExitCode } = await command.inspect({ abortSignal });
    if (!Running && ExitCode !== null) return { exitCode: ExitCode, ...output };
    await new Promise((done) => setTimeout(done, pause));
  }
}

async function collect(
  stream: NodeJS.ReadableStream,
  signal: AbortSignal,
): Promise<Record<StreamName, string>> {
  const output = { stdout: '', stderr: '' };
  const split = createFrameSplitter((name, bytes, from, to) => {
    if (output[name].length < MOST_OUTPUT) output[name] += bytes.toString('latin1', from, to);
  });
  const stop = () => (stream as unknown as { destroy(): void }).destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of stream) split(chunk as Buffer);
  } finally {
    signal.removeEventListener('abort', stop);
  }
  if (signal.aborted) throw signal.reason;
  return output;
}

/** 405 is what some socket proxies say of a method that they do not grant; the Engine never does. */
const REFUSALS: readonly (number | undefined)[] = [401, 403, 405];

function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}

/** docker-modem's errors carry an HTTP status and the Engine's message, or the socket's code. */
function engineError(error: unknown, where: string): EngineError {
  const { code, message } = error as { code?: string; message: string };
  const status = statusOf(error);
  const said = (error as { json?: { message?: string } }).json?.message ?? message;
  const make = (kind: EngineErrorKind, text: string) => new EngineError(kind, text, { cause: error });
  if (error instanceof BrokenStream) return make('failed', message);
  if (/does not support reading/.test(said)) return make('unreadable-log', said);
  if (REFUSALS.includes(status))
    return make('denied', `the Engine or a socket proxy refused the call: ${said}`);
  if (status !== undefined) return make('failed', said);
  if (code === 'EACCES' || code === 'EPERM') return make('denied', `no permission to open ${where}`);
  if (code === 'ENOENT')
    return make('unreachable', `there is no Engine socket at ${where}: mount it, or set DOCKER_HOST`);
  return make('unreachable', `the Engine at ${where} does not answer (${code ?? message})`);
}

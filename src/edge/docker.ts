// Calls the Docker Engine API about the one mail container. What the Engine streams is read in engine-streams.ts.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import Docker from 'dockerode';
import {
  describe,
  type EngineCall,
  type EngineErrorKind,
  type ExecResult,
  type Inspection,
  labelOf,
} from '../core/engine/mail-container.ts';
import { BrokenStream, createLogReader } from '../core/log/frames.ts';
import { stampTime } from '../core/log/position.ts';
import { type DiagnosticEngine, EngineError, OPENED } from '../ports.ts';
import { collectOutput, readLog } from './engine-streams.ts';

const DEFAULT_SOCKET = '/var/run/docker.sock';
/** For calls that answer at once. A log stream has no limit: it can be quiet for hours. */
const CALL_MS = 20_000;
/** A stream this quiet may hang (rotation, a half-open connection): it is opened again, which costs little. */
const SILENT_MS = 10 * 60_000;
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
  const call = createCaller(where, stop);

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

type Call = <T>(work: (signal: AbortSignal) => Promise<T>, timeoutMs?: number) => Promise<T>;

/** Makes each call end in time, and when `stop` aborts; every failure is an EngineError. */
function createCaller(where: string, stop: AbortSignal | undefined): Call {
  return async (work, timeoutMs = CALL_MS) => {
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

/** Any other answer than a refusal shows that the call is allowed. */
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
  const output = await collectOutput(stream, abortSignal);
  // The stream can end before the Engine has the exit code, mostly by a moment only.
  for (let pause = 1; ; pause = Math.min(2 * pause, POLL_MS)) {
    const { Running, ExitCode } = await command.inspect({ abortSignal });
    if (!Running && ExitCode !== null) return { exitCode: ExitCode, ...output };
    await new Promise((done) => setTimeout(done, pause));
  }
}

/** Some socket proxies answer 405 to a method that they do not allow; the Engine never does. */
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

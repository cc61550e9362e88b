import type { Socket } from 'node:net';
import Docker from 'dockerode';
import { BrokenStream, createFrameSplitter, createLogReader } from '../core/frames.ts';
import { stampTime } from '../core/position.ts';
import {
  type Engine,
  EngineError,
  type EngineErrorKind,
  type ExecResult,
  type Inspection,
  type LogLine,
  type MailContainer,
  OPENED,
  type StreamName,
} from '../ports.ts';

const DEFAULT_SOCKET = '/var/run/docker.sock';
/** For calls that answer at once. A log stream has none: it is quiet for hours. */
const CALL_MS = 20_000;
/** A stream this quiet may hang (rotation, a half-open connection): it is opened again, which costs nothing. */
const SILENT_MS = 10 * 60_000;
/** More than this much output of a command is not kept. */
const MOST_OUTPUT = 1024 * 1024;
const POLL_MS = 25;

/**
 * The mail container behind the Engine API (v1.41 and later; Podman's is close enough). `host` is `unix:///PATH` or
 * `tcp://HOST:PORT`, undefined for the default socket. `container` is a name, an id, `service=NAME` (Compose) or
 * `label=KEY=VALUE`; each inspect looks it up anew, since a re-created container has another id.
 */
export function createDockerEngine({
  host,
  container,
}: {
  host: string | undefined;
  container: string;
}): Engine {
  const docker = new Docker(connection(host));
  const where = host ?? `unix://${DEFAULT_SOCKET}`;

  async function call<T>(work: (signal: AbortSignal) => Promise<T>, timeoutMs = CALL_MS): Promise<T> {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      return await work(signal);
    } catch (error) {
      if (!signal.aborted) throw engineError(error, where);
      throw new EngineError('unreachable', `${where} gave no answer within ${timeoutMs / 1000} s`, {
        cause: error,
      });
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
        if (error instanceof BrokenStream) throw new EngineError('failed', error.message, { cause: error });
        throw error;
      } finally {
        stream.destroy();
      }
    },

    exec: (id, argv, timeoutMs) => call((signal) => exec(docker, id, argv, signal), timeoutMs),
  };
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
    if (!info.State.Running) return { kind: 'stopped', name: wanted };
    return { kind: 'running', container: describe(info) };
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
  const [, service, label = service && `com.docker.compose.service=${service}`] =
    /^(?:service=(.+)|label=(.+))$/.exec(wanted) ?? [];
  if (label === undefined) return wanted;
  const found = await docker.listContainers({ all: true, filters: { label: [label] }, abortSignal });
  const byAge = [...found].sort((a, b) => b.Created - a.Created);
  return (byAge.find(({ State }) => State === 'running') ?? byAge[0])?.Id;
}

/** Podman leaves fields out. */
function describe(info: Docker.ContainerInspectInfo): MailContainer {
  const networks = Object.values(info.NetworkSettings?.Networks ?? {}).flatMap((network) => [
    ...(network?.IPAddress ? [`${network.IPAddress}/${network.IPPrefixLen}`] : []),
    ...(network?.GlobalIPv6Address ? [`${network.GlobalIPv6Address}/${network.GlobalIPv6PrefixLen}`] : []),
  ]);
  return {
    id: info.Id,
    run: `${info.Id} ${info.State.StartedAt}`,
    tty: info.Config.Tty === true,
    logDriver: info.HostConfig?.LogConfig?.Type ?? 'unknown',
    networks,
    mounts: (info.Mounts ?? []).map(({ Destination }) => Destination),
  };
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

async function* readLog(stream: NodeJS.ReadableStream, tty: boolean): AsyncGenerator<readonly LogLine[]> {
  const read = createLogReader(tty);
  for await (const chunk of untilCut(stream)) {
    const lines = read(chunk);
    if (lines.length > 0) yield lines;
  }
}

/** However the connection is lost (aborted, reset, closed by a proxy): that is a normal end of a stream. */
async function* untilCut(stream: NodeJS.ReadableStream): AsyncGenerator<Buffer> {
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
  // The stream can end before the Engine has the exit code.
  for (;;) {
    const { Running, ExitCode } = await command.inspect({ abortSignal });
    if (!Running && ExitCode !== null) return { exitCode: ExitCode, ...output };
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

async function collect(
  stream: NodeJS.ReadableStream,
  signal: AbortSignal,
): Promise<Record<StreamName, string>> {
  const output = { stdout: '', stderr: '' };
  const split = createFrameSplitter((name, piece) => {
    if (output[name].length < MOST_OUTPUT) output[name] += piece.toString('latin1');
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

function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}

/** docker-modem's errors carry an HTTP status and the Engine's message, or the socket's code. */
function engineError(error: unknown, where: string): EngineError {
  const { code, message } = error as { code?: string; message: string };
  const status = statusOf(error);
  const said = (error as { json?: { message?: string } }).json?.message ?? message;
  const make = (kind: EngineErrorKind, text: string) => new EngineError(kind, text, { cause: error });
  if (/does not support reading/.test(said)) return make('unreadable-log', said);
  if (status === 401 || status === 403)
    return make('denied', `the Engine or a socket proxy refused the call: ${said}`);
  if (status !== undefined) return make('failed', said);
  if (code === 'EACCES' || code === 'EPERM') return make('denied', `no permission to open ${where}`);
  if (code === 'ENOENT') return make('unreachable', `there is no Engine socket at ${where} (not mounted?)`);
  return make('unreachable', `the Engine at ${where} does not answer (${code ?? message})`);
}

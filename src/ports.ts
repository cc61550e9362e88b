/** The interfaces to the world, types only. The real ones are in src/edge, the doubles in test/double. */
import type { AlertFields, AlertKind } from './core/alert.ts';

export interface Clock {
  /** Milliseconds since the epoch. May jump back and forth: the host's clock is set by others. */
  now(): number;
  /** Ends after `ms`, or at once when the signal aborts; never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /**
   * Runs the job at each match of the cron expression in the time zone of the process, up to `jitterMs` later, until the
   * signal aborts.
   */
  cron(
    expression: string,
    job: () => void | Promise<void>,
    signal: AbortSignal,
    jitterMs?: number,
  ): ScheduledJob;
}

export interface ScheduledJob {
  /** The time of the next match, in ms since the epoch; null: there is none. */
  next(): number | null;
  /** Resolves when the signal aborts, and rejects on a bug of the job. */
  readonly ended: Promise<void>;
}

/** What the Engine says of the mail container. Missing and stopped are answers; no answer is an EngineError. */
export type Inspection =
  | { readonly kind: 'running'; readonly container: MailContainer }
  | { readonly kind: 'stopped'; readonly container: MailContainer }
  | { readonly kind: 'missing'; readonly name: string };

export interface MailContainer {
  readonly id: string;
  /** Id and time of start: another one after each restart. */
  readonly run: string;
  /** Raw stream instead of frames. */
  readonly tty: boolean;
  readonly logDriver: string;
  /** CIDRs of the Engine networks that the container is in, as the Engine writes them (host bits set). */
  readonly networks: readonly string[];
  /** Addresses of the Engine in those networks, canonical: what it forwards without the client's address comes from these. */
  readonly gateways: readonly string[];
  /** Paths inside the container that are mounts of their own. */
  readonly mounts: readonly string[];
}

/**
 * Why the Engine did not do what it was asked. `unreachable`: no answer. `denied`: our own permission or a socket
 * proxy. `unreadable-log`: the log driver keeps nothing to read. `failed`: the Engine's own error.
 */
export type EngineErrorKind = 'unreachable' | 'denied' | 'unreadable-log' | 'failed';

export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly kind: EngineErrorKind;

  constructor(kind: EngineErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

export type StreamName = 'stdout' | 'stderr';

/** One line of the container's output as the Engine keeps it. */
export interface LogLine {
  readonly stream: StreamName;
  /** The Engine's stamp: RFC 3339 in UTC, always nine decimals, so that text order is time order. */
  readonly stamp: string;
  /** Without line end, one character a byte, at most 64 KiB; empty also where the daemon would make nothing of it. */
  readonly text: string;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The first batch of each stream: it is open, and lines follow as they come. */
export const OPENED: readonly LogLine[] = [];

/** The Engine, as far as it concerns the one mail container. */
export interface Engine {
  inspect(): Promise<Inspection>;
  /**
   * OPENED, then both streams from the stamp `since` (inclusive) or from the beginning, in the Engine's order, a
   * batch a chunk. Ends when the stream ends, which is normal: the container stopped, a proxy cut a quiet stream.
   */
  follow(
    container: MailContainer,
    since: string | undefined,
    signal: AbortSignal,
  ): AsyncIterable<readonly LogLine[]>;
  /** The last `count` lines of both streams together, oldest first. Rejects with EngineError. */
  lastLines(container: MailContainer, count: number): Promise<readonly LogLine[]>;
  /** Runs a command without a shell. Rejects with EngineError when it did not end within `timeoutMs`. */
  exec(containerId: string, argv: readonly string[], timeoutMs: number): Promise<ExecResult>;
}

/** The calls of the Engine API that screenpass makes. */
export type EngineCall =
  | 'GET /containers/json'
  | 'GET /containers/{id}/json'
  | 'GET /containers/{id}/logs'
  | 'POST /containers/{id}/exec'
  | 'POST /exec/{id}/start'
  | 'GET /exec/{id}/json';

/** The Engine as `doctor` looks at it. All of these reject with EngineError. */
export interface DiagnosticEngine extends Engine {
  /**
   * Those of the calls needed that the Engine, or a proxy in front of it, does not grant. They are put to a container
   * that does not exist, so that nothing comes of them.
   */
  refusedCalls(): Promise<readonly EngineCall[]>;
  /** All containers, running or not. */
  containers(): Promise<readonly { readonly name: string; readonly image: string }[]>;
}

/**
 * What DNS says of a name and type (RFC 1035, RFC 2308). A name that is not there, a name without such records and
 * no usable answer are three things.
 */
export type DnsAnswer<T> =
  | { readonly kind: 'found'; readonly records: readonly T[] }
  | { readonly kind: 'no-data' }
  | { readonly kind: 'no-name' }
  | { readonly kind: 'failed'; readonly reason: DnsFailure };

/**
 * `unreachable`: no server could be asked, or the answer was too long for UDP and not had over TCP. `malformed`: an
 * answer that is none, or a name that cannot be asked for. `cancelled`: screenpass is stopping, which says nothing
 * about DNS.
 */
export type DnsFailure = 'timeout' | 'servfail' | 'refused' | 'unreachable' | 'malformed' | 'cancelled';

export interface MailExchange {
  readonly exchange: string;
  readonly priority: number;
}

/** Asks DNS. Never rejects. Names are without the final dot; answers that are names come without it, too. */
export interface Resolver {
  /** Each record with its strings joined, without anything between (RFC 7208 section 3.3). */
  txt(name: string): Promise<DnsAnswer<string>>;
  a(name: string): Promise<DnsAnswer<string>>;
  aaaa(name: string): Promise<DnsAnswer<string>>;
  mx(name: string): Promise<DnsAnswer<MailExchange>>;
  /** The name that this one is an alias of, and no further; a() and aaaa() follow aliases silently. */
  cname(name: string): Promise<DnsAnswer<string>>;
  /** Names of an address given as text. */
  ptr(address: string): Promise<DnsAnswer<string>>;
}

/** The file system refused; the message names the path, the error and what to look at. */
export class FileError extends Error {
  override readonly name = 'FileError';
}

/** The network did not let us listen; the message names the place, the error and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** A file that is whole or unchanged. Text is one character a byte, so that any bytes come back as they were. */
export interface WholeFile {
  /** Undefined: there is no such file. */
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
  /** Moves it out of the way, under its name with `suffix`; gives the new path. */
  setAside(suffix: string): Promise<string>;
}

/** Looks at files without touching them. */
export interface FileLook {
  /**
   * Inode, size in bytes and time of the last change in s since the epoch, as `stat -L -c '%i %s %Y'` prints them;
   * undefined: there is no such file. Rejects with FileError.
   */
  marks(path: string): Promise<string | undefined>;
  /** Rejects with FileError when no new version of the file could be put into its directory. */
  replaceable(path: string): Promise<void>;
}

/** The table: a new version can be looked at by Postfix before it takes the place of the old one. */
export interface TableFile {
  read(): Promise<string | undefined>;
  /** Writes the text beside the table, under `name` in the same directory. */
  stage(text: string): Promise<StagedTable>;
}

export interface StagedTable {
  /** File name, without directory. */
  readonly name: string;
  /** Takes the table's place, durably, if the table still reads as `expected`; says whether it did. */
  commit(expected: string | undefined): Promise<boolean>;
  discard(): Promise<void>;
}

export interface Report {
  /** `id` is the same for the same cause. */
  alert<K extends AlertKind>(kind: K, id: string, fields: AlertFields[K]): void;
  /** For the administrator who looks closer; not an alert. */
  error(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  debug(message: string, fields?: object): void;
  /** Resolves when all that was reported before is written; not, while nothing takes it. */
  flushed(): Promise<void>;
}

/** What a command of the administrator asks of the running daemon. */
export interface ControlRequest {
  readonly command: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** `usage`: the request is wrong, `failed`: the world did not let it be done. The problem says what to do. */
export type ControlReply =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly kind: 'usage' | 'failed'; readonly problem: string };

/** Where the administrator's commands come in. */
export interface Control {
  /**
   * Listens until the signal aborts; resolves when it does listen. Rejects with FileError. `ended` resolves when all is
   * closed, and rejects on a bug of `handle`.
   */
  serve(
    handle: (request: ControlRequest) => Promise<ControlReply>,
    signal: AbortSignal,
  ): Promise<{ readonly ended: Promise<void> }>;
}

/** What a GET of one path gives. */
export interface Page {
  readonly code: 200 | 503;
  readonly contentType: string;
  readonly text: string;
}

/** Where a monitor looks at the daemon. */
export interface Monitor {
  /**
   * Serves the pages, by path, until the signal aborts; resolves when it does listen. Rejects with ListenError. `ended`
   * resolves when all is closed, and rejects on a bug of a page.
   */
  serve(
    pages: ReadonlyMap<string, () => Page>,
    signal: AbortSignal,
  ): Promise<{ readonly ended: Promise<void> }>;
}

export interface Ports {
  readonly clock: Clock;
  readonly engine: Engine;
  readonly resolver: Resolver;
  readonly table: TableFile;
  readonly state: WholeFile;
  readonly control: Control;
  /** Null: nobody looks. */
  readonly monitor: Monitor | null;
  readonly report: Report;
}

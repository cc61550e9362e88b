/** The interfaces to the world, types only. The real ones are in src/edge, the doubles in test/double. */
import type { AlertFields, AlertKind } from './core/alerts/alert.ts';
import type { ControlReply, ControlRequest } from './core/base/control-message.ts';
import type { Resolver } from './core/dns/resolver.ts';
import type {
  EngineCall,
  EngineErrorKind,
  ExecResult,
  Inspection,
  MailContainer,
} from './core/engine/mail-container.ts';
import type { LogLine } from './core/log/log-line.ts';

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

export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly kind: EngineErrorKind;

  constructor(kind: EngineErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
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
  /** Null: no monitor is served. */
  readonly monitor: Monitor | null;
  readonly report: Report;
}

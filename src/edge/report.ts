// Writes alerts and log lines as JSON to stdout. The texts of alerts are in core/alerts/alert.ts.
import { write } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pino from 'pino';
import type { LogLevel } from '../config/settings.ts';
import { ALERTS, type AlertKind, alertText } from '../core/alerts/alert.ts';
import { safeJsonLine } from '../core/base/safe-text.ts';
import { counted } from '../core/base/wording.ts';
import { FileError, type Report } from '../ports.ts';

/** Characters that wait to be written. Beyond, lines are left out, and their number is reported when there is room again. */
const MOST_WAITING = { alerts: 4 * 1024 * 1024, others: 256 * 1024 };
/** After an error that may pass: a full pipe that does not block (EAGAIN), a full disk. */
const RETRY_MS = 100;

/** Writes some of the bytes to a file descriptor, and gives how many. */
type Write = (fd: number, bytes: Buffer) => Promise<number>;

const writeSome: Write = async (fd, bytes) => (await promisify(write)(fd, bytes)).bytesWritten;

/** A report that notices when its reader is gone. */
export interface WrittenReport extends Report {
  /** Never resolves. Rejects with FileError when stdout was closed by what read it. */
  readonly closed: Promise<never>;
}

/**
 * JSON lines on stdout. Alerts come at every log level; `muted` kinds do not come at all. They are written in order, off
 * the event loop: a reader that does not read holds up `flushed`, and nothing else.
 */
export function createReport(
  level: LogLevel,
  muted: ReadonlySet<AlertKind>,
  { fd = 1, write = writeSome }: { fd?: number; write?: Write } = {},
): WrittenReport {
  const output = createOutput(fd, write);
  let leftOut = 0;
  const options: pino.LoggerOptions = {
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  const log = pino({ ...options, level }, { write: (line) => add(line, MOST_WAITING.others) });
  const alerts = pino({ ...options, level: 'info' }, { write: (line) => add(line, MOST_WAITING.alerts) });

  function add(json: string, most: number): void {
    const line = safeJsonLine(json);
    if (output.waiting() + line.length <= most) {
      output.add(line);
      return;
    }
    leftOut += 1;
    if (leftOut === 1) void output.flushed().then(reportLeftOut);
  }

  function reportLeftOut(): void {
    const lines = leftOut;
    leftOut = 0;
    log.error({ lines }, `stdout was blocked, so screenpass left out ${counted(lines, 'line')}`);
  }

  return {
    alert(kind, id, fields) {
      if (muted.has(kind)) return;
      const line: object = { alert: kind, id, ...fields };
      alerts[ALERTS[kind].level](line, alertText(kind, fields));
    },
    error: (message, fields) => log.error(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    debug: (message, fields) => log.debug(fields ?? {}, message),
    flushed: output.flushed,
    closed: output.closed,
  };
}

/** Lines on their way to a file descriptor. */
function createOutput(fd: number, write: Write) {
  let lines: string[] = [];
  let size = 0;
  let writing: Promise<void> | null = null;
  let close = (_reason: FileError) => {};
  const closed = new Promise<never>((_, reject) => {
    close = reject;
  });
  // Whoever needs to know awaits it.
  closed.catch(() => {});

  async function writeAll(): Promise<void> {
    while (lines.length > 0) {
      // What is reported in one go is written in one piece.
      await null;
      const bytes = Buffer.from(lines.join(''));
      lines = [];
      for (let done = 0; done < bytes.length; ) done += await attempt(bytes.subarray(done));
      size = lines.reduce((sum, line) => sum + line.length, 0);
    }
    writing = null;
  }

  async function attempt(bytes: Buffer): Promise<number> {
    try {
      return await write(fd, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') return hungUp(error);
      await sleep(RETRY_MS);
      return 0;
    }
  }

  /** It never takes another byte. */
  function hungUp(cause: unknown): Promise<never> {
    close(new FileError(HUNG_UP, { cause }));
    return new Promise(() => {});
  }

  return {
    closed,
    waiting: () => size,
    add(line: string): void {
      lines.push(line);
      size += line.length;
      writing ??= writeAll();
    },
    flushed: () => writing ?? Promise.resolve(),
  };
}

const HUNG_UP =
  'the reader of stdout closed it, so that no alert can be seen: start screenpass again with a reader';

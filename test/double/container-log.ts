import type { StreamName } from '../../src/core/log/log-line.ts';
import type { LogQuery } from './log-query.ts';
import { engineStamp, frame } from './wire.ts';

/** What the log driver stores: a line, or a part of a long one. */
interface LogEntry {
  readonly stream: StreamName;
  readonly nanoseconds: bigint;
  readonly bytes: Buffer;
}

/** The Engine reads a container's output in pieces of this size, and a longer line is stored in parts. */
const PART = 16 * 1024;

/**
 * What a container has written, as a log driver keeps it. Measured on Engine 20.10: each part of a long line has the
 * first part's stamp and is sent with it; json-file puts U+FFFD for bytes that are not UTF-8; `local` keeps any byte,
 * but sends the last part of a long line without its line end.
 */
export class ContainerLog {
  readonly #tty: boolean;
  readonly #entries: LogEntry[] = [];

  constructor(tty: boolean) {
    this.#tty = tty;
  }

  /** Stores one line, one character a byte, without its end; gives back what was stored. */
  append(stream: StreamName, line: string, nanoseconds: bigint, driver: string): LogEntry[] {
    const text = Buffer.from(this.#tty ? `${line}\r` : line, 'latin1');
    const cuts = Array.from({ length: Math.floor(text.length / PART) + 1 }, (_, i) => i * PART);
    const entries = cuts.map((cut): LogEntry => {
      const part = text.subarray(cut, cut + PART);
      const ended = cut === cuts.at(-1) && !(driver === 'local' && cuts.length > 1);
      const kept = driver === 'local' ? part : Buffer.from(part.toString('utf8'));
      const bytes = ended ? Buffer.concat([kept, Buffer.from('\n')]) : kept;
      // A terminal has one stream only.
      return { stream: this.#tty ? 'stdout' : stream, nanoseconds, bytes };
    });
    this.#entries.push(...entries);
    return entries;
  }

  /** Everything that is stored and asked for, ready to be sent. */
  read(query: LogQuery): Buffer[] {
    const first = Math.max(0, this.#entries.length - query.tail);
    return this.#entries.slice(first).flatMap((entry) => this.encode(entry, query));
  }

  /** The entry as this reader gets it: one piece, or none if it was not asked for. */
  encode(entry: LogEntry, query: LogQuery): Buffer[] {
    if (!query[entry.stream] || entry.nanoseconds < query.since) return [];
    const stamp = query.timestamps ? `${engineStamp(entry.nanoseconds)} ` : '';
    const payload = Buffer.concat([Buffer.from(stamp), entry.bytes]);
    return [this.#tty ? payload : frame(entry.stream === 'stdout' ? 1 : 2, payload)];
  }
}

// Opens a log file or stdin, also gzip, for the commands that read an old log.
import { read } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { READ_ADVICE } from '../core/base/system-error.ts';
import { FileError } from '../ports.ts';

const CHUNK_BYTES = 1 << 19;
const STDIN = 0;

/** A log to be read once, from its beginning to its end. */
export interface LogFile {
  /**
   * Its bytes, unpacked if it is gzip (RFC 1952); each chunk holds until the next is asked for. Rejects with FileError when
   * not all of it can be read.
   */
  readonly chunks: AsyncIterable<Buffer>;
  /** When the file was last written, in ms; null: that is not known of stdin. */
  readonly writtenAt: number | null;
  /** How much of the file is read, from 0 to 1; null: that is not known of stdin. */
  share(): number | null;
}

/** Opens a log; `-` is stdin. Rejects with FileError. */
export async function openLog(path: string): Promise<LogFile> {
  if (path === '-')
    return { chunks: explained('stdin', unpacked(stdin())), writtenAt: null, share: () => null };
  const file = await open(path).catch((error) => refuse(path, error));
  const { size, mtimeMs } = await file.stat();
  let done = 0;

  async function* bytes(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of chunksOf((buffer) => file.read(buffer, 0, buffer.length, null))) {
        done += chunk.length;
        yield chunk;
      }
    } finally {
      await file.close();
    }
  }
  return {
    chunks: explained(path, unpacked(bytes())),
    writtenAt: mtimeMs,
    share: () => (size === 0 ? 1 : Math.min(1, done / size)),
  };
}

/** Whoever started us may have left stdin so that a read does not wait: then only a stream can read it. */
async function* stdin(): AsyncGenerator<Buffer> {
  const readInto = promisify(read);
  try {
    yield* chunksOf((buffer) => readInto(STDIN, buffer, 0, buffer.length, null));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    yield* process.stdin;
  }
}

type Read = (buffer: Buffer) => Promise<{ readonly bytesRead: number }>;

/** Reads into two buffers in turn, one ahead: a stream takes another for each chunk, which costs more than the reading. */
async function* chunksOf(readInto: Read): AsyncGenerator<Buffer> {
  let [buffer, other] = [Buffer.alloc(CHUNK_BYTES), Buffer.alloc(CHUNK_BYTES)];
  let reading = readInto(buffer);
  try {
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return;
      reading = readInto(other);
      yield buffer.subarray(0, bytesRead);
      [buffer, other] = [other, buffer];
    }
  } finally {
    // Whoever stops early does not wait for what is read ahead.
    reading.catch(() => {});
  }
}

/** gzip is known by its first two bytes, whatever the name. */
async function* unpacked(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const chunks = bytes[Symbol.asyncIterator]() as AsyncIterableIterator<Buffer>;
  let head = Buffer.alloc(0);
  while (head.length < 2) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield head;
    return yield* chunks;
  }
  async function* copies(): AsyncGenerator<Buffer> {
    yield head;
    for await (const chunk of chunks) yield Buffer.from(chunk);
  }
  // Whatever ends the pipeline badly is thrown by the loop over its end.
  yield* pipeline(Readable.from(copies()), createGunzip({ chunkSize: CHUNK_BYTES }), () => {});
}

async function* explained(name: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (error) {
    refuse(name, error as NodeJS.ErrnoException);
  }
}

function refuse(name: string, error: NodeJS.ErrnoException): never {
  const { code = '', message } = error;
  if (code === '') throw error;
  const gzip = code.startsWith('Z_') ? `the gzip data is damaged or cut off (${message})` : undefined;
  const reason = gzip ?? READ_ADVICE[code] ?? message;
  throw new FileError(`${name} cannot be read to its end: ${reason}`, { cause: error });
}

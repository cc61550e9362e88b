import { open } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { FileError } from '../ports.ts';

const CHUNK_BYTES = 1 << 16;

/** A log to be read once, from its beginning to its end. */
export interface LogFile {
  /** Its bytes, unpacked if it is gzip (RFC 1952). Rejects with FileError when not all of it can be read. */
  readonly chunks: AsyncIterable<Buffer>;
  /** When the file was last written, in ms; null: that is not known of stdin. */
  readonly writtenAt: number | null;
  /** How much of the file is read, from 0 to 1; null: that is not known of stdin. */
  share(): number | null;
}

/** Opens a log; `-` is stdin. Rejects with FileError. */
export async function openLog(path: string): Promise<LogFile> {
  if (path === '-') {
    return { chunks: told('stdin', unpacked(process.stdin)), writtenAt: null, share: () => null };
  }
  const file = await open(path).catch((error) => refuse(path, error));
  const { size, mtimeMs } = await file.stat();
  const stream = file.createReadStream({ highWaterMark: CHUNK_BYTES });
  return {
    chunks: told(path, unpacked(stream)),
    writtenAt: mtimeMs,
    share: () => (size === 0 ? 1 : Math.min(1, stream.bytesRead / size)),
  };
}

/** gzip is known by its first two bytes, whatever the name. */
async function* unpacked(stream: Readable): AsyncGenerator<Buffer> {
  const chunks = stream.iterator() as AsyncIterableIterator<Buffer>;
  let head = Buffer.alloc(0);
  while (head.length < 2) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield head;
    yield* chunks;
  }
  if (head[0] !== 0x1f || head[1] !== 0x8b) return yield* all();
  // Whatever ends the pipeline badly is thrown by the loop over its end.
  yield* pipeline(Readable.from(all()), createGunzip({ chunkSize: CHUNK_BYTES }), () => {});
}

async function* told(name: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (error) {
    refuse(name, error as NodeJS.ErrnoException);
  }
}

function refuse(name: string, error: NodeJS.ErrnoException): never {
  const { code = '', message } = error;
  if (code === '') throw error;
  const reason = code.startsWith('Z_') ? `the gzip data is damaged or cut off (${message})` : message;
  throw new FileError(`${name} cannot be read to its end: ${reason}`, { cause: error });
}

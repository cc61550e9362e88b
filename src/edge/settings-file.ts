// Reads the files that settings name, before anything else runs. The table and the state are read by file.ts.
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { irregularity, oversize } from '../core/base/regular-file.ts';
import { type Advice, advise } from '../core/base/system-error.ts';
import { FileError } from '../ports.ts';

const CHUNK_BYTES = 1 << 16;
const ADVICE: Advice = {
  EACCES: 'give screenpass the right to read it',
  ENOENT: 'there is no such file',
  ENOTDIR: 'its directory is a file',
  ELOOP: 'symbolic links lead in a circle',
};

/**
 * The text (UTF-8) of a file that a setting names. A link is followed, as the file of a secret may be one. Throws
 * FileError, also when there is no such file.
 */
export function readSettingsFile(path: string): string {
  try {
    // Looked at first, since to open a device may do something to it.
    refuse(irregularity(path, statSync(path)));
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      refuse(irregularity(path, fstatSync(file)));
      return readAll(path, file).toString('utf8');
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const reason = advise(path, error, ADVICE);
    throw reason === undefined ? error : new FileError(reason, { cause: error });
  }
}

function readAll(path: string, file: number): Buffer {
  const chunks: Buffer[] = [];
  for (let size = 0; ; ) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const bytesRead = readSync(file, chunk, 0, CHUNK_BYTES, null);
    if (bytesRead === 0) return Buffer.concat(chunks);
    size += bytesRead;
    refuse(oversize(path, size));
    chunks.push(chunk.subarray(0, bytesRead));
  }
}

function refuse(reason: string | null): void {
  if (reason !== null) throw new FileError(reason);
}

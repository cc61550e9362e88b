// Decides which files are read: a FIFO or a device would block the reader, and a symbolic link leads to an unintended file.
// It opens none.

/** Far more than a table, state or setting needs; a larger file is neither read nor written. */
export const MAX_BYTES = 16 * 2 ** 20;

/** The needed part of lstat(2), as node:fs gives it. */
export interface FileKind {
  readonly size: number;
  isFile(): boolean;
  isSymbolicLink(): boolean;
  isDirectory(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
}

/** Why this is not read, and what to do; null: it is a regular file that is not too large. */
export function irregularity(path: string, found: FileKind): string | null {
  if (found.isSymbolicLink())
    return (
      `${path} is a symbolic link, which may lead elsewhere in another container: replace it by the file itself with ` +
      `cp --remove-destination "$(readlink -f ${path})" ${path}`
    );
  return found.isFile() ? oversize(path, found.size) : `${path} is ${nameOf(found)}, not a file: remove it`;
}

/** Null: it is not too large. */
export function oversize(path: string, bytes: number): string | null {
  if (bytes <= MAX_BYTES) return null;
  return `${path} is larger than ${MAX_BYTES / 2 ** 20} MiB: remove what does not belong in it`;
}

function nameOf(found: FileKind): string {
  if (found.isDirectory()) return 'a directory';
  if (found.isFIFO()) return 'a FIFO';
  return found.isSocket() ? 'a socket' : 'a device';
}

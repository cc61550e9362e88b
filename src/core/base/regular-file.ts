// What is read as a file, and what is wrong with anything else in its place: a FIFO or a device would hold the reader up
// for good, and a symbolic link leads to a file that nobody meant.

/** No table, state or setting comes near to this; what is larger is not read into memory, nor written. */
export const MAX_BYTES = 16 * 2 ** 20;

/** What lstat(2) says, as far as it matters; node:fs gives it. */
export interface FileKind {
  readonly size: number;
  isFile(): boolean;
  isSymbolicLink(): boolean;
  isDirectory(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
}

/** Why this is not read, and what to do; null: it is a regular file of a bearable size. */
export function irregularity(path: string, found: FileKind): string | null {
  if (found.isSymbolicLink())
    return (
      `${path} is a symbolic link, which may lead elsewhere in another container: put the file itself in its place, ` +
      `cp --remove-destination "$(readlink -f ${path})" ${path}`
    );
  return found.isFile() ? oversize(path, found.size) : `${path} is ${nameOf(found)}, not a file: remove it`;
}

/** Null: it is not too large. */
export function oversize(path: string, bytes: number): string | null {
  if (bytes <= MAX_BYTES) return null;
  return `${path} is larger than ${MAX_BYTES / 2 ** 20} MiB: remove what does not belong there`;
}

function nameOf(found: FileKind): string {
  if (found.isDirectory()) return 'a directory';
  if (found.isFIFO()) return 'a FIFO';
  return found.isSocket() ? 'a socket' : 'a device';
}

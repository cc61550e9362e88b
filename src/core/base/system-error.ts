// Turns errors of the operating system into texts with advice. The files that raise them are in edge.

/** What to do, by the code of the error (errno(3)). */
export type Advice = Readonly<Record<string, string>>;

/** For files that screenpass writes. */
export const FILE_ADVICE: Advice = {
  EACCES: 'give screenpass the right to write in its directory',
  EROFS: 'mount its directory writable',
  ENOSPC: 'the disk is full: make room',
  EDQUOT: 'the disk quota is used up: make room, or raise it',
  ENOENT: 'its directory does not exist: mount it',
  ENOTDIR: 'its directory is a file: choose another directory',
  EBUSY: 'mount its directory, not the file',
  EISDIR: 'a directory is in its place: remove it',
  ENOTEMPTY: 'a directory is in its place: remove it',
  ERR_FS_EISDIR: 'a directory has the name of its new version, which ends in .tmp: remove it',
  ELOOP: 'symbolic links lead in a circle: put the file itself there',
  EIO: 'the disk has an error: check dmesg on the host',
  ESTALE: 'the network share was lost: mount it again, then restart the container',
};

/** For files that are only read. */
export const READ_ADVICE: Advice = {
  EISDIR: 'it is a directory; expected a file',
  ENOENT: 'there is no such file; a container sees only mounted paths',
  EACCES: 'this user may not read it',
};

/** The path with the advice and the code. Undefined: it is not an error of the system. */
export function advise(path: string, error: unknown, advice: Advice): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined ? undefined : `${path}: ${advice[code] ?? message} (${code})`;
}

/** For `catch`: undefined for a file that does not exist; any other error is thrown again. */
export function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

/** What to do about an error of the system, by its code (errno(3)). */
export type Advice = Readonly<Record<string, string>>;

/** For what screenpass writes. */
export const FILE_ADVICE: Advice = {
  EACCES: 'give screenpass the right to write in its directory',
  EROFS: 'mount its directory writable',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'its directory does not exist: mount it',
  ENOTDIR: 'its directory is a file: choose another one',
  EBUSY: 'mount its directory, not the file',
  EISDIR: 'a directory is in its place: remove it',
  ENOTEMPTY: 'a directory is in its place: remove it',
  ERR_FS_EISDIR: 'a directory has the name of its new version, which ends in .tmp: remove it',
  ELOOP: 'symbolic links lead in a circle: put the file itself there',
  EIO: 'the disk has an error: look at dmesg on the host',
  ESTALE: 'the network share was lost: mount it again, then restart the container',
};

/** For what is only read. */
export const READ_ADVICE: Advice = {
  EISDIR: 'it is a directory; expected a file',
  ENOENT: 'there is no such file; inside the container, only mounted paths are there',
  EACCES: 'this user may not read it',
};

/** What an alert says of an error of the system. Undefined: the system did not give it. */
export function advise(path: string, error: unknown, advice: Advice): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined ? undefined : `${path}: ${advice[code] ?? message} (${code})`;
}

/** For `catch`: a file that is not there is undefined, and any other error is thrown on. */
export function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

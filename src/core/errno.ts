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
};

/** What the administrator is told of an error. Undefined: the system did not give it. */
export function advise(path: string, error: unknown, advice: Advice): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined ? undefined : `${path}: ${advice[code] ?? message} (${code})`;
}

/** For `catch`: a file that is not there is undefined, and any other error is thrown on. */
export function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

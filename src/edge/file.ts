// Reads and replaces the table and the saved state: a file is whole or unchanged, whatever the file system does. It does not
// know what the files mean.
import type { Mode, PathLike, Stats } from 'node:fs';
import * as nodeFiles from 'node:fs/promises';
import { access, constants, type FileHandle, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { irregularity, oversize } from '../core/base/regular-file.ts';
import { advise, FILE_ADVICE, missing } from '../core/base/system-error.ts';
import { FileError, type FileLook, type StagedTable, type TableFile, type WholeFile } from '../ports.ts';

/** Postfix reads the table as root, but the administrator should be able to look at it. */
const TABLE_MODE = 0o644;
const STATE_MODE = 0o600;
/** A file keeps its own mode when it is replaced, as far as no other user may write or execute it. */
const KEPT_MODE = 0o644;
const CHUNK_BYTES = 1 << 16;
/** Opening what turns out to be no file must neither wait nor follow a link. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The calls that read and write; a test replaces them to stop at each one. */
export interface FileSystem {
  lstat(path: PathLike): Promise<Stats>;
  open(path: PathLike, flags: string | number, mode?: Mode): Promise<FileHandle>;
  rename(from: PathLike, to: PathLike): Promise<void>;
  rm(path: PathLike, options: { readonly force: boolean }): Promise<void>;
}

/** The saved state. */
export function createWholeFile(path: string, files: FileSystem = nodeFiles): WholeFile {
  return {
    read: () => readText(files, path),
    write: (text) =>
      withFileError(path, async () => {
        const temporary = await writeBeside(files, path, text, STATE_MODE);
        await orRemove(files, temporary, () => putInPlace(files, temporary, text, path));
      }),
    setAside: (suffix) =>
      withFileError(path, async () => {
        const aside = `${path}.${suffix}`;
        await files.rename(path, aside);
        await syncDirectory(files, dirname(path));
        return aside;
      }),
  };
}

/**
 * The table. Refuses, with FileError, a path that is a directory (the Engine makes one for a missing mount source)
 * or a mount of its own: nothing can be renamed onto it, and the other container would not see it.
 */
export function createTableFile(path: string, files: FileSystem = nodeFiles): TableFile {
  return {
    async read() {
      await refuseMounts(files, path);
      return readText(files, path);
    },
    stage: (text) =>
      withFileError(path, async () => {
        return stagedTable(files, path, await writeBeside(files, path, text, TABLE_MODE), text);
      }),
  };
}

export function createFileLook(): FileLook {
  return {
    marks: (path) =>
      withFileError(path, async () => {
        const found = await stat(path, { bigint: true }).catch(missing);
        return found && `${found.ino} ${found.size} ${found.mtimeNs / 1_000_000_000n}`;
      }),
    replaceable: (path) =>
      withFileError(path, () => access(`${dirname(path)}/.`, constants.W_OK | constants.X_OK)),
  };
}

function stagedTable(files: FileSystem, path: string, temporary: string, text: string): StagedTable {
  return {
    name: basename(temporary),
    commit: (expected) =>
      withFileError(path, async () => {
        if ((await readText(files, path)) !== expected) return false;
        await putInPlace(files, temporary, text, path);
        return true;
      }),
    discard: () => withFileError(temporary, () => files.rm(temporary, { force: true })),
  };
}

async function refuseMounts(files: FileSystem, path: string): Promise<void> {
  const found = await withFileError(path, () => files.lstat(path).catch(missing));
  const advice = `mount the directory ${dirname(path)} in both containers, not the file`;
  if (found?.isDirectory())
    throw new FileError(`${path} is a directory, which stops Postfix's port 25: remove it and ${advice}`);
  const mounts = (await readText(files, '/proc/self/mountinfo')) ?? '';
  if (mountPoints(mounts).includes(path))
    throw new FileError(`${path} is mounted as a single file: ${advice}`);
}

/** Mount points in the text of /proc/self/mountinfo, which has blanks and the like as octal escapes (proc(5)). */
export function mountPoints(mountinfo: string): string[] {
  const fields = mountinfo.split('\n').flatMap((line) => line.split(' ')[4] ?? []);
  return fields.map((field) =>
    field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
  );
}

/** One character a byte; undefined: there is no such file. A link is not followed. */
async function readText(files: FileSystem, path: string): Promise<string | undefined> {
  return withFileError(path, async () => {
    // Looked at first, since to open a device may do something to it.
    const found = await files.lstat(path).catch(missing);
    if (found === undefined) return undefined;
    refuse(irregularity(path, found));
    const file = await files.open(path, READ_FLAGS).catch(missing);
    if (file === undefined) return undefined;
    return closing(file, async () => {
      refuse(irregularity(path, await file.stat()));
      return (await readAll(path, file)).toString('latin1');
    });
  });
}

/** To its end, whatever `stat` says of its size: that of files in /proc is 0, and a file can grow meanwhile. */
async function readAll(path: string, file: FileHandle): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let size = 0; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, null);
    if (bytesRead === 0) return Buffer.concat(chunks);
    size += bytesRead;
    refuse(oversize(path, size));
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

/**
 * Writes a new version beside the file, to be renamed onto it, with the owner and mode of the old one. Its name is
 * always the same, so that the next write removes what a kill left behind. Nothing is left behind by a write that fails.
 */
async function writeBeside(files: FileSystem, path: string, text: string, mode: number): Promise<string> {
  refuse(oversize(path, text.length));
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  const old = await files.lstat(path).catch(missing);
  if (old !== undefined) refuse(irregularity(path, old));
  await files.rm(temporary, { force: true });
  const file = await files.open(temporary, 'wx', mode);
  const work = async () => {
    await file.chmod(old === undefined ? mode : old.mode & KEPT_MODE);
    // Only root with CAP_CHOWN may give a file away; it stays ours then, which Postfix does not mind.
    if (old !== undefined) await file.chown(old.uid, old.gid).catch(notPermitted);
    await file.writeFile(text, 'latin1');
    await file.sync();
  };
  await orRemove(files, temporary, () => closing(file, work));
  return temporary;
}

/** Does the work; when that fails, the file does not stay. */
async function orRemove(files: FileSystem, temporary: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await files.rm(temporary, { force: true }).catch(ignoreErrno);
    throw error;
  }
}

function notPermitted(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPERM') throw error;
}

/** Renames what writeBeside has written, if it is still there: a rename would also put a directory there, or a link. */
async function putInPlace(files: FileSystem, temporary: string, text: string, path: string): Promise<void> {
  const found = await files.lstat(temporary).catch(missing);
  if (found?.isFile() !== true || found.size !== text.length)
    throw new FileError(`${temporary} was changed by another program before it took the place of ${path}`);
  await files.rename(temporary, path);
  await syncDirectory(files, dirname(path));
}

/** A rename is on disk only when its directory is. */
async function syncDirectory(files: FileSystem, path: string): Promise<void> {
  const directory = await files.open(path, 'r');
  await closing(directory, () => directory.sync());
}

/**
 * Closes the file after the work. A failure to close changes nothing about what the work gave: the descriptor is gone
 * (close(2)), and what was to be on disk is there since the fsync.
 */
async function closing<T>(file: FileHandle, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await file.close().catch(ignoreErrno);
  }
}

/** For the `catch` of a clean-up: an error of the file system does not replace the result, any other is a bug. */
function ignoreErrno(error: NodeJS.ErrnoException): void {
  if (error.code === undefined) throw error;
}

function refuse(reason: string | null): void {
  if (reason !== null) throw new FileError(reason);
}

/** Turns an error of the file system into FileError, with what to do about it at `path`. */
async function withFileError<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = advise(path, error, FILE_ADVICE);
    throw reason === undefined ? error : new FileError(reason, { cause: error });
  }
}

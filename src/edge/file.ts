import * as nodeFiles from 'node:fs/promises';
import { access, constants, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { advise, FILE_ADVICE, missing } from '../core/errno.ts';
import { FileError, type FileLook, type StagedTable, type TableFile, type WholeFile } from '../ports.ts';

/** Postfix reads the table as root, but the administrator should be able to look at it. */
const TABLE_MODE = 0o644;
const STATE_MODE = 0o600;

/** What is asked of the file system to read and write: a test stands in between to stop it at each call. */
export type FileSystem = Pick<typeof nodeFiles, 'lstat' | 'open' | 'readFile' | 'rename' | 'rm'>;

/** The saved state. */
export function createWholeFile(path: string, files: FileSystem = nodeFiles): WholeFile {
  return {
    read: () => readIfThere(files, path),
    write: (text) => told(path, () => replaceWhole(files, path, text, STATE_MODE)),
    setAside: (suffix) =>
      told(path, async () => {
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
      return readIfThere(files, path);
    },
    stage: (text) =>
      told(path, async () => {
        return stagedTable(files, path, await writeBeside(files, path, text, TABLE_MODE));
      }),
  };
}

export function createFileLook(): FileLook {
  return {
    marks: (path) =>
      told(path, async () => {
        const found = await stat(path, { bigint: true }).catch(missing);
        return found && `${found.ino} ${found.size} ${found.mtimeNs / 1_000_000_000n}`;
      }),
    replaceable: (path) => told(path, () => access(`${dirname(path)}/.`, constants.W_OK | constants.X_OK)),
  };
}

function stagedTable(files: FileSystem, path: string, temporary: string): StagedTable {
  return {
    name: basename(temporary),
    commit: (expected) =>
      told(path, async () => {
        if ((await readIfThere(files, path)) !== expected) return false;
        await files.rename(temporary, path);
        await syncDirectory(files, dirname(path));
        return true;
      }),
    discard: () => files.rm(temporary, { force: true }),
  };
}

async function refuseMounts(files: FileSystem, path: string): Promise<void> {
  const found = await told(path, () => files.lstat(path).catch(missing));
  const advice = `mount the directory ${dirname(path)} in both containers, not the file`;
  if (found?.isDirectory())
    throw new FileError(`${path} is a directory, which stops Postfix's port 25: remove it and ${advice}`);
  const mounts = (await readIfThere(files, '/proc/self/mountinfo')) ?? '';
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

async function readIfThere(files: FileSystem, path: string): Promise<string | undefined> {
  return told(path, async () => (await files.readFile(path).catch(missing))?.toString('latin1'));
}

async function replaceWhole(files: FileSystem, path: string, text: string, mode: number): Promise<void> {
  await files.rename(await writeBeside(files, path, text, mode), path);
  await syncDirectory(files, dirname(path));
}

/**
 * Writes a new version beside the file, to be renamed onto it, with the owner and mode of the old one. Its name is
 * always the same, so that what a kill left behind is cleared away by the next write.
 */
async function writeBeside(files: FileSystem, path: string, text: string, mode: number): Promise<string> {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  await files.rm(temporary, { force: true });
  const file = await files.open(temporary, 'wx', mode);
  try {
    const old = await files.lstat(path).catch(missing);
    await file.chmod(old === undefined ? mode : old.mode & 0o777);
    // Only root with CAP_CHOWN may give a file away; it stays ours then, which Postfix does not mind.
    if (old !== undefined) await file.chown(old.uid, old.gid).catch(notPermitted);
    await file.writeFile(text, 'latin1');
    await file.sync();
  } finally {
    await file.close();
  }
  return temporary;
}

function notPermitted(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPERM') throw error;
}

/** A rename is on disk only when its directory is. */
async function syncDirectory(files: FileSystem, path: string): Promise<void> {
  const directory = await files.open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function told<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const advice = advise(path, error, FILE_ADVICE);
    throw advice === undefined ? error : new FileError(advice, { cause: error });
  }
}

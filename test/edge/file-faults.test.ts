import type { PathLike } from 'node:fs';
import * as nodeFiles from 'node:fs/promises';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_BYTES } from '../../src/core/base/regular-file.ts';
import { createTableFile, createWholeFile, type FileSystem } from '../../src/edge/file.ts';
import { FileError } from '../../src/ports.ts';
import { FaultyFiles, HostileFiles } from '../double/file-system.ts';

let folder: string;
let files: FaultyFiles;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'screenpass-faults-'));
  files = new FaultyFiles();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const path = () => join(folder, 'table.cidr');
const table = () => createTableFile(path(), files.files);
const state = () => createWholeFile(path(), files.files);
const errorOf = (work: Promise<unknown>) => work.catch((error: unknown) => error);

describe('a write that fails', () => {
  it.each([
    'chmod',
    'writeFile',
    'sync .table.cidr.tmp',
    'rename',
  ])('at %s leaves nothing beside the old file, and gives the error', async (call) => {
    await writeFile(path(), 'old');
    files.fault = { call: new RegExp(`^${call}`), code: 'EIO' };
    const error = await errorOf(state().write('new'));
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ message: expect.stringContaining('(EIO)'), cause: { code: 'EIO' } });
    expect(await readdir(folder)).toEqual(['table.cidr']);
    expect(await readFile(path(), 'utf8')).toBe('old');
  });

  it('at the clean-up gives the first error', async () => {
    files.fault = { call: /^(?:chmod|rm) /, code: 'EIO' };
    const hostile = new HostileFiles();
    const call = async (at: number, code: string | undefined, afterwards: string) => {
      hostile.calls.length = 0;
      hostile.failing = { at, code, afterwards };
      return await errorOf(createWholeFile(path(), hostile.files).write('new'));
    };
    await createWholeFile(path(), hostile.files).write('old');
    const at = hostile.calls.indexOf('writeFile .table.cidr.tmp');
    expect(await call(at, 'ENOSPC', 'EIO')).toMatchObject({ message: expect.stringContaining('(ENOSPC)') });
  });

  it('whose clean-up has a bug ends by that', async () => {
    let calls = 0;
    const buggy: FileSystem = {
      ...files.files,
      async rm(asked, options) {
        calls += 1;
        if (calls === 2) throw new TypeError('a bug');
        await nodeFiles.rm(asked, options);
      },
    };
    files.fault = { call: /^writeFile/, code: 'EIO' };
    await expect(createWholeFile(path(), buggy).write('new')).rejects.toThrow('a bug');
  });

  it('by a bug is no error of the file system', async () => {
    const hostile = new HostileFiles();
    hostile.failing = { at: 0, code: undefined };
    const error = await errorOf(createWholeFile(path(), hostile.files).read());
    expect(error).not.toBeInstanceOf(FileError);
    expect(error).toMatchObject({ message: expect.stringContaining('a bug') });
  });

  it('as another user could not give the file away keeps it ours; any other error of that is one', async () => {
    await writeFile(path(), 'old');
    files.fault = { call: /^chown /, code: 'EPERM' };
    await state().write('new');
    expect(files.refused).toBe(1);
    expect(await readFile(path(), 'utf8')).toBe('new');
    files.fault = { call: /^chown /, code: 'EIO' };
    expect(await errorOf(state().write('newer'))).toBeInstanceOf(FileError);
  });
});

describe('a file that is written', () => {
  it('is given to the owner of the old one, and nobody when there is none', async () => {
    files.fault = { call: /^chown /, code: 'EIO' };
    await state().write('first');
    expect(files.refused).toBe(0);
    await errorOf(state().write('second'));
    expect(files.refused).toBe(1);
  });

  it('keeps the mode of the old one, as far as others may not write it', async () => {
    await writeFile(path(), 'old');
    await chmod(path(), 0o626);
    await state().write('new');
    expect((await stat(path())).mode & 0o777).toBe(0o604);
  });

  it('is on disk with its directory', async () => {
    const hostile = new HostileFiles();
    await createWholeFile(path(), hostile.files).write('new');
    const folderName = folder.split('/').at(-1);
    const [sync, rename, directory, close] = [
      'sync .table.cidr.tmp',
      'rename .table.cidr.tmp table.cidr',
      `sync ${folderName}`,
      `close ${folderName}`,
    ].map((name) => hostile.calls.indexOf(name));
    expect(sync).toBeGreaterThan(0);
    expect(rename).toBeGreaterThan(sync ?? 0);
    expect(directory).toBeGreaterThan(rename ?? 0);
    expect(close).toBeGreaterThan(directory ?? 0);
    expect(hostile.calls).toContain('close .table.cidr.tmp');
  });

  it('is closed also when it was only read, and a failed close is no error', async () => {
    await writeFile(path(), 'old');
    files.fault = { call: /^close /, code: 'EIO' };
    expect(await state().read()).toBe('old');
    expect(files.refused).toBe(1);
  });

  it('is not larger than can be read again', async () => {
    await expect(state().write('x'.repeat(MAX_BYTES + 1))).rejects.toThrow(/larger than 16 MiB/);
    expect(await readdir(folder)).toEqual([]);
    await writeFile(path(), 'x'.repeat(MAX_BYTES + 1));
    await expect(state().read()).rejects.toThrow(/larger than 16 MiB/);
  });
});

it('a file that has no end, whatever its size is said to be, is not read into memory', async () => {
  await writeFile(path(), 'old');
  const endless: FileSystem = {
    ...nodeFiles,
    async open(_, flags) {
      const file = await nodeFiles.open('/dev/zero', flags);
      return new Proxy(file, {
        get(target, name) {
          if (name === 'stat') return () => stat(path());
          const value = Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  };
  await expect(createWholeFile(path(), endless).read()).rejects.toThrow(/larger than 16 MiB/);
});

describe('what is in the place of a file', () => {
  it('as a link is neither read nor replaced', async () => {
    await writeFile(join(folder, 'other'), 'other');
    await symlink(join(folder, 'other'), path());
    await expect(state().read()).rejects.toThrow(FileError);
    await expect(state().write('new')).rejects.toThrow(FileError);
    expect(await readFile(join(folder, 'other'), 'utf8')).toBe('other');
    expect(await readdir(folder)).toEqual(['other', 'table.cidr']);
  });

  it('that leaves between the look and the opening is no file', async () => {
    await writeFile(path(), 'old');
    files.fault = { call: /^open table/, code: 'ENOENT' };
    expect(await state().read()).toBeUndefined();
    expect(files.refused).toBe(1);
  });

  it.each([
    ['nothing', async () => {}],
    ['a directory of any size', (at: string) => mkdir(at)],
    ['another text', (at: string) => writeFile(at, 'changed')],
    ['a link', (at: string) => symlink('/etc/passwd', at)],
  ])('as %s instead of the new version is not put in place', async (_, make) => {
    const staged = await table().stage('new');
    await rm(join(folder, staged.name));
    await make(join(folder, staged.name));
    await expect(staged.commit(undefined)).rejects.toThrow(/was changed by another program/);
    expect(await table().read()).toBeUndefined();
  });

  it('as a link of the size of the new version is not put in place', async () => {
    const staged = await table().stage('x'.repeat('/etc/passwd'.length));
    await rm(join(folder, staged.name));
    await symlink('/etc/passwd', join(folder, staged.name));
    await expect(staged.commit(undefined)).rejects.toThrow(/was changed by another program/);
  });
});

describe('a table', () => {
  it('that is mounted as a single file is refused with the way out', async () => {
    const mountinfo = join(folder, 'mountinfo');
    await writeFile(path(), 'old');
    await writeFile(mountinfo, `731 22 254:0 /srv/table.cidr ${path()} rw - ext4 /dev/root rw\n`);
    const seen = (asked: PathLike) => (asked === '/proc/self/mountinfo' ? mountinfo : asked);
    const mounted: FileSystem = {
      ...nodeFiles,
      lstat: (asked) => nodeFiles.lstat(seen(asked)),
      open: (asked, flags, mode) => nodeFiles.open(seen(asked), flags, mode),
    };
    await expect(createTableFile(path(), mounted).read()).rejects.toThrow(/is mounted as a single file/);
    expect(await createTableFile(`${path()}.other`, mounted).read()).toBeUndefined();
  });

  it('where the list of mounts cannot be read is as if there were none', async () => {
    await writeFile(path(), 'old');
    files.fault = { call: /^lstat mountinfo/, code: 'ENOENT' };
    expect(await table().read()).toBe('old');
    expect(files.refused).toBe(1);
  });
});

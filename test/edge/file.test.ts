import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFileLook, createTableFile, createWholeFile, mountPoints } from '../../src/edge/file.ts';
import { FileError } from '../../src/ports.ts';

const BYTES = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'screenpass-file-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a whole file', () => {
  it('keeps any byte, is for us alone, and leaves nothing beside it', async () => {
    const file = createWholeFile(join(folder, 'state.json'));
    expect(await file.read()).toBeUndefined();
    await file.write(BYTES);
    expect(await file.read()).toBe(BYTES);
    await file.write('second');
    expect(await file.read()).toBe('second');
    expect((await stat(join(folder, 'state.json'))).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['state.json']);
  });

  it('can be put aside', async () => {
    const file = createWholeFile(join(folder, 'state.json'));
    await file.write('bad');
    expect(await readFile(await file.setAside('bad-2026'), 'utf8')).toBe('bad');
    expect(await file.read()).toBeUndefined();
  });

  it('says what to do when its directory is not there', async () => {
    const file = createWholeFile(join(folder, 'missing', 'state.json'));
    await expect(file.write('x')).rejects.toThrow(
      /state\.json: its directory does not exist: mount it \(ENOENT\)/,
    );
  });
});

describe('the table', () => {
  const path = () => join(folder, 'table.cidr');

  it('takes the new version only when asked to, readable for everybody', async () => {
    const table = createTableFile(path());
    await writeFile(path(), 'old');
    const staged = await table.stage('new');
    expect(await readFile(join(folder, staged.name), 'utf8')).toBe('new');
    expect(await table.read()).toBe('old');
    expect(await staged.commit('old')).toBe(true);
    await staged.discard();
    expect(await table.read()).toBe('new');
    expect((await stat(path())).mode & 0o777).toBe(0o644);
    expect(await readdir(folder)).toEqual(['table.cidr']);
  });

  it('does not overwrite what somebody wrote in the meantime', async () => {
    const table = createTableFile(path());
    const staged = await table.stage('new');
    await writeFile(path(), 'theirs');
    expect(await staged.commit(undefined)).toBe(false);
    await staged.discard();
    expect(await table.read()).toBe('theirs');
    expect(await readdir(folder)).toEqual(['table.cidr']);
  });

  it('keeps any byte', async () => {
    const table = createTableFile(path());
    expect(await (await table.stage(BYTES)).commit(undefined)).toBe(true);
    expect(await table.read()).toBe(BYTES);
  });

  it('cannot be a directory', async () => {
    await mkdir(path());
    await expect(createTableFile(path()).read()).rejects.toThrow(/is a directory.*mount the directory/);
  });

  it('says what to do when it cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    const stage = createTableFile(join(folder, 'file', 'table.cidr')).stage('x');
    await expect(stage).rejects.toThrow(FileError);
  });
});

describe('mount points', () => {
  it('are read as the kernel writes them, blanks and all', () => {
    const mountinfo = [
      '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw',
      '731 22 254:0 /srv/a\\040b /etc/screen\\040pass/table.cidr rw - ext4 /dev/root rw',
      '',
    ].join('\n');
    expect(mountPoints(mountinfo)).toEqual(['/', '/etc/screen pass/table.cidr']);
  });
});

describe('a look at files', () => {
  const look = createFileLook();

  it('gives the marks of the file behind a link, as stat prints them, and none of one that is not there', async () => {
    const path = join(folder, 'table.cidr');
    expect(await look.marks(path)).toBeUndefined();
    await writeFile(path, 'text');
    await symlink(path, join(folder, 'link'));
    const { stdout } = await promisify(execFile)('stat', ['-L', '-c', '%i %s %Y', path]);
    expect(await look.marks(path)).toBe(stdout.trim());
    expect(await look.marks(join(folder, 'link'))).toBe(stdout.trim());
  });

  it('says whether a file could be replaced, and leaves nothing behind', async () => {
    await look.replaceable(join(folder, 'table.cidr'));
    expect(await readdir(folder)).toEqual([]);
    const nowhere = look.replaceable(join(folder, 'missing', 'table.cidr'));
    await expect(nowhere).rejects.toThrow(/its directory does not exist: mount it \(ENOENT\)/);
    await writeFile(join(folder, 'file'), '', { mode: 0o755 });
    await expect(look.replaceable(join(folder, 'file', 'table.cidr'))).rejects.toThrow(FileError);
  });
});

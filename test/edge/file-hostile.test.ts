import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import * as nodeFiles from 'node:fs/promises';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_BYTES } from '../../src/core/base/regular-file.ts';
import { createTableFile, createWholeFile, type FileSystem } from '../../src/edge/file.ts';
import { readSettingsFile } from '../../src/edge/settings-file.ts';
import { FileError } from '../../src/ports.ts';
import { HostileFiles } from '../double/file-system.ts';

const OLD = '198.51.100.7 reject\n';
const NEXT = `${OLD}# >>> screenpass\n# <<< screenpass\n`;
const CODES = [
  ...[
    'EROFS',
    'EISDIR',
    'ENOTDIR',
    'EIO',
    'ENOSPC',
    'EDQUOT',
    'EACCES',
    'EPERM',
    'ESTALE',
    'ELOOP',
    'ENOTEMPTY',
  ],
  ...['EBUSY', 'EMFILE', 'ENXIO', 'ETIMEDOUT', 'ERR_FS_EISDIR'],
];

const mayMount = spawnSync('unshare', ['--mount', 'mount', '--bind', '/tmp', '/tmp']).status === 0;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'screenpass-hostile-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

type Operation = (path: string, files: FileSystem) => Promise<unknown>;

/** All that the file edge does, each from its first call to its last one. */
const OPERATIONS: Record<string, Operation> = {
  'reading the state': (path, files) => createWholeFile(path, files).read(),
  'writing the state': (path, files) => createWholeFile(path, files).write(NEXT),
  'putting the state aside': (path, files) => createWholeFile(path, files).setAside('bad'),
  'reading the table': (path, files) => createTableFile(path, files).read(),
  'replacing the table': async (path, files) => {
    const staged = await createTableFile(path, files).stage(NEXT);
    return staged.commit(OLD);
  },
  'a new version that is not used': async (path, files) => {
    const staged = await createTableFile(path, files).stage(NEXT);
    await staged.discard();
  },
};

interface Outcome {
  readonly result: unknown;
  readonly error: unknown;
}

/** Runs the operation once in a folder that has the old version and nothing else. */
async function run(name: string, files: FileSystem): Promise<Outcome & { readonly left: string[] }> {
  const path = join(folder, 'file');
  for (const one of await readdir(folder)) await rm(join(folder, one), { recursive: true });
  await writeFile(path, OLD);
  const outcome = await (OPERATIONS[name] as Operation)(path, files).then(
    (result): Outcome => ({ result, error: null }),
    (error: unknown): Outcome => ({ result: null, error }),
  );
  return { ...outcome, left: await readdir(folder) };
}

/** A failed close changes nothing, and a file that cannot be given to its owner stays ours. */
const isBearable = (call: string, code: string | undefined) =>
  code !== undefined && (call.startsWith('close ') || (call.startsWith('chown ') && code === 'EPERM'));

describe.each(Object.keys(OPERATIONS))('%s on a hostile file system', (name) => {
  async function callsOf(): Promise<{ calls: readonly string[]; result: unknown }> {
    const files = new HostileFiles();
    const { result, error } = await run(name, files.files);
    expect(error).toBeNull();
    expect(files.calls.length).toBeGreaterThan(1);
    return { calls: files.calls, result };
  }

  it('fails with FileError alone, whichever call fails and how, and leaves the file whole', async () => {
    const { calls, result } = await callsOf();
    for (const [at, call] of calls.entries()) {
      for (const code of CODES) {
        const files = new HostileFiles();
        files.failing = { at, code };
        const outcome = await run(name, files.files);
        const what = `${code} at call ${at}, ${call}`;
        if (isBearable(call, code)) {
          expect(outcome, what).toMatchObject({ result, error: null });
          continue;
        }
        expect(outcome.error, what).toBeInstanceOf(FileError);
        expect((outcome.error as Error).message, what).toContain(code);
        const [file, ...more] = outcome.left.filter((one) => one !== '.file.tmp');
        expect([OLD, NEXT], what).toContain(readFileSync(join(folder, file ?? ''), 'utf8'));
        expect(more, what).toEqual([]);
      }
    }
  });

  it('says what failed first when the clean-up fails as well', async () => {
    const { calls } = await callsOf();
    for (const [at, call] of calls.entries()) {
      if (isBearable(call, 'ENOSPC')) continue;
      const files = new HostileFiles();
      files.failing = { at, code: 'ENOSPC', afterwards: 'EROFS' };
      const { error } = await run(name, files.files);
      expect(error, call).toBeInstanceOf(FileError);
      expect((error as Error).message, `call ${at}, ${call}`).toContain('ENOSPC');
    }
  });

  it('shows a bug as the bug that it is', async () => {
    const { calls } = await callsOf();
    for (const [at, call] of calls.entries()) {
      const files = new HostileFiles();
      files.failing = { at, code: undefined };
      const { error } = await run(name, files.files);
      expect(error, call).not.toBeInstanceOf(FileError);
      expect(String(error), call).toContain('a bug at');
    }
  });
});

/** What can be in the place of a file, made at the path; gives what ends it. */
const IN_PLACE: Record<string, { make: (path: string) => Promise<unknown>; says: RegExp }> = {
  'a FIFO': {
    make: async (path) => execFileSync('mkfifo', [path]),
    says: /is a FIFO, not a file: remove it/,
  },
  'a directory': { make: (path) => mkdir(path), says: /is a directory/ },
  'a link to a file': {
    make: async (path) => {
      await writeFile(`${path}.target`, 'secret');
      await symlink(`${path}.target`, path);
    },
    says: /is a symbolic link, .*: replace it by the file itself with cp --remove-destination "\$\(readlink -f /,
  },
  'a link to nothing': { make: (path) => symlink('/nowhere', path), says: /is a symbolic link/ },
  'a link to itself': { make: (path) => symlink(path, path), says: /is a symbolic link/ },
  'a file of 17 MiB': {
    make: (path) => writeFile(path, Buffer.alloc(17 * 2 ** 20)),
    says: /is larger than 16 MiB: remove/,
  },
};

describe.each(Object.entries(IN_PLACE))('%s in place of', (_, { make, says }) => {
  const path = () => join(folder, 'file');

  it.each([
    'the table',
    'the state',
  ])('%s is neither read nor replaced, with the reason and what to do', async (what) => {
    await make(path());
    const before = await nodeFiles.lstat(path());
    const file = what === 'the table' ? createTableFile(path()) : createWholeFile(path());
    const write = () => ('stage' in file ? file.stage(NEXT) : file.write(NEXT));
    await expect(file.read()).rejects.toThrow(says);
    await expect(file.read()).rejects.toBeInstanceOf(FileError);
    await expect(write()).rejects.toThrow(says);
    await expect(write()).rejects.toBeInstanceOf(FileError);
    expect(await nodeFiles.lstat(path())).toMatchObject({ ino: before.ino, mode: before.mode });
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('the table while its new version waits is not replaced', async () => {
    const staged = await createTableFile(path()).stage(NEXT);
    await make(path());
    await expect(staged.commit(undefined)).rejects.toThrow(says);
    await staged.discard();
  });
});

describe('a table', () => {
  const path = () => join(folder, 'table.cidr');

  it('that is a socket or a device is refused', async () => {
    await using server = createServer().listen(path());
    await new Promise((done) => server.once('listening', done));
    await expect(createTableFile(path()).read()).rejects.toThrow(/is a socket, not a file: remove it/);
    for (const device of ['/dev/zero', '/dev/null', '/dev/full'])
      await expect(createTableFile(device).read()).rejects.toThrow(/is a device, not a file: remove it/);
    await expect(createWholeFile('/dev/full').write('x')).rejects.toThrow(FileError);
  });

  it('that becomes another thing between the look and the opening, or has no end, is refused', async () => {
    await writeFile(path(), OLD);
    const found = await stat(path());
    const opening = (other: string, stats = () => nodeFiles.stat(other)): FileSystem => ({
      ...nodeFiles,
      async open(_, flags) {
        const file = await nodeFiles.open(other, flags);
        return new Proxy(file, {
          get: (target, name) => {
            const value = name === 'stat' ? stats : Reflect.get(target, name);
            return typeof value === 'function' ? value.bind(target) : value;
          },
        });
      },
    });
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    await expect(createWholeFile(path(), opening(fifo)).read()).rejects.toThrow(/is a FIFO/);
    const link = join(folder, 'link');
    await symlink(path(), link);
    await expect(createWholeFile(path(), opening(link)).read()).rejects.toThrow(/circle.*\(ELOOP\)/);
    const growing = opening('/dev/zero', async () => found);
    await expect(createWholeFile(path(), growing).read()).rejects.toThrow(/larger than 16 MiB/);
  });

  it('of the largest size is read, and none is written that could not be read again', async () => {
    const largest = 'x'.repeat(MAX_BYTES);
    await createWholeFile(path()).write(largest);
    expect((await createWholeFile(path()).read())?.length).toBe(MAX_BYTES);
    await expect(createTableFile(path()).stage(`${largest}x`)).rejects.toThrow(/larger than 16 MiB/);
    expect((await stat(path())).size).toBe(MAX_BYTES);
  });

  it.each([
    [0o600, 0o600],
    [0o640, 0o640],
    [0o644, 0o644],
    [0o666, 0o644],
    [0o4777, 0o644],
  ])('of mode %o is replaced by one of mode %o', async (mode, kept) => {
    await writeFile(path(), OLD);
    await chmod(path(), mode);
    const staged = await createTableFile(path()).stage(NEXT);
    expect(await staged.commit(OLD)).toBe(true);
    expect((await stat(path())).mode & 0o7777).toBe(kept);
  });

  it.each([
    'directory',
    'link',
    'nothing',
    'other text',
  ])('is not replaced by what somebody put into the place of its new version: %s', async (what) => {
    for (const isThere of [true, false]) {
      if (isThere) await writeFile(path(), OLD);
      const staged = await createTableFile(path()).stage(NEXT);
      const temporary = join(folder, staged.name);
      await rm(temporary);
      if (what === 'directory') mkdirSync(temporary);
      if (what === 'link') await symlink('/etc/passwd', temporary);
      if (what === 'other text') await writeFile(temporary, `${NEXT}0.0.0.0/0 permit\n`);
      await expect(staged.commit(isThere ? OLD : undefined)).rejects.toThrow(/changed by another program/);
      if (what === 'directory') {
        await expect(staged.discard()).rejects.toThrow(/remove it \(ERR_FS_EISDIR\)/);
        await expect(createTableFile(path()).stage(NEXT)).rejects.toThrow(/ends in \.tmp: remove it/);
      } else await staged.discard();
      expect(await createTableFile(path()).read()).toBe(isThere ? OLD : undefined);
      await rm(temporary, { recursive: true, force: true });
      await rm(path(), { force: true });
    }
  });
});

describe('the file of a setting', () => {
  it('may be a link, as that of a secret is, and is a regular file of a bearable size', async () => {
    const path = join(folder, 'secret');
    await writeFile(path, 'grüße');
    await symlink(path, join(folder, 'link'));
    expect(readSettingsFile(join(folder, 'link'))).toBe('grüße');
    expect(readSettingsFile('/proc/self/status')).toContain('Pid:');
    for (const name of ['a FIFO', 'a directory', 'a file of 17 MiB'] as const) {
      const other = join(folder, name);
      await IN_PLACE[name]?.make(other);
      expect(() => readSettingsFile(other)).toThrow(IN_PLACE[name]?.says);
      expect(() => readSettingsFile(other)).toThrow(FileError);
    }
    expect(() => readSettingsFile('/dev/zero')).toThrow(/is a device, not a file/);
    expect(() => readSettingsFile(join(folder, 'missing'))).toThrow(
      /missing: there is no such file \(ENOENT\)/,
    );
  });
});

describe.skipIf(!mayMount)('a directory that becomes read-only while Postfix is asked', () => {
  it('leaves the old table and says so, although the new version cannot be removed', async () => {
    const entry = join(import.meta.dirname, 'read-only-process.ts');
    const program = join(folder, 'program.mjs');
    await build({ entryPoints: [entry], outfile: program, bundle: true, platform: 'node', format: 'esm' });
    const shared = join(folder, 'shared');
    await mkdir(shared);
    await writeFile(join(shared, 'table.cidr'), OLD);
    const script = 'mount --bind "$1" "$1" && exec "$2" "$3" "$1"';
    const args = ['--mount', 'sh', '-c', script, 'sh', shared, process.execPath, program];
    const told = JSON.parse(execFileSync('unshare', args, { encoding: 'utf8' }));
    const refused = ['FileError', expect.stringMatching(/mount its directory writable \(EROFS\)$/)];
    expect(told).toEqual({ commit: refused, discard: refused, write: refused, read: OLD });
    expect(await readFile(join(shared, 'table.cidr'), 'utf8')).toBe(OLD);
    const single = 'mount --bind "$1/table.cidr" "$1/table.cidr" && exec "$2" "$3" "$1"';
    const found = JSON.parse(
      execFileSync('unshare', ['--mount', 'sh', '-c', single, ...args.slice(4)], { encoding: 'utf8' }),
    );
    expect(found.read).toEqual(['FileError', expect.stringMatching(/is mounted as a single file/)]);
  });
});

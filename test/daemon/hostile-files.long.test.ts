import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTableFile, createWholeFile } from '../../src/edge/file.ts';
import { FaultyFiles } from '../double/file-system.ts';
import { World } from '../double/world.ts';

const SES = ['54.240.27.75', '54.240.27.76'] as const;
const GOOGLE = ['74.125.82.41', '74.125.82.42'] as const;

/** A daemon that follows and has put SES into the table. */
async function working(files?: FaultyFiles): Promise<World> {
  const world = await World.create();
  const ports = files && {
    table: createTableFile(world.table, files.files),
    state: createWholeFile(world.stateFile, files.files),
  };
  world.start({}, ports);
  await world.until('the log is followed', () => world.engine.followers > 0);
  await world.connect(SES[0]);
  await world.alert('reload-done');
  return world;
}

/** It works: the next sender that is refused gets in. */
async function opens(world: World, [first, second]: readonly [string, string]): Promise<void> {
  await world.eventually('it is allowed', () => world.told('sender-allowed').length === 2);
  await world.eventually('it is loaded', () => world.told('reload-done').length >= 2);
  expect(first).not.toBe(second);
  expect(await world.connect(second)).toBe('allowlisted');
}

/** In the place of the table or state that is moved away meanwhile; each gives what ends it. */
const IN_PLACE: Record<string, (path: string) => Promise<() => Promise<unknown>>> = {
  'a FIFO': async (path) => {
    execFileSync('mkfifo', [path]);
    return () => rm(path);
  },
  'a directory': async (path) => {
    await mkdir(path);
    return () => rm(path, { recursive: true });
  },
  'a symbolic link': async (path) => {
    await symlink(`${path}.kept`, path);
    return () => rm(path);
  },
  'a socket': async (path) => {
    const server = createServer().listen(path);
    await new Promise((done) => server.once('listening', done));
    return async () => void server.close();
  },
  'larger than 16 MiB': async (path) => {
    await writeFile(path, Buffer.alloc(17 * 2 ** 20, '#\n'));
    return () => rm(path);
  },
};

describe.each(Object.entries(IN_PLACE))('a daemon finds %s', (what, make) => {
  it('in the place of its table: it reports that once, goes on, and works when the table is back', async () => {
    await using world = await working();
    await rename(world.table, `${world.table}.kept`);
    const end = await make(world.table);
    await world.eventually('it is reported', () => world.told('table-invalid').length === 1);
    expect(world.told('table-invalid')).toMatchObject([
      { reason: expect.stringContaining(what), line: null },
    ]);
    expect(await world.ask('status')).toMatchObject({ result: { reload: 'failing' } });
    await world.connect(GOOGLE[0]);
    await world.alert('sender-refused', 2);
    await world.pass(60_000);
    expect(world.told('table-invalid')).toHaveLength(1);
    await end();
    await rename(`${world.table}.kept`, world.table);
    await opens(world, GOOGLE);
    expect(world.told('table-valid')).toHaveLength(1);
  });

  it('in the place of its state: it reports that once, goes on, and saves when that is gone', async () => {
    await using world = await working();
    // No write is in hand then.
    await world.pass(5_000);
    await rename(world.stateFile, `${world.stateFile}.kept`);
    const end = await make(world.stateFile);
    await world.connect(GOOGLE[0]);
    await opens(world, GOOGLE);
    await world.alert('state-unsaved');
    expect(world.told('state-unsaved')).toMatchObject([{ reason: expect.stringContaining(what) }]);
    await end();
    await world.eventually('it is saved', () => world.told('state-saved').length === 1);
  });
});

describe('a daemon whose file system refuses', () => {
  it.each([
    ...['lstat postscreen_access.cidr', 'lstat mountinfo', 'open mountinfo', 'read mountinfo'],
    ...['open postscreen_access.cidr', 'stat postscreen_access.cidr', 'read postscreen_access.cidr'],
    ...[
      'rm',
      'open .postscreen_access.cidr.tmp',
      'chmod',
      'chown',
      'writeFile',
      'sync',
      'lstat .postscreen',
      'rename',
    ],
  ])('%s reports it once, goes on, and works when it is over', async (call) => {
    const files = new FaultyFiles();
    await using world = await working(files);
    const isTables = /mountinfo|postscreen/.test(call);
    files.fault = { call: new RegExp(`^${call}${isTables ? '' : ' .*postscreen_access'}`), code: 'EIO' };
    await world.connect(GOOGLE[0]);
    await world.eventually('it is reported', () => world.told('table-invalid').length === 1);
    await world.pass(60_000);
    expect(files.refused).toBeGreaterThan(2);
    expect(world.told('table-invalid')).toMatchObject([{ reason: expect.stringContaining('EIO') }]);
    expect(world.told('table-valid')).toEqual([]);
    files.fault = null;
    await opens(world, GOOGLE);
    expect(world.told('table-valid')).toHaveLength(1);
  });
});

describe('a daemon, while Postfix is asked about the new table,', () => {
  /** `happen` comes before the answer of the first `postmap -q` that asks about a new version. */
  function whileAsked(world: World, happen: () => void): void {
    let isOver = false;
    world.engine.onExec((argv) => {
      if (!isOver && argv.join(' ').includes('.cidr.tmp')) {
        isOver = true;
        happen();
      }
      return world.mail.exec(argv);
    });
  }

  it('finds its directory read-only: it reports that, and works when it is writable', async () => {
    const files = new FaultyFiles();
    await using world = await working(files);
    whileAsked(world, () => {
      files.fault = { call: /^(?:rename|rm|open) \.postscreen_access/, code: 'EROFS' };
    });
    await world.connect(GOOGLE[0]);
    await world.eventually('it is reported', () => world.told('table-invalid').length === 1);
    await world.pass(60_000);
    expect(world.told('table-invalid')).toMatchObject([
      { reason: expect.stringContaining('mount its directory writable (EROFS)') },
    ]);
    expect(world.errors).toMatchObject([expect.stringContaining('could not be removed')]);
    files.fault = null;
    await opens(world, GOOGLE);
    expect(world.told('table-valid')).toHaveLength(1);
  });

  it('finds a directory in the place of its new version: it reports that, and works when that is gone', async () => {
    await using world = await working();
    const temporary = join(world.folder, '.postscreen_access.cidr.tmp');
    whileAsked(world, () => {
      execFileSync('rm', [temporary]);
      mkdirSync(temporary);
    });
    await world.connect(GOOGLE[0]);
    await world.eventually('it is reported', () => world.told('table-invalid').length >= 1);
    await world.pass(60_000);
    expect(world.told('table-invalid').at(-1)).toMatchObject({
      reason: expect.stringContaining('remove it'),
    });
    await rm(temporary, { recursive: true });
    await opens(world, GOOGLE);
    expect(world.told('table-valid')).toHaveLength(1);
  });

  it('finds its table changed each time: it backs off, reports that, and works when it is left in peace', async () => {
    await using world = await working();
    const table = await world.readTable();
    let edits = 0;
    world.engine.onExec(async (argv) => {
      if (argv.join(' ').includes('.cidr.tmp')) {
        edits += 1;
        await world.writeTable(`# edit ${edits}\n${table}`);
      }
      return world.mail.exec(argv);
    });
    await world.connect(GOOGLE[0]);
    await world.eventually('it is reported', () => world.told('table-invalid').length === 1);
    await world.pass(8_000);
    expect(world.told('table-invalid')).toMatchObject([
      { reason: expect.stringContaining('another program') },
    ]);
    // Rounds at 0, 1, 3 and 7 s, and one more that may have begun.
    expect(edits).toBeLessThanOrEqual(15);
    world.engine.onExec((argv) => world.mail.exec(argv));
    await opens(world, GOOGLE);
    expect(world.told('table-valid')).toHaveLength(1);
    expect(await world.readTable()).toContain(`# edit ${edits}\n# >>> screenpass\n`);
  });
});

describe('a second block of screenpass in the table', () => {
  it('is reported with its line, stays as it is, and its end is reported', async () => {
    await using world = await working();
    const table = await world.readTable();
    await world.writeTable(`${table}# mine\n${table}`);
    await world.eventually('it is reported', () => world.told('table-invalid').length === 1);
    const line = table.split('\n').length + 1;
    expect(world.told('table-invalid')).toMatchObject([
      {
        reason: 'the table has a second block of screenpass',
        line,
        remedy: expect.stringContaining(`${line} to `),
      },
    ]);
    await world.connect(GOOGLE[0]);
    await opens(world, GOOGLE);
    expect((await world.readTable()).endsWith(`# mine\n${table}`)).toBe(true);
    expect(world.told('table-invalid')).toHaveLength(1);
    await world.writeTable((await world.readTable()).replace(`# mine\n${table}`, '# mine\n'));
    await world.eventually('its end is reported', () => world.told('table-valid').length === 1);
    expect(world.told('table-valid')).toHaveLength(1);
  });
});

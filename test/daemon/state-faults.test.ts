import { readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { missing } from '../../src/core/base/system-error.ts';
import { readState } from '../../src/core/state/state-schema.ts';
import { createTableFile, createWholeFile } from '../../src/edge/file.ts';
import type { StagedTable } from '../../src/ports.ts';
import { FaultyFiles } from '../double/file-system.ts';
import { World } from '../double/world.ts';

const LATER = '{"version":99,"what":"only a later screenpass understands"}\n';

/** The daemon in a world whose state directory is faulty at will. */
async function faulty(): Promise<{ world: World; files: FaultyFiles; start: () => void }> {
  const world = await World.create();
  const files = new FaultyFiles();
  const start = () => world.start({}, { state: createWholeFile(world.stateFile, files.files) });
  return { world, files, start };
}

const setAside = async (world: World) =>
  (await readdir(world.folder)).filter((name) => name.startsWith('state.json.'));

function hasEntry(text: string, sender: string): boolean {
  const read = readState(text);
  return read.ok && read.state.entries.some((entry) => entry.sender === sender);
}

describe('the state', () => {
  it.each([
    ['ENOSPC', /^writeFile /, 'the disk is full'],
    ['EROFS', /^open .state/, 'mount its directory writable'],
    ['EIO', /^sync /, 'EIO'],
    ['EACCES', /^rename /, 'give screenpass the right to write'],
  ])('that cannot be saved (%s) is told once, stops nothing, and is saved and told when it can be', async (code, call, advice) => {
    const { world: owned, files, start } = await faulty();
    await using world = owned;
    files.fault = { call, code };
    start();
    await world.until('the log is followed', () => world.engine.followers > 0);
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    expect(await world.connect('54.240.27.76')).toBe('allowlisted');
    await world.pass(60_000);
    expect(files.refused).toBeGreaterThan(1);
    expect(world.told('state-unsaved')).toHaveLength(1);
    expect((await world.alert('state-unsaved')).reason).toContain(advice);
    files.fault = null;
    await world.eventually('it is saved', () => world.told('state-saved').length === 1);
    expect(await world.alert('state-saved')).toMatchObject({ seconds: expect.any(Number) });
    const read = readState(await readFile(world.stateFile, 'utf8'));
    expect(read).toMatchObject({ ok: true, state: { entries: [{ sender: 'amazon-ses' }] } });
    files.fault = { call, code };
    await world.connect('74.125.82.41');
    await world.eventually('it is told again', () => world.told('state-unsaved').length === 2);
  });

  it('is on disk before the table, also when it grew while Postfix was asked how it is set up', async () => {
    await using world = await World.create();
    for (const ip of ['54.240.27.75', '74.125.82.41']) await world.connect(ip);
    const unsaved: string[] = [];
    const file = createTableFile(world.table);
    async function stage(text: string): Promise<StagedTable> {
      const staged = await file.stage(text);
      async function commit(expected: string | undefined) {
        const opened = [...text.matchAll(/^# (\S+), since /gm)].map(([, sender]) => sender ?? '');
        const saved = (await readFile(world.stateFile, 'utf8').catch(missing)) ?? '';
        unsaved.push(...opened.filter((sender) => !hasEntry(saved, sender)));
        return staged.commit(expected);
      }
      return { ...staged, commit };
    }
    world.start({}, { table: { ...file, stage } });
    await world.eventually('both are let in', () => world.told('sender-allowed').length === 2);
    expect(unsaved).toEqual([]);
  });

  it('of a later version is put aside under its own name, whole, and told with what to do', async () => {
    await using world = await World.create();
    await writeFile(world.stateFile, LATER);
    world.start();
    await world.alert('started');
    const told = await world.alert('state-lost');
    expect(told).toMatchObject({
      reason: 'newer',
      aside: expect.stringContaining('state.json.version-99-2026'),
    });
    expect(told.remedy).toContain('newer version');
    expect(await readFile(told.aside ?? '', 'utf8')).toBe(LATER);
    expect(await setAside(world)).toHaveLength(1);
  });

  it('of a later version is not written over when it cannot be put aside, until it can be', async () => {
    const { world: owned, files, start } = await faulty();
    await using world = owned;
    await writeFile(world.stateFile, LATER);
    files.fault = { call: /^rename state\.json /, code: 'EROFS' };
    start();
    expect(await world.alert('state-lost')).toMatchObject({ reason: 'newer', aside: null });
    await world.alert('state-unsaved');
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    expect(await readFile(world.stateFile, 'utf8')).toBe(LATER);
    files.fault = null;
    // One ends state-lost, the other state-unsaved.
    await world.alertLater('state-saved', 2);
    expect(readState(await readFile(world.stateFile, 'utf8'))).toMatchObject({ ok: true });
    const [aside = ''] = await setAside(world);
    expect(await readFile(`${world.folder}/${aside}`, 'utf8')).toBe(LATER);
  });

  it('that is missing is no loss when the table has no entries', async () => {
    await using world = await World.following();
    expect(world.told('state-lost')).toEqual([]);
  });

  it('that is there but cannot be opened is not taken for a missing one', async () => {
    await using world = await World.create();
    const read = async () => createWholeFile(`${world.folder}/docker.sock/state.json`).read();
    world.start({}, { state: { ...createWholeFile(world.stateFile), read } });
    await expect(world.ended()).rejects.toThrow(/choose another directory \(ENOTDIR\)/);
  });

  it('is saved to the last handled line by a stop, so that the next start tells nothing twice', async () => {
    await using world = await World.following();
    const clients = Array.from({ length: 8 }, (_, i) => `54.240.27.${i + 1}`);
    for (const [i, ip] of clients.entries()) {
      const gone = world.connect(ip, { action: 'drop' });
      // Stopped sooner and later after the refusal was logged.
      for (let turn = 0; turn < i; turn += 1) await new Promise((done) => setImmediate(done));
      await world.stop();
      await gone;
      world.start();
      await world.until('it started', () => world.told('started').length === i + 2);
    }
    await world.pass(30_000);
    const ids = world.told('sender-refused').map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

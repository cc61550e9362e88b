import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Status } from '../../src/core/monitor/status-report.ts';
import { serveControl } from '../../src/edge/control-server.ts';
import type { Control, Report } from '../../src/ports.ts';
import { SILENT } from '../double/report.ts';
import { World } from '../double/world.ts';

describe('a stop', () => {
  it.each([
    ['postconf', 'the configuration is asked for'],
    ['postmap', 'Postfix checks the table'],
    ['postfix reload', 'Postfix reloads'],
  ])('does not wait for a command that hangs (%s)', async (command) => {
    await using world = await World.create();
    let hung = 0;
    world.engine.onExec((argv) => {
      if (!argv.join(' ').includes(command)) return world.mail.exec(argv);
      hung += 1;
      return new Promise(() => {});
    });
    world.start();
    await world.connect('54.240.27.75');
    await world.eventually('the command hangs', () => hung > 0);
    await world.stop();
    expect(world.told('reload-failed')).toEqual([]);
    // The state is saved though: nothing is reported twice.
    const refused = world.told('sender-refused').length;
    world.engine.onExec((argv) => world.mail.exec(argv));
    world.start();
    await world.eventually('Postfix has reloaded', () => world.told('reload-done').length > 0);
    expect(world.told('sender-refused')).toHaveLength(Math.max(1, refused));
  });
});

describe('a bug in a scheduled job', () => {
  const bug = new Error('bug');
  /** One that throws when it is given this alert. */
  const throwing = (kind: string): Report => ({
    ...SILENT,
    alert(given) {
      if (given === kind) throw bug;
    },
  });

  it.each([
    ['at its time', '23 6 * * *', 'digest'],
    ['in what it waits for', '23 4 * * *', 'refresh-failed'],
  ])('ends the daemon as any bug does: %s', async (_, expression, kind) => {
    await using world = await World.create();
    world.start({ SCREENPASS_SENDERS: 'amazon-ses' }, { report: throwing(kind) });
    await world.until('all senders were asked', async () => {
      const reply = await world.ask('status').catch(() => null);
      return reply?.ok === true && (reply.result as Status).senders.fresh > 0;
    });
    world.zone = { 'amazonses.com': 'TIMEOUT' };
    world.clock.runJob(expression);
    await expect(world.ended()).rejects.toBe(bug);
  });
});

describe('a second daemon on the same state directory', () => {
  const STATES = {
    damaged: '{"version":',
    'of a later version': '{"version":99}\n',
    missing: null,
  } as const;

  it.each(
    Object.entries(STATES),
  )('sees the first one before it touches anything: state %s', async (_, state) => {
    await using world = await World.create();
    const path = join(world.folder, 'control.sock');
    const stop = new AbortController();
    const first = await serveControl(path, async () => ({ ok: true, result: null }), stop.signal);
    await world.writeTable('192.0.2.7 reject\n');
    if (state !== null) await writeFile(world.stateFile, state);
    const before = await contents(world.folder);
    const control: Control = { serve: (handle, signal) => serveControl(path, handle, signal) };
    world.start({}, { control });
    await expect(world.ended()).rejects.toThrow(/another screenpass uses this state directory/);
    expect(await contents(world.folder)).toEqual(before);
    expect(world.alerts).toEqual([]);
    stop.abort();
    await first.ended;
  });

  /** Names and texts of all files. */
  async function contents(folder: string): Promise<Record<string, string>> {
    const names = (await readdir(folder)).filter((name) => !name.endsWith('.sock'));
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
    return Object.fromEntries(names.map((name, at) => [name, texts[at] ?? '']));
  }
});

describe('a daemon that starts', () => {
  it('says so to who asks, until it has read table and state', async () => {
    await using world = await World.create();
    let read = () => {};
    const reading = new Promise<void>((resolve) => {
      read = resolve;
    });
    const state = {
      read: () => reading.then(() => undefined),
      write: async () => {},
      setAside: async () => '',
    };
    world.start({}, { state });
    await world.until('it listens', async () => (await world.ask('status').catch(() => null)) !== null);
    expect(await world.ask('status')).toMatchObject({
      ok: false,
      kind: 'failed',
      problem: expect.stringContaining('is starting'),
    });
    read();
    await world.until('it answers', async () => (await world.ask('status')).ok);
  });
});

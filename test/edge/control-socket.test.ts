import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readdirSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askControl } from '../../src/edge/control-client.ts';
import { serveControl } from '../../src/edge/control-server.ts';
import { FileError } from '../../src/ports.ts';
import {
  type Controls,
  createControls,
  echo,
  held,
  LONG_MS,
  leaveStale,
  STATUS,
  withoutRoot,
} from '../double/control.ts';

let controls: Controls;
let folder: string;
let path: string;
beforeEach(async () => {
  controls = await createControls();
  ({ folder, path } = controls);
});
afterEach(() => controls.remove());

function serveAt(at: string) {
  return controls.serve(echo, {}, at);
}

async function expectServed(at = path): Promise<void> {
  expect(await askControl(at, STATUS, LONG_MS)).toMatchObject({ ok: true });
}

describe('the socket file', () => {
  it('is ours alone from its first instant, whatever the umask, and nothing stays beside it', async () => {
    const seen = new Set<string>();
    const umask = process.umask(0);
    try {
      let listening = false;
      const served = controls.serve().then(() => {
        listening = true;
      });
      while (!listening) {
        for (const name of readdirSync(folder)) seen.add(look(join(folder, name)));
        await nextTurn();
      }
      await served;
    } finally {
      process.umask(umask);
    }
    seen.add(look(path));
    expect([...seen].filter((entry) => entry !== 'gone').sort()).toEqual(['directory 700', 'socket 600']);
    expect(await readdir(folder)).toEqual(['control.sock']);
  });

  function look(entry: string): string {
    const found = lstatSync(entry, { throwIfNoEntry: false });
    if (found === undefined) return 'gone';
    return `${found.isDirectory() ? 'directory' : 'socket'} ${(found.mode & 0o777).toString(8)}`;
  }

  it('is replaced when SIGKILL left it behind', async () => {
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    await expect(controls.serve()).rejects.toThrow(/another screenpass uses this state directory/);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    expect((await lstat(path)).isSocket()).toBe(true);
    await controls.serve();
    await expectServed();
    expect((await lstat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['control.sock']);
  });

  it('is not taken from another daemon, which is not disturbed', async () => {
    await controls.serve(async () => ({ ok: true, result: 'first' }));
    await expect(controls.serve()).rejects.toThrow(FileError);
    await expect(controls.serve()).rejects.toThrow(
      /^another screenpass uses this state directory.*stop it, or give this one its own SCREENPASS_STATE_DIR$/,
    );
    expect(await askControl(path, STATUS, LONG_MS)).toEqual({ ok: true, result: 'first' });
    expect(await readdir(folder)).toEqual(['control.sock']);
  });

  /** How many of these starts succeed. The others are told why not. */
  async function ownersOf(count: number): Promise<number> {
    const starts = await Promise.allSettled(Array.from({ length: count }, () => controls.serve()));
    const refused = starts.flatMap((start) => (start.status === 'rejected' ? [String(start.reason)] : []));
    expect(refused).toEqual(refused.map(() => expect.stringContaining('another screenpass uses')));
    return count - refused.length;
  }

  it('has one owner when daemons start at the same moment', async () => {
    for (let round = 0; round < 20; round += 1) {
      if (round % 2 === 0) await leaveStale(path);
      expect(await ownersOf(6)).toBe(1);
      await expectServed();
      expect(await readdir(folder)).toEqual(['control.sock']);
      await controls.stopAll();
    }
  });

  it('is replaced though the daemon before was killed while it replaced another', async () => {
    await leaveStale(path);
    await leaveStale(join(folder, '.takeover'));
    await controls.serve();
    await expectServed();
    expect(await readdir(folder)).toEqual(['control.sock']);
  });

  it('never has two owners, even when they find that such a daemon was killed', async () => {
    for (let round = 0; round < 20; round += 1) {
      await rm(path, { force: true });
      await leaveStale(path);
      await leaveStale(join(folder, '.takeover'));
      expect(await ownersOf(6)).toBeLessThanOrEqual(1);
      await controls.stopAll();
    }
  });

  it('is not made while another daemon has its turn to make it', async () => {
    const other = createServer().listen(join(folder, '.takeover'));
    await once(other, 'listening');
    await expect(controls.serve()).rejects.toThrow(/another screenpass uses/);
    expect(await readdir(folder)).toEqual(['.takeover']);
    other.close();
  });

  it('never takes the place of something else', async () => {
    await writeFile(path, 'mine');
    await expect(controls.serve()).rejects.toThrow(
      /control\.sock is in the way and not a socket.*move it elsewhere/,
    );
    expect(await readFile(path, 'utf8')).toBe('mine');
    await rm(path);
    await mkdir(path);
    await expect(controls.serve()).rejects.toThrow(/in the way/);
    await rm(path, { recursive: true });
    await symlink(join(folder, 'nowhere'), path);
    await expect(controls.serve()).rejects.toThrow(/in the way/);
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
    expect(await readdir(folder)).toEqual(['control.sock']);
  });

  it('cannot be where there is no directory, or no right to write', async () => {
    const missing = serveAt(join(folder, 'missing', 'control.sock'));
    await expect(missing).rejects.toThrow(/control\.sock: its directory does not exist: mount it \(ENOENT\)/);
    await writeFile(join(folder, 'file'), '');
    await expect(serveAt(join(folder, 'file', 'control.sock'))).rejects.toThrow(/its directory is a file/);
    await mkdir(join(folder, 'shut'), { mode: 0o555 });
    await chmod(folder, 0o755);
    await withoutRoot(() =>
      expect(serveAt(join(folder, 'shut', 'control.sock'))).rejects.toThrow(
        /right to write in its directory \(EACCES\)/,
      ),
    );
    expect((await readdir(folder)).sort()).toEqual(['file', 'shut']);
  });

  it('has a path of at most 107 bytes', async () => {
    const directory = join(folder, 'ä'.repeat(20));
    await mkdir(directory);
    const name = (length: number) => join(directory, 'x'.repeat(length - Buffer.byteLength(`${directory}/`)));
    await serveAt(name(107));
    await expectServed(name(107));
    await expect(serveAt(name(108))).rejects.toThrow(
      /longer than the 107 bytes.*choose a shorter SCREENPASS_STATE_DIR/,
    );
    expect(await readdir(directory)).toHaveLength(1);
  });
});

describe('the end', () => {
  it('takes the socket away, and makes room for the next', async () => {
    const { ended, stop } = await controls.serve();
    stop();
    await ended;
    expect(await readdir(folder)).toEqual([]);
    await controls.serve();
    await expectServed();
  });

  it('leaves the socket of another daemon alone', async () => {
    const first = await controls.serve();
    await rm(path);
    await controls.serve(async () => ({ ok: true, result: 'second' }));
    first.stop();
    await first.ended;
    expect(await askControl(path, STATUS, LONG_MS)).toEqual({ ok: true, result: 'second' });
  });

  it('is known to whoever was asked to end before it began', async () => {
    const { ended } = await serveControl(path, echo, AbortSignal.abort());
    await ended;
    expect(await readdir(folder)).toEqual([]);
  });

  it('lets a reply in hand finish', async () => {
    const work = held();
    const { ended, stop } = await controls.serve(work.handle, { graceMs: LONG_MS });
    const asking = askControl(path, STATUS, LONG_MS);
    await work.requests(1);
    stop();
    await nextTurn();
    work.reply(0, 'done');
    expect(await asking).toEqual({ ok: true, result: 'done' });
    await ended;
  });

  it('does not wait for a reply that does not come, or a client that does not leave', async () => {
    const work = held();
    const { ended, stop } = await controls.serve(work.handle, { graceMs: 20 });
    const asking = expect(askControl(path, STATUS, LONG_MS)).rejects.toThrow(/ended before it replied/);
    const rude = connect({ path, allowHalfOpen: true })
      .on('error', () => {})
      .resume();
    rude.write('\n');
    await work.requests(1);
    stop();
    await ended;
    await asking;
    rude.destroy();
    work.reply(0, 'too late');
  });
});

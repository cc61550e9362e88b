import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { screenpass, spawned } from '../double/program.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'screenpass-cli-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

function fifo(name: string): string {
  execFileSync('mkfifo', [join(folder, name)]);
  return join(folder, name);
}

describe('what is no file in the place of one ends the start at once, with what to do,', () => {
  it.each([
    ['a FIFO', () => fifo('fifo')],
    ['a directory', () => folder],
    ['a device', () => '/dev/zero'],
  ])('when a setting names %s', async (what, make) => {
    const path = make();
    const env = { SCREENPASS_SENDERS_FILE: path, DOCKER_HOST__FILE: path, SCREENPASS_MODE__FILE: path };
    const { code, stdout, stderr } = await screenpass([], { env });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.match(new RegExp(`is ${what}, not a file: remove it`, 'g'))).toHaveLength(3);
    expect(stderr).toContain('DOCKER_HOST__FILE: ');
  });

  it.each(['table.cidr', 'state.json'])('when %s is a FIFO', async (name) => {
    fifo(name);
    if (name !== 'table.cidr') await writeFile(join(folder, 'table.cidr'), '');
    const env = { SCREENPASS_TABLE: join(folder, 'table.cidr'), SCREENPASS_STATE_DIR: folder };
    const { code, stderr } = await spawned([], { env });
    expect(code).toBe(3);
    expect(stderr).toBe(`screenpass: ${join(folder, name)} is a FIFO, not a file: remove it\n`);
  });
});

// Replaces a table in a directory that becomes read-only in between: `node read-only-process.js DIRECTORY`, a mount of its
// own. Prints what came of each step.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { createTableFile } from '../../src/edge/file.ts';

const directory = process.argv[2] ?? '';
const table = createTableFile(join(directory, 'table.cidr'));

async function outcome(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return (await work()) ?? null;
  } catch (error) {
    return [(error as Error).name, (error as Error).message];
  }
}

const before = await outcome(() => table.read());
if (typeof before !== 'string') {
  process.stdout.write(JSON.stringify({ read: before }));
} else {
  const staged = await table.stage(`${before}192.0.2.1 reject\n`);
  execFileSync('mount', ['-o', 'remount,bind,ro', directory]);
  const commit = await outcome(() => staged.commit(before));
  const discard = await outcome(staged.discard);
  const write = await outcome(() => table.stage('x'));
  process.stdout.write(JSON.stringify({ commit, discard, write, read: await outcome(() => table.read()) }));
}

// Loaded before screenpass: lets one kind of work hang for real, as the variable HANG says. A file operation hangs in the
// kernel, in one of the threads that Node waits for at its end.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const { HANG: hang = '', FIFO: fifo = '' } = process.env;

/** A call of node:fs/promises that hangs where a path ends as given. */
function hangAt(call: 'open' | 'rename', end: string): void {
  const promises = fs.promises as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>;
  const work = promises[call];
  // Nobody ever writes to it.
  promises[call] = async (...given) =>
    given.some((one) => String(one).endsWith(end)) ? fs.promises.readFile(fifo) : work?.(...given);
  syncBuiltinESMExports();
}

if (isMainThread) {
  if (hang === 'table') hangAt('open', 'table.cidr');
  if (hang === 'state') hangAt('rename', 'state.json');
  if (hang === 'loop')
    process.on('SIGTERM', () => {
      setTimeout(() => {
        for (;;);
      }, 200);
    });
  if (hang === 'bug') {
    hangAt('rename', 'state.json');
    setTimeout(() => {
      throw new Error('a bug');
    }, 3_000);
  }
}

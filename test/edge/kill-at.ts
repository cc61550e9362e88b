// Loaded before commit-process: each call of node:fs/promises, and of the file handles that it opens, is a step. Kills
// the process as KILL_AT says (`before 3`, `within 9`, `after 3`); writes the name of each step to the file STEPS.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

type Call = (...given: unknown[]) => Promise<unknown>;
type Calls = Record<string, Call>;

const { KILL_AT: killAt = '', STEPS: stepsFile = '' } = process.env;
const FUNCTIONS = ['lstat', 'open', 'readFile', 'rename', 'rm', 'stat'];
const METHODS = ['chmod', 'chown', 'writeFile', 'sync', 'close'];
let steps = 0;

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function step(name: string, work: Call, within?: Call): Call {
  return async (...given) => {
    steps += 1;
    const n = steps;
    fs.appendFileSync(stepsFile, `${name}\n`);
    if (killAt === `before ${n}`) die();
    if (killAt === `within ${n}` && within !== undefined) {
      await within(...given);
      die();
    }
    const result = await work(...given);
    if (killAt === `after ${n}`) die();
    return result;
  };
}

function wrapHandle(handle: Calls): unknown {
  for (const name of METHODS) {
    const work = handle[name]?.bind(handle) as Call;
    const half: Call = (text, encoding) => work(String(text).slice(0, String(text).length / 2), encoding);
    handle[name] = step(name, work, name === 'writeFile' ? half : undefined);
  }
  return handle;
}

const promises = fs.promises as unknown as Calls;
for (const name of FUNCTIONS) {
  const work = promises[name] as Call;
  const wrapped: Call =
    name === 'open' ? async (...given) => wrapHandle((await work(...given)) as Calls) : work;
  promises[name] = step(name, wrapped);
}
syncBuiltinESMExports();

// Each call of node:fs/promises, and of the file handles that it opens, is a step at which a process can be ended.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

export type When = 'before' | 'within' | 'after';
type Call = (...given: unknown[]) => Promise<unknown>;
type Calls = Record<string, Call>;

const FUNCTIONS = ['lstat', 'open', 'rename', 'rm', 'stat'];
const METHODS = ['chmod', 'chown', 'writeFile', 'sync', 'close'];

/**
 * `choose` is given the name of each step and says whether `end`, which does not return, comes before, within or after
 * it. Only writing can be ended within; all else is after that. Call it before the program imports node:fs/promises.
 */
export function watchSteps(choose: (name: string) => When | undefined, end: () => never): void {
  function step(name: string, work: Call, half: Call = work): Call {
    return async (...given) => {
      const when = choose(name);
      if (when === 'before') end();
      const result = await (when === 'within' ? half : work)(...given);
      if (when !== undefined) end();
      return result;
    };
  }

  function wrapHandle(handle: Calls): unknown {
    for (const name of METHODS) {
      const work = handle[name]?.bind(handle) as Call;
      const half: Call = (text, encoding) => work(String(text).slice(0, String(text).length / 2), encoding);
      handle[name] = step(name, work, name === 'writeFile' ? half : work);
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
}

/** For `end`: what is to be killed does nothing more. */
export function standStill(): never {
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

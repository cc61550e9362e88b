import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** As the image runs Node. */
export const NODE_OPTIONS = /^ENV NODE_OPTIONS="(.+)"$/m.exec(readFileSync('Dockerfile', 'utf8'))?.[1];

/** A process of its own, which answers each message with one. */
export interface Child extends AsyncDisposable {
  /** One question at a time. Rejects when the process ends instead of answering. */
  ask<T>(message: string): Promise<T>;
}

/** Starts a script that is bundled beside this one and calls `answerParent`. */
export function startChild(script: string, ...args: readonly string[]): Child {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args);
  return {
    async ask<T>(message: string) {
      const ended = new AbortController();
      const end = () => ended.abort();
      child.once('exit', end);
      try {
        if (child.exitCode === null) child.send(message);
        else end();
        const [answer] = await once(child, 'message', { signal: ended.signal });
        return answer as T;
      } catch (error) {
        throw new Error(`${script} ended without an answer to "${message}"`, { cause: error });
      } finally {
        child.off('exit', end);
      }
    },
    [Symbol.asyncDispose]: () => stop(child),
  };
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** The other side of `ask`. The process ends with its parent, whatever becomes of that. */
export function answerParent(answer: (message: string) => Promise<unknown>): void {
  process.on('disconnect', () => process.exit());
  process.on('message', async (message: string) => {
    process.send?.(await answer(message));
  });
}

// The first process of the mail container as this machine sees it: a way in that needs no Engine.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '../e2e/harness.ts';
import { type Output, run } from '../e2e/program.ts';

export interface MailProcess {
  /** Null while the container does not run. */
  pid(): Promise<number | null>;
  /** It may be another one by now. */
  doubt(): void;
  /** A command that sees the container's files, run to its end; null while the container does not run. */
  run(...command: string[]): Promise<Output | null>;
}

export function createMailProcess(stack: Stack): MailProcess {
  let known: number | null = null;
  let doubted = true;
  let looking: Promise<void> | null = null;

  async function look(): Promise<void> {
    const { code, stdout } = await run('timeout', [
      ...['10', 'docker', 'inspect', '--format', '{{.State.Pid}}', stack.nameOf('mailserver')],
    ]);
    // An Engine that does not answer says nothing of the container.
    if (code === 0) known = Number(stdout) || null;
    doubted = known === null;
    // Nobody needs to know more often.
    await sleep(300);
    looking = null;
  }

  async function pid(): Promise<number | null> {
    if (doubted) looking ??= look();
    await looking;
    return known;
  }

  return {
    pid,
    doubt() {
      doubted = true;
    },
    async run(...command) {
      const at = await pid();
      return at === null ? null : run('timeout', ['30', 'nsenter', `--mount=/proc/${at}/ns/mnt`, ...command]);
    },
  };
}

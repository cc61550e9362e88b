import { expect, it, type TestContext } from 'vitest';
import type { Client, Stack } from './harness.ts';

export const stepTime = 120_000;

export interface Steps {
  readonly stack: Stack;
  /** A test that stands on the steps before it. */
  step(title: string, run: () => Promise<void>): void;
  /** The client is let through by the table, and its message is accepted. */
  passes(client: Client): Promise<void>;
  isRefused(client: Client, answer: string): Promise<void>;
}

export function createSteps(stack: Stack): Steps {
  // A step that failed leaves nothing for the later ones to stand on.
  let failed = false;
  return {
    stack,
    step(title, run) {
      const attempt = async ({ skip }: TestContext) => {
        skip(failed, 'an earlier step failed');
        failed = true;
        await run();
        failed = false;
      };
      it(title, attempt, stepTime);
    },
    async passes(client) {
      const before = (await stack.log('mailserver')).length;
      const talk = await stack.send(client);
      expect(talk.transcript).toContain('queued as');
      expect(talk.queued).toBe(true);
      await stack.logged('mailserver', allowlisted(client.from), before);
    },
    async isRefused(client, answer) {
      const talk = await stack.send(client);
      expect(talk.transcript).toContain(answer);
      expect(talk.queued).toBe(false);
    },
  };
}

function allowlisted(address: string): RegExp {
  return new RegExp(`(?:ALLOW|WHITE)LISTED \\[${address.replaceAll('.', '\\.')}\\]:`);
}

/** What postscreen says to a client that the DNS blocklist lists. */
export function blocked(address: string): string {
  return `550 5.7.1 Service unavailable; client [${address}] blocked using zen.spamhaus.org`;
}

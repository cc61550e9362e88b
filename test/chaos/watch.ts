// What the script sees of screenpass from outside.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../../src/core/monitor/status-report.ts';
import type { ListedEntry } from '../../src/daemon/replies.ts';
import { askControl } from '../../src/edge/control-client.ts';
import { FileError } from '../../src/ports.ts';
import type { Stack } from '../e2e/harness.ts';

const PATIENCE_MS = 5000;

/** Asks the daemon as its commands do, but without starting a program; null when it does not answer. */
export async function ask<T>(
  stack: Stack,
  command: string,
  given: Record<string, string> = {},
): Promise<T | null> {
  try {
    const request = { command, arguments: given };
    const reply = await askControl(join(stack.state, 'control.sock'), request, PATIENCE_MS);
    return reply.ok ? (reply.result as T) : null;
  } catch (error) {
    if (error instanceof FileError) return null;
    throw error;
  }
}

export function statusOf(stack: Stack): Promise<Status | null> {
  return ask(stack, 'status');
}

/** Ids of the senders whose entry Postfix is proven to use. */
export async function inForce(stack: Stack): Promise<ReadonlySet<string>> {
  const entries = (await ask<ListedEntry[]>(stack, 'list')) ?? [];
  return new Set(entries.filter((entry) => entry.inForce !== null).map(({ sender }) => sender));
}

/** Looks until it is so, for a time at most; says whether it became so. */
export async function becomes(seconds: number, look: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + seconds * 1000;
  while (performance.now() < deadline) {
    if (await look()) return true;
    await sleep(300);
  }
  return false;
}

/** The newest stamp of a log. */
export function newestStamp(lines: readonly string[]): string {
  return lines.reduce((newest, line) => {
    const stamp = line.slice(0, 30);
    return /^\d{4}-\S+Z$/.test(stamp) && stamp > newest ? stamp : newest;
  }, '');
}

// What the script sees of screenpass from outside.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../../src/core/status.ts';
import type { ListedEntry } from '../../src/requests.ts';
import type { Stack } from '../e2e/harness.ts';

/** Null when screenpass does not answer. */
export async function statusOf(stack: Stack): Promise<Status | null> {
  const { code, stdout } = await stack.screenpass('status', '--json');
  return code === 0 || code === 1 ? parsed<Status>(stdout) : null;
}

/** Ids of the senders whose entry Postfix is proven to use. */
export async function inForce(stack: Stack): Promise<ReadonlySet<string>> {
  const { stdout } = await stack.screenpass('list', '--json');
  const entries = parsed<ListedEntry[]>(stdout) ?? [];
  return new Set(entries.filter((entry) => entry.inForce !== null).map(({ sender }) => sender));
}

function parsed<T>(text: string): T | null {
  return text.trim() === '' ? null : (JSON.parse(text) as T);
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

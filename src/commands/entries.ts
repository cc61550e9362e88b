import type { Config } from '../config.ts';
import type { ListedEntry } from '../requests.ts';
import { ask } from './ask.ts';
import { print } from './output.ts';
import { tableOf } from './table.ts';

/** Prints the entries of the running daemon. Gives the exit code; rejects with FileError when no daemon answers. */
export async function list(config: Config, json: boolean): Promise<0 | 2 | 3> {
  const asked = await ask<readonly ListedEntry[]>(config, 'list');
  if (!asked.ok) return asked.code;
  print(asked.result, json, listText);
  return 0;
}

/**
 * Allows a watched sender or a network without evidence, for `ttlMs` or until it is revoked. Gives the exit code; rejects
 * with FileError when no daemon answers.
 */
export async function allow(
  config: Config,
  target: string,
  options: { readonly ttlMs: number | null; readonly reason: string | null; readonly json: boolean },
): Promise<0 | 2 | 3> {
  const { ttlMs, reason, json } = options;
  const asked = await ask<ListedEntry>(config, 'allow', { target, ttlMs, reason });
  if (!asked.ok) return asked.code;
  print(asked.result, json, (entry) => listText([entry]));
  return 0;
}

/** Takes an entry away. Gives the exit code; rejects with FileError when no daemon answers. */
export async function revoke(config: Config, target: string, json: boolean): Promise<0 | 2 | 3> {
  const asked = await ask<{ sender: string; comesBack: string | null }>(config, 'revoke', { target });
  if (!asked.ok) return asked.code;
  const { sender, comesBack } = asked.result;
  const told = `${sender} is revoked${comesBack === null ? '' : `; ${comesBack}`}`;
  print(asked.result, json, () => `${told}\n`);
  return 0;
}

function listText(entries: readonly ListedEntry[]): string {
  if (entries.length === 0) return 'no entries\n';
  const rows = entries.map((one) => [
    one.sender,
    one.scope,
    String(one.networks.length),
    one.since,
    one.lastSeen,
    one.until ?? '-',
    one.inForce === null ? 'no' : 'yes',
    one.cause,
    one.reason ?? '',
  ]);
  const head = ['SENDER', 'SCOPE', 'NETWORKS', 'SINCE', 'LAST SEEN', 'UNTIL', 'IN FORCE', 'CAUSE', 'REASON'];
  return tableOf(head, rows);
}

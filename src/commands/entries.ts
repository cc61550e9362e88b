// The commands list, allow and revoke: entries of the running daemon.
import type { Config } from '../config/settings.ts';
import { observingText } from '../core/monitor/status-report.ts';
import type { AllowReply, ListedEntry, RevokeReply, StatusReply } from '../daemon/replies.ts';
import { ask } from './ask.ts';
import { print, tableOf } from './output.ts';

/** Prints the entries of the running daemon. Gives the exit code; rejects with FileError when no daemon answers. */
export async function list(config: Config, json: boolean): Promise<0 | 2 | 3> {
  const asked = await ask<readonly ListedEntry[]>(config, 'list');
  if (!asked.ok) return asked.code;
  const note = json ? '' : await observingNote(config);
  if (note === null) return 3;
  print(asked.result, json, (entries) => `${listText(entries)}${note}`);
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
  const asked = await ask<AllowReply>(config, 'allow', { target, ttlMs, reason });
  if (!asked.ok) return asked.code;
  print(asked.result, json, (entry) => `${listText([entry])}${noteText(entry)}`);
  return 0;
}

/** Revokes an entry. Gives the exit code; rejects with FileError when no daemon answers. */
export async function revoke(config: Config, target: string, json: boolean): Promise<0 | 2 | 3> {
  const asked = await ask<RevokeReply>(config, 'revoke', { target });
  if (!asked.ok) return asked.code;
  const { sender, comesBack } = asked.result;
  const text = `revoked the entry of ${sender}${comesBack === null ? '' : `; ${comesBack}`}`;
  print(asked.result, json, (reply) => `${text}\n${noteText(reply)}`);
  return 0;
}

/** What observe mode means for the entries; null: the daemon did not answer. */
async function observingNote(config: Config): Promise<string | null> {
  const asked = await ask<StatusReply>(config, 'status');
  if (!asked.ok) return null;
  const { mode, table, rulesInTable } = asked.result;
  return mode === 'observe' ? `\n${observingText(table, rulesInTable)}\n` : '';
}

function noteText({ note }: { readonly note: string | null }): string {
  return note === null ? '' : `${note}\n`;
}

function listText(entries: readonly ListedEntry[]): string {
  if (entries.length === 0) return 'no entries\n';
  const rows = entries.map((one) => [
    one.sender,
    one.scope,
    String(one.networks.length),
    one.since,
    one.lastSeen,
    one.leaves ?? '-',
    one.inForce === null ? 'no' : 'yes',
    one.cause,
    one.reason ?? '',
  ]);
  const head = ['SENDER', 'SCOPE', 'NETWORKS', 'SINCE', 'LAST SEEN', 'LEAVES', 'IN FORCE', 'CAUSE', 'REASON'];
  return tableOf(head, rows);
}

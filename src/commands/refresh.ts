// The command refresh: has the running daemon ask the senders for their networks now.
import type { Config } from '../config/settings.ts';
import { counted } from '../core/base/wording.ts';
import type { RefreshSummary } from '../core/senders/list-judgement.ts';
import { ask } from './ask.ts';
import { print } from './output.ts';

/** Each sender has 30 s, and another refresh may be under way. */
const PATIENCE_MS = 90_000;

/**
 * Has the running daemon ask the senders now and prints what changed. Gives the exit code: 3 when some could not be
 * asked, 1 when some are suspicious, 2 when the daemon does not know an id. Rejects with FileError.
 */
export async function refresh(
  config: Config,
  accept: readonly string[],
  json: boolean,
): Promise<0 | 1 | 2 | 3> {
  const asked = await ask<RefreshSummary>(config, 'refresh', { accept }, PATIENCE_MS);
  if (!asked.ok) return asked.code;
  const { result: summary } = asked;
  print(summary, json, summaryText);
  return summary.failed.length > 0 ? 3 : summary.suspicious.length > 0 ? 1 : 0;
}

function summaryText({ asked, added, removed, failed, suspicious }: RefreshSummary): string {
  const changes = (sign: string, by: RefreshSummary['added']) =>
    Object.entries(by).flatMap(([id, networks]) => networks.map((network) => `${id} ${sign}${network}`));
  const changed = [...changes('+', added), ...changes('-', removed)].sort();
  return [
    `${counted(asked.length, 'sender was', 'senders were')} asked: ${counted(changed.length, 'network')} changed`,
    ...changed,
    ...keptBy(failed, 'no answer'),
    ...keptBy(suspicious, 'suspicious'),
    '',
  ].join('\n');
}

/** One line for all senders that keep their networks for the same reason. */
function keptBy(held: RefreshSummary['failed'], what: string): string[] {
  const reasons = [...new Set(held.map(({ reason }) => reason))];
  return reasons.map((reason) => {
    const senders = held.filter((one) => one.reason === reason).map(({ sender }) => sender);
    return `${senders.join(', ')}: ${what}, the known networks stay in use: ${reason}`;
  });
}

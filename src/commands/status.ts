// The commands status and health: the state of the running daemon.
import type { Config } from '../config/settings.ts';
import { counted } from '../core/base/wording.ts';
import { observingText, type Status, unhealthy } from '../core/monitor/status-report.ts';
import { WITHOUT_NETWORKS } from '../core/senders/knowledge.ts';
import type { StatusReply } from '../daemon/replies.ts';
import { FileError } from '../ports.ts';
import { ask } from './ask.ts';
import { complain, print } from './output.ts';

/** Prints the state of the running daemon. Gives exit code 1 when it is not healthy; rejects with FileError. */
export async function status(config: Config, json: boolean): Promise<0 | 1 | 2 | 3> {
  const asked = await ask<StatusReply>(config, 'status');
  if (!asked.ok) return asked.code;
  print(asked.result, json, statusText);
  return unhealthy(asked.result) === null ? 0 : 1;
}

/** Gives exit code 0 or 1, for HEALTHCHECK; writes the problem to stderr. */
export async function health(config: Config): Promise<0 | 1> {
  const wrong = await problemOf(config);
  if (wrong !== null) complain(wrong);
  return wrong === null ? 0 : 1;
}

async function problemOf(config: Config): Promise<string | null> {
  try {
    const asked = await ask<Status>(config, 'status');
    return asked.ok ? unhealthy(asked.result) : 'the daemon does not report its state';
  } catch (error) {
    if (error instanceof FileError) return error.message;
    throw error;
  }
}

function age(seconds: number): string {
  return seconds < 0 ? `${-seconds} s ahead of the clock` : `${seconds} s ago`;
}

function statusText(one: StatusReply): string {
  const { senders: lists, lastRefusal } = one;
  const rows: readonly (readonly [string, string])[] = [
    ['screenpass', `${one.version}, ${one.mode}`],
    ['health', unhealthy(one) ?? 'healthy'],
    ['following', one.following === null ? 'nothing' : `${one.container} (${one.following.slice(0, 12)})`],
    ['log read to', one.cursor === null ? 'nothing read yet' : `${one.cursor}, ${age(one.cursorAge ?? 0)}`],
    [
      'postscreen',
      { wired: 'uses the table', 'not-wired': 'does not use the table', unknown: 'not checked yet' }[
        one.wiring
      ],
    ],
    ['reload', `${one.reload}${one.reloadedAt === null ? '' : `, last at ${one.reloadedAt}`}`],
    ['fault', one.trouble ?? 'none'],
    ['table', tableText(one)],
    [
      'lists',
      `${lists.fresh} fresh, ${lists.stale} stale, ${lists.suspicious} suspicious, ${lists.bundled} bundled`,
    ],
    ['oldest list', one.oldestList ?? '-'],
    ...listed('no networks', one.withoutNetworks, WITHOUT_NETWORKS),
    ...listed('no answer', one.unanswered, `asked again at ${one.nextTry ?? '-'}`),
    [
      'last refusal',
      lastRefusal === null
        ? 'none seen'
        : `${lastRefusal.sender} at ${lastRefusal.client} (${lastRefusal.gate}), ${lastRefusal.at}`,
    ],
    ['next refresh', one.nextRefresh ?? '-'],
  ];
  return rows.map(([name, value]) => `${name.padEnd(12)}  ${value}\n`).join('');
}

/** What should be in the table, and what is. */
function tableText({ mode, entries, rules, table, rulesInTable }: StatusReply): string {
  const wanted = `${counted(entries, 'entry', 'entries')}, ${counted(rules, 'rule')}`;
  if (mode === 'observe') return `${wanted} would be written. ${observingText(table, rulesInTable)}`;
  if (rulesInTable === rules) return `${wanted} in ${table}`;
  const has = rulesInTable === null ? 'cannot be read' : `has ${rulesInTable} now`;
  return `${wanted}; ${table} ${has}`;
}

/** A row that is absent when there is nothing to show. */
function listed(name: string, ids: readonly string[], what: string): [string, string][] {
  return ids.length === 0 ? [] : [[name, `${ids.join(', ')} (${what})`]];
}

// What the daemon answers to the commands of the administrator: the shapes, and the list of entries.
import type { Config } from '../config/settings.ts';
import type { Status } from '../core/monitor/status-report.ts';
import { formatNetwork } from '../core/net/network.ts';
import type { Entry } from '../core/policy/entry.ts';
import { leavesAt } from '../core/policy/entry-end.ts';
import type { Rules } from '../core/policy/policy.ts';
import type { Writer } from './writer/writer.ts';

/** All entries, as `list` shows them. */
export function listEntries({
  writer,
  rules,
  config,
}: {
  writer: Pick<Writer, 'sections'>;
  rules: () => Rules;
  config: Pick<Config, 'preseed'>;
}): ListedEntry[] {
  return writer.sections().map(({ entry, networks }) => ({
    ...{ sender: entry.sender, scope: entry.scope, cause: entry.cause ?? 'preseed', reason: entry.reason },
    networks: networks.map(formatNetwork),
    since: isoTime(entry.since),
    lastSeen: isoTime(entry.lastSeen),
    until: isoOrNull(entry.until),
    granted: isoOrNull(entry.granted),
    leaves: isoOrNull(finite(leavesAt(entry, rules(), config.preseed))),
    inForce: isoOrNull(entry.inForce),
  }));
}

/** An entry as the administrator sees it. Times are ISO. */
export interface ListedEntry {
  readonly sender: string;
  readonly scope: Entry['scope'];
  readonly cause: string;
  readonly reason: string | null;
  readonly networks: readonly string[];
  readonly since: string;
  readonly lastSeen: string;
  readonly until: string | null;
  /** Beside its evidence, the administrator allowed all of the sender until then. */
  readonly granted: string | null;
  /** When it leaves if it is not seen again; null: only when it is revoked. */
  readonly leaves: string | null;
  /** When Postfix was proven to use it; null: not yet. */
  readonly inForce: string | null;
}

/** What `allow` answers: the entry, and what holds where that is not just what was asked. */
export interface AllowReply extends ListedEntry {
  readonly note: string | null;
}

/** What `revoke` answers. */
export interface RevokeReply {
  readonly sender: string;
  /** Null: nothing brings it back. */
  readonly comesBack: string | null;
  readonly note: string | null;
}

/** What `status` answers. */
export interface StatusReply extends Status {
  /** Our rules in the table file now, where `rules` are those that should be; null: it cannot be read. */
  readonly rulesInTable: number | null;
}

/** A time in ms since the epoch. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

function finite(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null;
}

export function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : isoTime(ms);
}

import type { CatalogueEntry, Config } from '../config.ts';
import { readEntries, splitTable } from '../core/allowlist.ts';
import { type Address, formatAddress, formatNetwork } from '../core/network.ts';
import { type Decision, decide, isOpen, REASONS } from '../core/policy.ts';
import { buildSenderIndex } from '../core/sender-index.ts';
import { EMPTY_STATE, type State, withEntry } from '../core/state.ts';
import { createTableFile } from '../edge/file.ts';

/** What is known of an address, and what policy would do if postscreen refused it now for a DNSBL listing. */
interface Checked {
  readonly address: string;
  readonly sender: string | null;
  readonly evidence: 'network' | null;
  readonly network: string | null;
  /** An entry in the table covers it. */
  readonly allowed: boolean;
  readonly decision: 'allow' | 'keep' | 'wait' | 'refuse';
  readonly reason: string;
}

/**
 * Prints whose the addresses are: one JSON object for one address, an array for several, or a table. Reads the
 * table to know what is allowed already and changes nothing. Gives the exit code: 1 when policy would refuse one.
 * Rejects with FileError.
 */
export async function check(
  config: Config,
  catalogue: readonly CatalogueEntry[],
  addresses: readonly Address[],
  json: boolean,
): Promise<number> {
  const table = await createTableFile(config.table).read();
  const entries = table === undefined ? [] : readEntries(splitTable(table).block ?? '');
  const state = entries.reduce<State>(withEntry, EMPTY_STATE);
  const watched = buildSenderIndex(config.senders);
  const known = buildSenderIndex(catalogue);
  const now = Date.now();

  function checkOne(address: Address): Checked {
    const match = watched.find(address);
    const found = match ?? known.find(address);
    const refusal = { gate: 'dnsbl', zones: [], at: now, connectedAt: now } as const;
    const decision = decide(address, match, refusal, state, config.rules);
    return {
      address: formatAddress(address),
      sender: found?.sender.id ?? null,
      evidence: found === undefined ? null : 'network',
      network: found === undefined ? null : formatNetwork(found.network),
      allowed: match !== undefined && isOpen(state, match.sender, address, config.rules),
      decision: decision.kind,
      reason: reasonOf(decision, match === undefined && found !== undefined),
    };
  }

  const checked = addresses.map(checkOne);
  const document = checked.length === 1 ? checked[0] : checked;
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : tableOf(checked));
  return checked.some(({ decision }) => decision === 'refuse') ? 1 : 0;
}

/** A refusal that `check` only supposes began neither before nor after a reload. */
function reasonOf({ kind, reason }: Decision, unwatched: boolean): string {
  if (unwatched) return 'SCREENPASS_SENDERS does not name this sender';
  return kind === 'keep' ? 'the table covers it' : REASONS[reason];
}

function tableOf(checked: readonly Checked[]): string {
  const head = ['ADDRESS', 'SENDER', 'NETWORK', 'ALLOWED', 'DECISION', 'REASON'];
  const rows = checked.map((one) => [
    one.address,
    one.sender ?? '-',
    one.network ?? '-',
    one.allowed ? 'yes' : 'no',
    one.decision,
    one.reason,
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return `${[head, ...rows].map(line).join('\n')}\n`;
}

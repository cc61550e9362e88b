import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { renderBlock, splitTable, withBlock } from '../core/allowlist.ts';
import type { Network } from '../core/network.ts';
import type { TableCheck } from '../core/table-check.ts';
import type { FaultMonitor } from '../fault-monitor.ts';
import { FileError, type Report, type TableFile } from '../ports.ts';
import type { Postfix } from './postfix.ts';

/** `waiting`: Postfix cannot be asked yet. `invalid`: told in an alert, the table stays as it was. */
type Put = 'in-place' | 'restored' | 'waiting' | 'invalid';

export interface TableKeeper {
  /**
   * Makes `block` our part of the table, if it is not, once Postfix has read the new table and answered `permit`
   * for one of `members`, and when `ready` is done. What the operator wrote stays, also what is written while Postfix is
   * asked.
   */
  put(
    block: string,
    members: readonly Network[],
    postfix: Postfix | null,
    ready: () => Promise<void>,
  ): Promise<Put>;
  /** Look at the table in place again: the mail container may be another one. */
  lookAgain(): void;
}

export function digestOf(block: string): string {
  return createHash('sha256').update(block, 'latin1').digest('hex');
}

/** A mail container that stops, to be replaced by one that has the table, is no fault. */
const GRACE_MS = 60_000;

/**
 * `blocks` are the digests of those that an earlier process may have left in the table: one that was killed may have
 * put its last one there, or not yet. Empty when nothing is known.
 */
export function createTableKeeper(
  file: TableFile,
  report: Pick<Report, 'alert'>,
  faults: FaultMonitor,
  tableInContainer: string,
  blocks: readonly string[],
): TableKeeper {
  let inPlace = blocks;
  /** The table as Postfix last read it without a complaint about our part. */
  let looked: string | null = null;

  async function put(
    block: string,
    members: readonly Network[],
    postfix: Postfix | null,
    ready: () => Promise<void>,
  ): Promise<Put> {
    try {
      const table = await file.read();
      const current = table === undefined ? null : splitTable(table).block;
      if (postfix === null) return await create(table);
      if (table !== undefined && current === block) return await look(table, block, members, postfix);
      return await replace(table, block, members, postfix, ready);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      looked = null;
      invalid({ reason: error.message, line: null }, 'The change is tried again', { blocking: true });
      return 'invalid';
    }
  }

  /** The mail container mounts the table's directory and may start first: it should find a table. */
  async function create(table: string | undefined): Promise<Put> {
    if (table === undefined) await (await file.stage(renderBlock([]))).commit(undefined);
    return 'waiting';
  }

  async function look(
    table: string,
    block: string,
    members: readonly Network[],
    postfix: Postfix,
  ): Promise<Put> {
    inPlace = [digestOf(block)];
    if (looked === table) return 'in-place';
    const check = await postfix.checkTable(tableInContainer, table, members);
    if (!judge(check)) return 'invalid';
    looked = table;
    return 'in-place';
  }

  async function replace(
    table: string | undefined,
    block: string,
    members: readonly Network[],
    postfix: Postfix,
    ready: () => Promise<void>,
  ): Promise<Put> {
    const before = table === undefined ? null : splitTable(table).block;
    const altered = inPlace.length > 0 && (before === null || !inPlace.includes(digestOf(before)));
    const wanted = withBlock(table ?? '', block);
    const staged = await file.stage(wanted);
    try {
      const path = posix.join(posix.dirname(tableInContainer), staged.name);
      if (!judge(await postfix.checkTable(path, wanted, members))) return 'invalid';
      await ready();
      if (!(await staged.commit(table))) return await put(block, members, postfix, ready);
    } finally {
      await staged.discard();
    }
    inPlace = [digestOf(block)];
    looked = wanted;
    if (!altered) return 'in-place';
    report.alert('table-restored', digestOf(block), { reason: before === null ? 'missing' : 'altered' });
    return 'restored';
  }

  function judge(check: TableCheck): boolean {
    if (check.complaint === null) faults.ended('table-invalid');
    else if (check.good) invalid(check.complaint, THEIRS, { blocking: false });
    else invalid(check.complaint, OURS, { blocking: true, graceMs: GRACE_MS });
    return check.good;
  }

  function invalid(
    { reason, line }: { reason: string; line: number | null },
    remedy: string,
    how: { readonly blocking: boolean; readonly graceMs?: number },
  ): void {
    const facts = { reason, line, remedy };
    faults.failed({ kind: 'table-invalid', subject: '', reason, facts, ...how });
  }

  return {
    put,
    lookAgain() {
      looked = null;
    },
  };
}

const THEIRS = 'Postfix skips that line of yours; it stays as it is: mend it by hand';
const OURS =
  'The table that is in place stays. Is its directory mounted in the mail container, at the path SCREENPASS_TABLE_IN_CONTAINER?';

import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Network } from '../../core/net/network.ts';
import { renderBlock, splitTable, strayMark, withBlock } from '../../core/table/managed-block.ts';
import type { TableCheck } from '../../core/table/table-check.ts';
import { RUN_GRACE_MS } from '../../core/watch/faults.ts';
import { FileError, type Report, type StagedTable, type TableFile } from '../../ports.ts';
import type { Postfix } from '../../postfix/postfix-commands.ts';
import type { FaultMonitor } from './fault-monitor.ts';

/** `waiting`: Postfix cannot be asked yet. `invalid`: reported in an alert, the table stays as it was. */
type Put = 'in-place' | 'restored' | 'waiting' | 'invalid';

/** A table that somebody else changes each time while Postfix is asked about ours is left alone after so many tries. */
const TRIES = 3;

/** Marks outside our block are a fault of their own, since Postfix may complain about another line meanwhile. */
const MARKS = 'marks';

/** What is wrong with the table; `line` is 1-based. */
interface Complaint {
  readonly reason: string;
  readonly line: number | null;
}

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

/**
 * `blocks` are the digests of those that an earlier process may have left in the table: one that was killed may have
 * put its last one there, or not yet. Empty when nothing is known.
 */
export function createTableKeeper(
  file: TableFile,
  report: Pick<Report, 'alert' | 'error'>,
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
      for (let tries = 0; tries < TRIES; tries += 1) {
        const done = await attempt(block, members, postfix, ready);
        if (done !== 'overtaken') return done;
      }
      invalid(OVERTAKEN, 'Find the program that writes the table, and let it write less often', {
        blocking: true,
      });
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      invalid({ reason: error.message, line: null }, null, { blocking: true });
    }
    looked = null;
    return 'invalid';
  }

  async function attempt(
    block: string,
    members: readonly Network[],
    postfix: Postfix | null,
    ready: () => Promise<void>,
  ): Promise<Put | 'overtaken'> {
    const table = await file.read();
    lookAtMarks(table ?? '');
    const current = table === undefined ? null : splitTable(table).block;
    if (postfix === null) return await create(table);
    if (table !== undefined && current === block) return await look(table, block, members, postfix);
    return await replace(table, block, members, postfix, ready);
  }

  /** What a second block permits stays open, whatever becomes of the entries: its bytes are the operator's. */
  function lookAtMarks(table: string): void {
    const stray = strayMark(table);
    if (stray === null) faults.ended('table-invalid', MARKS);
    else invalid(stray, stray.remedy, { subject: MARKS, blocking: false });
  }

  /** The mail container mounts the table's directory and may start first: it should find a table. */
  async function create(table: string | undefined): Promise<Put> {
    if (table !== undefined) return 'waiting';
    const staged = await file.stage(renderBlock([]));
    await staged.commit(undefined).finally(() => discard(staged));
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
    const put = judge(await postfix.checkTable(tableInContainer, table, members));
    if (put === 'in-place') looked = table;
    return put;
  }

  async function replace(
    table: string | undefined,
    block: string,
    members: readonly Network[],
    postfix: Postfix,
    ready: () => Promise<void>,
  ): Promise<Put | 'overtaken'> {
    const before = table === undefined ? null : splitTable(table).block;
    const altered = inPlace.length > 0 && (before === null || !inPlace.includes(digestOf(before)));
    const wanted = withBlock(table ?? '', block);
    const staged = await file.stage(wanted);
    try {
      const path = posix.join(posix.dirname(tableInContainer), staged.name);
      const check = await postfix.checkTable(path, wanted, members);
      if (!check.good) return judge(check);
      await ready();
      if (!(await staged.commit(table))) return 'overtaken';
      judge(check);
    } finally {
      await discard(staged);
    }
    inPlace = [digestOf(block)];
    looked = wanted;
    if (!altered) return 'in-place';
    report.alert('table-restored', digestOf(block), { reason: before === null ? 'missing' : 'altered' });
    return 'restored';
  }

  /** What Postfix says of a table that is in place, or of one that therefore is not put there. */
  function judge({ good, complaint }: TableCheck): 'in-place' | 'invalid' {
    if (complaint === null) faults.ended('table-invalid');
    else if (good) invalid(complaint, THEIRS, { blocking: false });
    else invalid(complaint, OURS, { blocking: true, graceMs: RUN_GRACE_MS });
    return good ? 'in-place' : 'invalid';
  }

  function invalid(
    { reason, line }: Complaint,
    remedy: string | null,
    how: { readonly subject?: string; readonly blocking: boolean; readonly graceMs?: number },
  ): void {
    const facts = { reason, line, remedy };
    faults.failed({ kind: 'table-invalid', subject: '', reason, facts, ...how });
  }

  /** What stays is removed by the next try, and must not hide what came of this one. */
  async function discard(staged: StagedTable): Promise<void> {
    try {
      await staged.discard();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      report.error(`The new version of the table was not used and could not be removed: ${error.message}`);
    }
  }

  return {
    put,
    lookAgain() {
      looked = null;
    },
  };
}

const OVERTAKEN: Complaint = {
  reason: 'another program keeps changing the table while Postfix checks the new one. screenpass retries',
  line: null,
};
const THEIRS = 'Correct or remove that line, which is not from screenpass; Postfix skips it';
const OURS =
  'The old table stays in place. Check that its directory is mounted in the mail container, at the path SCREENPASS_TABLE_IN_CONTAINER';

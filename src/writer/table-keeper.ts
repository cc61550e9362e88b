import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { renderBlock, splitTable, withBlock } from '../core/allowlist.ts';
import type { Network } from '../core/network.ts';
import type { TableCheck } from '../core/table-check.ts';
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
  /** Why the last put gave `invalid`, in the words of its alert; null: it did not. */
  trouble(): string | null;
  /** Look at the table in place again: the mail container may be another one. */
  lookAgain(): void;
}

export function digestOf(block: string): string {
  return createHash('sha256').update(block, 'latin1').digest('hex');
}

/** `inPlace` is the digest of the block that an earlier process left in the table; null when unknown. */
export function createTableKeeper(
  file: TableFile,
  report: Report,
  tableInContainer: string,
  inPlace: string | null,
): TableKeeper {
  /** The table as Postfix last read it without a complaint about our part. */
  let looked: string | null = null;
  let complaint: string | null = null;
  let isHeldBack = false;

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
      complain({ reason: error.message, line: null }, 'The change is tried again');
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
    inPlace = digestOf(block);
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
    const altered = inPlace !== null && (before === null || digestOf(before) !== inPlace);
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
    inPlace = digestOf(block);
    looked = wanted;
    if (!altered) return 'in-place';
    report.alert('table-restored', inPlace, { reason: before === null ? 'missing' : 'altered' });
    return 'restored';
  }

  function judge(check: TableCheck): boolean {
    if (check.complaint === null) satisfied();
    else complain(check.complaint, check.good ? THEIRS : OURS);
    return check.good;
  }

  function complain({ reason, line }: { reason: string; line: number | null }, remedy: string): void {
    if (complaint === reason) return;
    complaint = reason;
    report.alert('table-invalid', reason, { reason, line, remedy });
  }

  function satisfied(): void {
    if (complaint !== null) report.alert('table-restored', complaint, { reason: 'valid-again' });
    complaint = null;
  }

  return {
    async put(...how) {
      const done = await put(...how);
      isHeldBack = done === 'invalid';
      return done;
    },
    trouble: () => (isHeldBack ? complaint : null),
    lookAgain() {
      looked = null;
    },
  };
}

const THEIRS = 'Postfix skips that line of yours; it stays as it is: mend it by hand';
const OURS =
  'The table that is in place stays. Is its directory mounted in the mail container, at the path SCREENPASS_TABLE_IN_CONTAINER?';

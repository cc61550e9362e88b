// Keeps our block in the table: checked by Postfix, then put in place whole. What the block says is decided elsewhere.

import { posix } from 'node:path';
import type { Network } from '../../core/net/network.ts';
import { renderBlock, splitTable, strayMark, withBlock } from '../../core/table/managed-block.ts';
import type { TableCheck } from '../../core/table/table-check.ts';
import { RUN_GRACE_MS } from '../../core/watch/faults.ts';
import { FileError, type Report, type StagedTable, type TableFile } from '../../ports.ts';
import type { Postfix } from '../../postfix/postfix-commands.ts';
import { digestOf } from './desired-table.ts';
import type { FaultMonitor } from './fault-monitor.ts';

/** After so many tries in a row, a table that changes during each check is left alone until the next round. */
const TRIES = 3;

/** Marks outside our block are a fault of their own, since Postfix may complain about another line meanwhile. */
const MARKS = 'marks';

/** What is wrong with the table; `line` is 1-based. */
interface Complaint {
  readonly reason: string;
  readonly line: number | null;
}

/** A block on its way into the table. */
interface Proposal {
  readonly block: string;
  /** Networks in the block. Postfix must answer `permit` for one of them. */
  readonly members: readonly Network[];
  readonly postfix: Pick<Postfix, 'checkTable'>;
  /** Must be done before the table changes. */
  readonly ready: () => Promise<void>;
}

export class TableKeeper {
  readonly #file: TableFile;
  readonly #report: Pick<Report, 'alert' | 'error'>;
  readonly #faults: FaultMonitor;
  readonly #pathInContainer: string;
  /** Digests of the blocks that may be in the table. */
  #known: readonly string[];
  /** The table as Postfix last read it without a complaint about our part. */
  #checked: string | null = null;

  /**
   * `known` are the digests of the blocks that an earlier process may have left in the table: one that was killed may
   * have put its last one there, or not yet. Empty when nothing is known.
   */
  constructor(
    file: TableFile,
    report: Pick<Report, 'alert' | 'error'>,
    faults: FaultMonitor,
    pathInContainer: string,
    known: readonly string[],
  ) {
    this.#file = file;
    this.#report = report;
    this.#faults = faults;
    this.#pathInContainer = pathInContainer;
    this.#known = known;
  }

  /**
   * Makes the proposed block our part of the table, if it is not, once Postfix has read the new table. What the operator
   * wrote stays, also what is written while Postfix checks. `invalid`: a fault says why, and the table is as it was.
   */
  async put(proposal: Proposal): Promise<'in-place' | 'restored' | 'invalid'> {
    return await this.#guarded(async () => {
      for (let tries = 0; tries < TRIES; tries += 1) {
        const table = await this.#read();
        const isInPlace = table !== undefined && splitTable(table).block === proposal.block;
        const done = await (isInPlace ? this.#check(table, proposal) : this.#replace(table, proposal));
        if (done !== 'overtaken') return done;
      }
      this.#invalid(OVERTAKEN, 'Find the program that writes the table, and let it write less often', {
        blocking: true,
      });
      this.#checked = null;
      return 'invalid';
    });
  }

  /** The mail container mounts the table's directory and may start first: it should find a table. */
  async create(): Promise<'waiting' | 'invalid'> {
    return await this.#guarded(async (): Promise<'waiting'> => {
      if ((await this.#read()) !== undefined) return 'waiting';
      const staged = await this.#file.stage(renderBlock([]));
      await staged.commit(undefined).finally(() => this.#discard(staged));
      return 'waiting';
    });
  }

  /** Another run of the mail container may read the table in another way: the next put has Postfix check it again. */
  checkAgain(): void {
    this.#checked = null;
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T | 'invalid'> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#invalid({ reason: error.message, line: null }, null, { blocking: true });
      this.#checked = null;
      return 'invalid';
    }
  }

  /** What a second block permits stays open after its entries end: its bytes are the operator's. */
  async #read(): Promise<string | undefined> {
    const table = await this.#file.read();
    const stray = strayMark(table ?? '');
    if (stray === null) this.#faults.ended('table-invalid', MARKS);
    else this.#invalid(stray, stray.remedy, { subject: MARKS, blocking: false });
    return table;
  }

  async #check(table: string, { block, members, postfix }: Proposal): Promise<'in-place' | 'invalid'> {
    this.#known = [digestOf(block)];
    if (this.#checked === table) return 'in-place';
    const done = this.#judge(await postfix.checkTable(this.#pathInContainer, table, members));
    if (done === 'in-place') this.#checked = table;
    return done;
  }

  async #replace(
    table: string | undefined,
    { block, members, postfix, ready }: Proposal,
  ): Promise<'in-place' | 'restored' | 'invalid' | 'overtaken'> {
    const before = table === undefined ? null : splitTable(table).block;
    const isAltered = this.#known.length > 0 && (before === null || !this.#known.includes(digestOf(before)));
    const wanted = withBlock(table ?? '', block);
    const staged = await this.#file.stage(wanted);
    try {
      const path = posix.join(posix.dirname(this.#pathInContainer), staged.name);
      const check = await postfix.checkTable(path, wanted, members);
      if (!check.good) return this.#judge(check);
      await ready();
      if (!(await staged.commit(table))) return 'overtaken';
      this.#judge(check);
    } finally {
      await this.#discard(staged);
    }
    this.#known = [digestOf(block)];
    this.#checked = wanted;
    if (!isAltered) return 'in-place';
    this.#report.alert('table-restored', digestOf(block), {
      reason: before === null ? 'missing' : 'altered',
    });
    return 'restored';
  }

  /** Judges what Postfix answered about a table that is in place, or about one that is not put there if it is bad. */
  #judge({ good, complaint }: TableCheck): 'in-place' | 'invalid' {
    if (complaint === null) this.#faults.ended('table-invalid');
    else if (good) this.#invalid(complaint, THEIRS, { blocking: false });
    else this.#invalid(complaint, OURS, { blocking: true, graceMs: RUN_GRACE_MS });
    return good ? 'in-place' : 'invalid';
  }

  #invalid(
    { reason, line }: Complaint,
    remedy: string | null,
    how: { readonly subject?: string; readonly blocking: boolean; readonly graceMs?: number },
  ): void {
    const facts = { reason, line, remedy };
    this.#faults.failed({ kind: 'table-invalid', subject: '', reason, facts, ...how });
  }

  /** The next try removes what is left over. A failure here must not hide the result of this one. */
  async #discard(staged: StagedTable): Promise<void> {
    try {
      await staged.discard();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#report.error(
        `The new version of the table was not used and could not be removed: ${error.message}`,
      );
    }
  }
}

const OVERTAKEN: Complaint = {
  reason: 'another program keeps changing the table while Postfix checks the new one. screenpass retries',
  line: null,
};
const THEIRS = 'Correct or remove that line, which is not from screenpass; Postfix skips it';
const OURS =
  'The old table stays in place. Check that its directory is mounted in the mail container, at the path SCREENPASS_TABLE_IN_CONTAINER';

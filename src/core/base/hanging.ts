/** What can begin and not end, and what an administrator can do about it. */

/** `table` and `state`: operations on these files. `log`: the lines that were read and are being handled. */
export type Work = 'stdout' | 'table' | 'state' | 'writer' | 'log';

interface Row {
  /** "... for more than 60 s" follows. */
  readonly what: string;
  /** Longer than it takes when all is right. */
  readonly limitMs: number;
  /** While it waits for one that does not, it does not hang itself. */
  readonly waitsForOthers: boolean;
  readonly remedy: string;
}

const RESTART = 'Restart screenpass if this does not end, and report it';

export const HANGING: Readonly<Record<Work, Row>> = {
  stdout: {
    what: 'nothing has taken the lines that screenpass writes to stdout',
    limitMs: 10_000,
    waitsForOthers: false,
    remedy:
      'Nothing is saved or allowed meanwhile. Check what reads the output of screenpass: the log driver of the Engine, or the program behind the pipe',
  },
  table: {
    what: 'reading or writing the table has not ended',
    limitMs: 60_000,
    waitsForOthers: false,
    remedy: 'Check the file system of the directory of SCREENPASS_TABLE, then restart screenpass',
  },
  state: {
    what: 'reading or writing the saved state has not ended',
    limitMs: 60_000,
    waitsForOthers: false,
    remedy: 'Check the file system of SCREENPASS_STATE_DIR, then restart screenpass',
  },
  // Its longest step, a reload that hangs, takes 30 s and 15 s for the proof.
  writer: {
    what: 'the writer, which changes state, table and Postfix, has not ended its step',
    limitMs: 60_000,
    waitsForOthers: true,
    remedy: RESTART,
  },
  log: {
    what: 'lines of the log that were read have not been handled',
    limitMs: 60_000,
    waitsForOthers: true,
    remedy: RESTART,
  },
};

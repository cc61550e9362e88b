// The work that can hang: after which time it counts as hanging, and what the administrator can do. The watchdog measures it.

/** `table` and `state`: operations on these files. `log`: the handling of lines that were read. */
export type Work = 'stdout' | 'table' | 'state' | 'writer' | 'log';

interface Row {
  /** "... for more than 60 s" follows. */
  readonly what: string;
  /** Longer than it takes when nothing is wrong. */
  readonly limitMs: number;
  /** It does not hang itself while work that hangs keeps it waiting. */
  readonly waitsForOthers: boolean;
  readonly remedy: string;
}

const RESTART = 'If this does not end, run docker compose restart screenpass, and report it';

export const HANGING: Readonly<Record<Work, Row>> = {
  stdout: {
    what: 'nothing has taken the lines that screenpass writes to stdout',
    limitMs: 10_000,
    waitsForOthers: false,
    remedy:
      'screenpass saves and allows nothing meanwhile. Check what reads its output: the log driver of the Engine, or the program behind the pipe',
  },
  table: {
    what: 'reading or writing the table has not ended',
    limitMs: 60_000,
    waitsForOthers: false,
    remedy:
      'Check the file system of the directory of SCREENPASS_TABLE, then run docker compose restart screenpass',
  },
  state: {
    what: 'reading or writing the saved state has not ended',
    limitMs: 60_000,
    waitsForOthers: false,
    remedy: 'Check the file system of SCREENPASS_STATE_DIR, then run docker compose restart screenpass',
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

// The only way of the commands to stdout and stderr: text from others is made safe for a terminal, and columns are aligned.
import { safeJson, safeLines, safeText } from '../core/base/safe-text.ts';
import { counted } from '../core/base/wording.ts';

/** What `parse` and `replay` read. */
export const MAIL_LOG = 'a mail log is what docker logs mailserver prints';
/** Between two reports of the progress. */
const PROGRESS_MS = 250;

/** Prints the result: one JSON document, or what `text` makes of it for people. */
export function print<T>(result: T, json: boolean, text: (result: T) => string): void {
  process.stdout.write(json ? `${safeJson(result)}\n` : safeLines(text(result)));
}

/** Writes to stderr what is wrong. */
export function complain(problem: string): void {
  process.stderr.write(`screenpass: ${safeLines(problem)}\n`);
}

/** Aligned columns for people; the last one has no padding. */
export function tableOf(head: readonly string[], given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map(safeText));
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return `${[head, ...rows].map(line).join('\n')}\n`;
}

/**
 * Reports on stderr that a file is not what the command reads. `wanted` is what it lacks, `lines` how many lines were read,
 * `expected` what to give instead.
 */
export function foundNothing(file: string, wanted: string, lines: number, expected: string): void {
  const name = file === '-' ? 'stdin' : file;
  const read = counted(lines, 'line was', 'lines were');
  complain(`${name} has no ${wanted} (${read} read); ${expected}`);
}

export interface Progress {
  /** Calls `what` only when a report is due. */
  report(what: () => string): void;
  clear(): void;
}

/** Reports on stderr, if that is a terminal, how far a long command is. */
export function createProgress(): Progress {
  let reportedAt = Date.now();
  let isShown = false;
  return {
    report(what) {
      const now = Date.now();
      if (!process.stderr.isTTY || now - reportedAt < PROGRESS_MS) return;
      reportedAt = now;
      isShown = true;
      process.stderr.write(`\r${what()} `);
    },
    clear() {
      if (isShown) process.stderr.write('\r\x1b[K');
    },
  };
}

/** How far a log is read: the share of a file, or the lines of stdin. */
export function readSoFar(share: number | null, lines: number): string {
  return share === null ? `${lines} lines` : `${Math.floor(100 * share)} %`;
}

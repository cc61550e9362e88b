import { complain } from './output.ts';

/** Where a log comes from that `parse` and `replay` can read. */
export const MAIL_LOG = 'a mail log is what docker logs mailserver prints';

/**
 * Says on stderr that a file is not what the command reads. `wanted` is what it has none of, `lines` how many lines were
 * read, `expected` what to give instead.
 */
export function foundNothing(file: string, wanted: string, lines: number, expected: string): void {
  const name = file === '-' ? 'stdin' : file;
  const read = lines === 1 ? '1 line was read' : `${lines} lines were read`;
  complain(`${name} holds no ${wanted} (${read}); ${expected}`);
}

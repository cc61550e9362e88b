import type { ExecResult } from '../engine/mail-container.ts';
import { blockLines } from './managed-block.ts';

/** What `postmap -q` says of a table that is to take its place. */
export interface TableCheck {
  /** Postfix reads our block as meant. */
  readonly good: boolean;
  /** Null when there is nothing to complain about, not even in the operator's own lines. */
  readonly complaint: { readonly reason: string; readonly line: number | null } | null;
}

const SKIPPED = /, line (\d+): (.*)/;

/**
 * Judges the answers for members of our block, or for a stranger when it has no rules. `postmap -q` exits 1 both for
 * "no match" and for failure, so stderr
 * decides (postmap(1)). A bad line of the operator's is told and kept, but does not hold back ours: Postfix skips
 * it with or without our rules. An operator's rule above ours may answer instead of ours; that is its right.
 */
export function judgeTable(
  table: string,
  answers: readonly ExecResult[],
  asked: 'members' | 'stranger',
): TableCheck {
  const complaints = answers.flatMap(({ stderr }) => stderr.split('\n').filter(isComplaint));
  const skipped = complaints.map(skippedLine);
  const { first, last } = blockLines(table);
  const ours = skipped.findIndex((match) => match === null || inside(Number(match[1]), first, last));
  if (ours >= 0)
    return { good: false, complaint: complaintOf(complaints[ours] ?? '', skipped[ours] ?? null) };
  const complaint = skipped[0] === undefined ? null : complaintOf(complaints[0] ?? '', skipped[0]);
  if (asked === 'stranger' || answers.some(({ stdout }) => stdout.trim() === 'permit'))
    return { good: true, complaint };
  const answered = answers.every(({ stdout }) => stdout.trim() !== '');
  const reason = 'an address of our own rules is not found in it: an unclosed "if" above our block?';
  return answered
    ? { good: true, complaint }
    : { good: false, complaint: complaint ?? { reason, line: null } };
}

/** postmap also repeats warnings about main.cf, which say nothing of the table. */
function isComplaint(line: string): boolean {
  return /^postmap: (?:fatal|error|panic): /.test(line) || /^postmap: warning: .*cidr/.test(line);
}

/** Null: it speaks of no line. The first number is Postfix's; the operator's words are repeated behind it. */
function skippedLine(complaint: string): RegExpExecArray | null {
  const at = complaint.indexOf('cidr map ');
  return at < 0 ? null : SKIPPED.exec(complaint.slice(at));
}

function complaintOf(text: string, match: RegExpExecArray | null): { reason: string; line: number | null } {
  if (match === null) return { reason: text.replace(/^postmap: /, ''), line: null };
  return { reason: `line ${match[1]}: ${match[2]}`, line: Number(match[1]) };
}

function inside(line: number, first: number, last: number): boolean {
  return line >= first && line <= last;
}

// Whether Postfix reads a new version of the table as meant, from what postmap answers about it. Runs no command.

import type { ExecResult } from '../engine/mail-container.ts';
import { type PostmapMessage, readMessages } from '../postscreen/access-list.ts';
import { blockLines } from './managed-block.ts';

export interface TableCheck {
  /** Postfix reads our block as meant. */
  readonly good: boolean;
  /** Null when Postfix complains about no line, not even of the operator's. */
  readonly complaint: Complaint | null;
}

interface Complaint {
  readonly reason: string;
  /** Null: the complaint is about no single line. */
  readonly line: number | null;
}

/** The first number is Postfix's; the operator's words are repeated after it. */
const SKIPPED = /, line (\d+): (.*)/;
const HIDDEN: Complaint = {
  reason: 'an address of our own rules is not found in it: an unclosed "if" above our block?',
  line: null,
};

/**
 * Judges the answers for members of our block, or for a stranger when it has no rules. A bad line of the operator is
 * reported and kept, and does not hold back our block: Postfix skips that line with or without our rules. A rule of the
 * operator above our block may answer in place of ours.
 */
export function judgeTable(
  table: string,
  answers: readonly ExecResult[],
  asked: 'members' | 'stranger',
): TableCheck {
  const complaints = answers
    .flatMap(({ stderr }) => readMessages(stderr))
    .filter(isAboutTable)
    .map(complaintOf);
  const { first, last } = blockLines(table);
  const ours = complaints.find(({ line }) => line === null || (line >= first && line <= last));
  if (ours !== undefined) return { good: false, complaint: ours };
  const complaint = complaints[0] ?? null;
  const outputs = answers.map(({ stdout }) => stdout.trim());
  const isFound = outputs.includes('permit') || outputs.every((output) => output !== '');
  if (asked === 'stranger' || isFound) return { good: true, complaint };
  return { good: false, complaint: complaint ?? HIDDEN };
}

/** postmap also repeats warnings about main.cf, which say nothing about the table. */
function isAboutTable({ kind, text }: PostmapMessage): boolean {
  return kind === 'error' || text.includes('cidr');
}

function complaintOf({ text }: PostmapMessage): Complaint {
  const at = text.indexOf('cidr map ');
  const [, line, reason] = (at < 0 ? null : SKIPPED.exec(text.slice(at))) ?? [];
  if (line === undefined) return { reason: text, line: null };
  return { reason: `line ${line}: ${reason}`, line: Number(line) };
}

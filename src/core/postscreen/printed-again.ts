/** Distinguishes a session from a second print of the one before it. */
import type { PostfixEvent } from '../log/postfix-event.ts';

/** What is known of a session's lines, to distinguish it from another print of the one before it; `T` is what comes of it. */
export interface Print<T> {
  /** Its lines, by their digests; none where stamps are fine enough to distinguish its CONNECT from others. */
  readonly lines: number[];
  /** The lines of the session before it, whose CONNECT was the same line; null: it is no print of that one. */
  printOf: readonly number[] | null;
  /** What came of it, in case that it is none. */
  withheld: T | undefined;
}

/** No session that is printed twice has more lines before its fate is known. */
const MOST_LINES = 30;

/**
 * The outcome of a session after one more line. supervisord at its debug level prints all lines again, so a session whose
 * CONNECT is the same line as that of the one before, stamp included, counts only when another of its lines is not: with
 * stamps in whole seconds, a client can come back from the same port within one.
 */
export function unlessPrinted<T>(
  print: Print<T>,
  event: PostfixEvent,
  outcome: T | undefined,
): T | undefined {
  if (isFine(event.stamp)) return outcome;
  const { lines, printOf, withheld } = print;
  const line = digestOf(event);
  if (lines.length < MOST_LINES) lines.push(line);
  if (printOf === null) return outcome;
  if (printOf.length < MOST_LINES && !printOf.includes(line)) {
    print.printOf = null;
    print.withheld = undefined;
    return withheld ?? outcome;
  }
  print.withheld = withheld ?? outcome;
  return undefined;
}

/** Whether it has six decimals or more: no client comes back from the same port within a microsecond. */
export function isFine(stamp: string | null): boolean {
  const last = stamp?.charCodeAt(25) ?? 0;
  return stamp?.[19] === '.' && last >= 48 && last <= 57;
}

/** Of all that an event has of its line. */
function digestOf({ kind, stamp, code, rank, text, helo, sender, recipient }: PostfixEvent): number {
  const parts = [kind, stamp, code, rank, text, helo, sender, recipient];
  return parts.reduce<number>((digest, part) => digested(String(part ?? ''), digest), 0);
}

/** FNV-1a, cut to a small integer. */
function digested(text: string, start: number): number {
  let digest = start ^ text.length;
  for (let i = 0; i < text.length; i += 1) digest = Math.imul(digest ^ text.charCodeAt(i), 0x01000193);
  return digest >> 2;
}

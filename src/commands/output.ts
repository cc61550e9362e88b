/** The one way of commands to stdout and stderr, so that nothing that others wrote reaches the terminal as it is. */
import { safeJson, safeLines } from '../core/base/safe-text.ts';

/** Prints the result: one JSON document, or what `text` makes of it for people. */
export function print<T>(result: T, json: boolean, text: (result: T) => string): void {
  process.stdout.write(json ? `${safeJson(result)}\n` : safeLines(text(result)));
}

/** Says on stderr what is wrong. */
export function complain(problem: string): void {
  process.stderr.write(`screenpass: ${safeLines(problem)}\n`);
}

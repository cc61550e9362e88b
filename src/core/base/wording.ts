// How counts and sentences are put together in texts for people. It is not for making text safe: safe-text.ts.

/** `1 entry`, `2 entries`; the plural ends in s unless it is given. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** The parts as sentences of one line, each with its full stop; null: there is nothing to say. */
export function sentences(...parts: readonly (string | null)[]): string {
  return parts.flatMap((part) => (part === null ? [] : /[.?]$/.test(part) ? part : `${part}.`)).join(' ');
}

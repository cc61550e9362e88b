// How counts and sentences are put together in texts for people. It is not for making text safe: safe-text.ts.

const COLUMNS = 80;

/** `1 entry`, `2 entries`; the plural ends in s unless it is given. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** The parts as sentences of one line, each with its full stop; null: there is nothing to say. */
export function sentences(...parts: readonly (string | null)[]): string {
  return parts.flatMap((part) => (part === null ? [] : /[.?]$/.test(part) ? part : `${part}.`)).join(' ');
}

/** The text in lines of at most 80 columns, broken between words; `indent` begins each line after the first. */
export function wrapped(text: string, indent = ''): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = `${lines.at(-1) ?? ''} ${word}`;
    if (lines.length > 0 && line.length <= COLUMNS) lines[lines.length - 1] = line;
    else lines.push(lines.length === 0 ? word : indent + word);
  }
  return lines.join('\n');
}

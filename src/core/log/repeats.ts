/** Lines of this many are kept in mind. */
const LINES = 100;

/** Reports whether a line was there a moment ago: supervisord at its debug level prints each twice. */
export function createRepeats(): (line: string) => boolean {
  const lines = new Set<string>();
  return (line) => {
    if (lines.has(line)) return true;
    lines.add(line);
    const [oldest] = lines;
    if (lines.size > LINES && oldest !== undefined) lines.delete(oldest);
    return false;
  };
}

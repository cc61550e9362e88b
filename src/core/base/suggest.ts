// Suggests similar names for a name that does not exist.

/** The most that are suggested. */
const MOST = 3;

/** `; did you mean A or B?` for the names most like the word; empty when none is. */
export function didYouMean(word: string, names: readonly string[]): string {
  const nearest = nearestTo(word.toLowerCase(), names).slice(0, MOST);
  return nearest.length === 0 ? '' : `; did you mean ${nearest.join(' or ')}?`;
}

function nearestTo(word: string, names: readonly string[]): readonly string[] {
  const near = names
    .map((name) => ({ name, edits: edits(word, name.toLowerCase()) }))
    .filter(({ name, edits }) => edits <= Math.max(1, Math.floor(Math.min(word.length, name.length) / 3)));
  const least = Math.min(...near.map(({ edits }) => edits));
  if (near.length > 0) return near.filter(({ edits }) => edits === least).map(({ name }) => name);
  return word.length < 3 ? [] : names.filter((name) => `-${name}`.includes(`-${word}`));
}

/** How many letters to add, remove, replace or swap with the next one (optimal string alignment distance). */
function edits(a: string, b: string): number {
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const at = (from: readonly number[], k: number) => from[k] ?? Number.POSITIVE_INFINITY;
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(before, j - 2) + 1 : replaced;
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced, swapped));
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? 0;
}

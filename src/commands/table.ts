import { safeText } from '../core/base/safe-text.ts';

/** Aligned columns for people; the last one is as long as it is. */
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

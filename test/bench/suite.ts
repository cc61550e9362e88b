/** One part of the benchmark. Throws when what it compares does not do the same work; says nothing of what is fast. */
export interface Suite {
  /** For `--only`. */
  readonly name: string;
  /** What is measured, in one line. */
  readonly title: string;
  measure(): Promise<readonly Row[]>;
}

/** Figures by column; all rows of a suite have the same columns. */
export type Row = Readonly<Record<string, string | number>>;

/** The middle one; of an even number the mean of the two. Throws without any. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const [lower, upper] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  if (lower === undefined || upper === undefined) throw new Error('the median of no figures');
  return (lower + upper) / 2;
}

/** For people and for comparing: half a per cent is far below what two runs differ by. */
export function rounded(figure: number): number {
  return Number(figure.toPrecision(3));
}

/** CPU time of this process so far in ms, garbage collection included: what counts where the machine has other work, too. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

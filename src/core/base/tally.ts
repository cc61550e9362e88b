// Counts and medians of arbitrarily many values in bounded memory.

/** Counts the names beyond the limit. */
export const REST = '(others)';

/** Counts by name, at most `most` names, since a log can have any number. */
export interface Tally {
  add(name: string): void;
  readonly total: number;
  /** The most frequent first. */
  counts(): Readonly<Record<string, number>>;
}

export function createTally(most: number): Tally {
  const counts = new Map<string, number>();
  let total = 0;
  return {
    add(name) {
      const key = counts.has(name) || counts.size < most ? name : REST;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      total += 1;
    },
    get total() {
      return total;
    },
    counts: () => Object.fromEntries([...counts].sort((a, b) => b[1] - a[1])),
  };
}

/** The median of many values in a bounded memory, exact to three digits. */
export interface Median {
  add(value: number): void;
  readonly count: number;
  /** Null: there is no value. Of an even number of values the lower of the middle two. */
  value(): number | null;
}

export function createMedian(): Median {
  const counts = new Map<number, number>();
  let count = 0;
  return {
    add(value) {
      const rounded = Number(value.toPrecision(3));
      counts.set(rounded, (counts.get(rounded) ?? 0) + 1);
      count += 1;
    },
    get count() {
      return count;
    },
    value() {
      let before = 0;
      for (const [value, times] of [...counts].sort(([a], [b]) => a - b)) {
        before += times;
        if (before * 2 >= count) return value;
      }
      return null;
    },
  };
}

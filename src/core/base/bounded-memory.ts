// A map with bounded size and age, for what clients can make arbitrarily many of. It is not saved.

/** How many are kept and for how long, in ms of log time. */
export interface Limits {
  readonly open: number;
  readonly ageMs: number;
}

/** Values by key. It keeps at least the newest `open` / 2 and never more than `open`. */
export interface Memory<T> {
  /** Also undefined for a value that is too old when compared with the newest. */
  get(key: string): T | undefined;
  /** Adds it as the newest. */
  set(key: string, value: T): void;
  delete(key: string): void;
  readonly size: number;
}

/**
 * Two halves: when the younger one is full it replaces the older one, which is dropped as a whole, so that a flood costs
 * nothing for each value. A value that is ahead by more than the age is from a time before the clock was set back.
 */
export function createMemory<T extends { readonly since: number }>({ open, ageMs }: Limits): Memory<T> {
  const half = open / 2;
  let young = new Map<string, T>();
  let old = new Map<string, T>();
  /** When the younger half began, and the time of the newest value. */
  let begun = 0;
  let now = 0;

  const isNear = (since: number, time: number) => Math.abs(time - since) <= ageMs;

  return {
    get(key) {
      const value = young.get(key) ?? old.get(key);
      return value !== undefined && isNear(value.since, now) ? value : undefined;
    },
    set(key, value) {
      const allOver = !isNear(now, value.since);
      now = value.since;
      if (allOver || young.size >= half || !isNear(begun, now)) {
        old = allOver ? new Map() : young;
        young = new Map();
        begun = now;
      }
      young.set(key, value);
    },
    delete(key) {
      young.delete(key);
      old.delete(key);
    },
    get size() {
      return young.size + old.size;
    },
  };
}

/** V8 copies shorter parts of a text by itself. */
const SHORTEST_PART = 13;

/** A copy of the text (one character a byte): a part of a line would keep the whole line in memory. */
export function own(text: string): string {
  if (text.length < SHORTEST_PART) return text;
  return Buffer.from(text, 'latin1').toString('latin1');
}

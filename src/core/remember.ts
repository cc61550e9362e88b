/** How many are kept and for how long, in ms of log time. */
export interface Limits {
  readonly open: number;
  readonly ageMs: number;
}

/** Values by key, in order of arrival. */
export interface Memory<T> {
  get(key: string): T | undefined;
  /** Adds it as the newest, and drops from the old end what is too old, seen from it, or too many. */
  set(key: string, value: T): void;
  readonly size: number;
}

/**
 * What lies ahead by more than the age is of a time before the clock was set back. One iterator stays at the old end:
 * a new one would have to pass by all that was dropped before, which in a flood takes longer with each client.
 */
export function createMemory<T extends { readonly since: number }>({ open, ageMs }: Limits): Memory<T> {
  const values = new Map<string, T>();
  let entries = values.entries();
  let oldest = entries.next();

  function forget(now: number): void {
    if (oldest.done) {
      entries = values.entries();
      oldest = entries.next();
    }
    while (!oldest.done) {
      const [key, value] = oldest.value;
      // What was set again since stands at the new end.
      if (values.get(key) === value) {
        if (values.size <= open && Math.abs(now - value.since) <= ageMs) return;
        values.delete(key);
      }
      oldest = entries.next();
    }
  }

  return {
    get: (key) => values.get(key),
    set(key, value) {
      values.delete(key);
      values.set(key, value);
      forget(value.since);
    },
    get size() {
      return values.size;
    },
  };
}

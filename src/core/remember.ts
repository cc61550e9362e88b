/** How many are kept and for how long, in ms of log time. */
export interface Limits {
  readonly open: number;
  readonly ageMs: number;
}

/**
 * Adds to a map that is in order of arrival, and drops what is too old or too many from its old end. What lies ahead by
 * more than the age is of a time before the clock was set back.
 */
export function remember<T extends { readonly since: number }>(
  map: Map<string, T>,
  key: string,
  value: T,
  limits: Limits,
): void {
  map.delete(key);
  map.set(key, value);
  for (const [oldest, { since }] of map) {
    if (map.size <= limits.open && Math.abs(value.since - since) <= limits.ageMs) break;
    map.delete(oldest);
  }
}

import type { Fault } from './faults.ts';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

/** The wait after this many failures: a second after the first, doubled up to a minute. */
export function retryMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 16));
}

/** The time in ms until what failed is to be tried again; 0: now. */
export function retryIn(fault: Pick<Fault, 'tries' | 'triedAt'> | undefined, now: number): number {
  return fault === undefined ? 0 : remaining(fault.triedAt, retryMs(fault.tries), now);
}

/** Where the reload stands; `dirty`: Postfix is not proven to use the table that is in place. */
export interface ReloadState {
  readonly dirty: boolean;
  readonly lastReloadAt: number | null;
  /** The failed tries so far; undefined: none. */
  readonly fault: Pick<Fault, 'tries' | 'triedAt'> | undefined;
}

export type ReloadPlan =
  | { readonly kind: 'idle' }
  | { readonly kind: 'now' }
  | { readonly kind: 'wait'; readonly ms: number };

/**
 * When to reload: the first change at once, later ones together once `intervalMs` has passed since the last reload,
 * failed tries again as retryIn says. A clock that was set back never makes a wait longer.
 */
export function planReload(
  { dirty, lastReloadAt, fault }: ReloadState,
  now: number,
  intervalMs: number,
): ReloadPlan {
  if (!dirty) return { kind: 'idle' };
  const ms = Math.max(remaining(lastReloadAt, intervalMs, now), retryIn(fault, now));
  return ms === 0 ? { kind: 'now' } : { kind: 'wait', ms };
}

function remaining(since: number | null, wait: number, now: number): number {
  if (since === null || now < since) return 0;
  return Math.max(0, since + wait - now);
}

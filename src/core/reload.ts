/**
 * Log stamps of several processes, and our own request, can cross by this much: what is this near to a reload says
 * nothing about before and after.
 */
export const CROSSING_MS = 2_000;

/** Failed tries since the last success. Times in ms. */
export interface Backoff {
  readonly failures: number;
  readonly lastFailureAt: number | null;
}

export const NO_FAILURE: Backoff = { failures: 0, lastFailureAt: null };

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

export function afterFailure(backoff: Backoff, now: number): Backoff {
  return { failures: backoff.failures + 1, lastFailureAt: now };
}

/** The time until the next try: a second after the first failure, doubled up to a minute; 0: now. */
export function retryIn({ failures, lastFailureAt }: Backoff, now: number): number {
  if (failures === 0) return 0;
  return remaining(
    lastFailureAt,
    Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 16)),
    now,
  );
}

/** Where the reload stands; `dirty`: Postfix is not proven to use the table that is in place. */
export interface ReloadState {
  readonly dirty: boolean;
  readonly lastReloadAt: number | null;
  readonly backoff: Backoff;
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
  { dirty, lastReloadAt, backoff }: ReloadState,
  now: number,
  intervalMs: number,
): ReloadPlan {
  if (!dirty) return { kind: 'idle' };
  const ms = Math.max(remaining(lastReloadAt, intervalMs, now), retryIn(backoff, now));
  return ms === 0 ? { kind: 'now' } : { kind: 'wait', ms };
}

function remaining(since: number | null, wait: number, now: number): number {
  if (since === null || now < since) return 0;
  return Math.max(0, since + wait - now);
}

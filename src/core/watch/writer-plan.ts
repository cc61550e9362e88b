// What the writer does next, from what should be and what it knows of table and Postfix. Only decides; the writer acts.

import type { Fault } from './faults.ts';

/** The state is saved and the table is checked this often when nothing else requires it. */
export const HEARTBEAT_MS = 10_000;
/** While a mail container starts, screenpass checks this often whether Postfix is up. */
const STARTING_MS = 2_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

/** Desired and actual state, as far as this round of the writer knows them. A round begins with all that can change unknown. */
export interface Situation {
  readonly mode: 'enforce' | 'observe';
  /** The time until what failed may be tried again; 0: now. */
  readonly retryMs: number;
  /** A mail container is followed now. */
  readonly hasContainer: boolean;
  /** `none`: this round began without a mail container. `not-wired`: its access list does not name the table. */
  readonly postfix: 'none' | 'unknown' | 'down' | 'not-wired' | 'wired';
  /** `waiting`: Postfix cannot check a new one yet. `invalid`: it is not as desired, and a fault says why. */
  readonly table: 'unknown' | 'waiting' | 'in-place' | 'invalid';
  /** Entries that wait for Postfix, which cannot check the table yet. */
  readonly hasEntries: boolean;
  /** Entries that no alert has reported; they are in the table, once it is in place. */
  readonly isUnannounced: boolean;
  /** Postfix is not proven to use the table that is in place. */
  readonly isDirty: boolean;
  /** The time until a reload may be tried; 0: now. */
  readonly reloadMs: number;
  /** The fault reload-failed lasts. */
  readonly hasFailed: boolean;
  /** Something else in the access list answers before the table, or makes Postfix ignore it. */
  readonly isListBlocked: boolean;
  readonly isListChecked: boolean;
  /** This round reported that Postfix is down. */
  readonly isDownReported: boolean;
  /** This round reloaded Postfix, or learnt that a reload is needed: what it knows is no longer valid. */
  readonly isOver: boolean;
}

/** `wait` ends the round, after every other step the writer plans again. */
export type Step =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'announce'; readonly effect: 'table-written' | 'observed' | 'not-wired' }
  | {
      readonly kind:
        | 'ask-postfix'
        | 'create-table'
        | 'write-table'
        | 'report-down'
        | 'reload'
        | 'end-failure'
        | 'check-list';
    };

/** Table first, then alert, reload and a look at the access list. In observe mode only the alert. */
export function nextStep(now: Situation): Step {
  if (now.mode === 'observe')
    return now.isUnannounced ? { kind: 'announce', effect: 'observed' } : wait(HEARTBEAT_MS);
  if (now.isOver) return wait(0);
  switch (now.table) {
    case 'unknown':
      return towardsTable(now);
    case 'waiting':
      return withoutPostfix(now);
    case 'invalid':
      return wait(now.retryMs);
    case 'in-place':
      return afterTable(now);
  }
}

function towardsTable({ retryMs, postfix }: Situation): Step {
  if (retryMs > 0) return wait(retryMs);
  if (postfix === 'unknown') return { kind: 'ask-postfix' };
  return { kind: postfix === 'none' || postfix === 'down' ? 'create-table' : 'write-table' };
}

/** A mail container that runs without Postfix is normal for a while, then a fault if an entry waits for it. */
function withoutPostfix({ postfix, hasContainer, hasEntries, isDownReported }: Situation): Step {
  if (postfix === 'none' || !hasContainer) return wait(HEARTBEAT_MS);
  return hasEntries && !isDownReported ? { kind: 'report-down' } : wait(STARTING_MS);
}

function afterTable(now: Situation): Step {
  const isWired = now.postfix === 'wired';
  if (now.isUnannounced)
    return { kind: 'announce', effect: isWired && !now.isListBlocked ? 'table-written' : 'not-wired' };
  if (now.isDirty && isWired) return now.reloadMs > 0 ? wait(now.reloadMs) : { kind: 'reload' };
  if (now.hasFailed) return { kind: 'end-failure' };
  return isWired && !now.isListChecked ? { kind: 'check-list' } : wait(HEARTBEAT_MS);
}

function wait(ms: number): Step {
  return { kind: 'wait', ms };
}

/** The wait in ms after this many failures: a second after the first, doubled up to a minute. */
export function retryMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 16));
}

/** The time in ms until what failed is to be tried again; 0: now. */
export function retryIn(fault: Pick<Fault, 'tries' | 'triedAt'> | undefined, now: number): number {
  return fault === undefined ? 0 : remaining(fault.triedAt, retryMs(fault.tries), now);
}

/**
 * The time in ms until a reload may be tried; 0: now. The first change is loaded at once, later ones together when
 * `intervalMs` has passed since the last reload; what failed is retried as retryIn says. A clock that was set back makes
 * no wait longer. `fault`: the failed tries so far.
 */
export function reloadIn(
  lastReloadAt: number | null,
  fault: Pick<Fault, 'tries' | 'triedAt'> | undefined,
  now: number,
  intervalMs: number,
): number {
  return Math.max(remaining(lastReloadAt, intervalMs, now), retryIn(fault, now));
}

function remaining(since: number | null, wait: number, now: number): number {
  if (since === null || now < since) return 0;
  return Math.max(0, since + wait - now);
}

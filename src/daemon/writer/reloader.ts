import { CROSSING_MS } from '../../core/log/log-time.ts';
import { RUN_GRACE_MS } from '../../core/watch/faults.ts';
import { planReload, type ReloadPlan, retryMs } from '../../core/watch/reload.ts';
import type { Clock, Report } from '../../ports.ts';
import type { Postfix } from '../../postfix/postfix-commands.ts';
import type { FaultMonitor } from './fault-monitor.ts';
import { createBell } from './wake-signal.ts';

/** Postfix's own line about the reload must come this soon; a mail container at its limits needs seconds. */
const PROOF_MS = 15_000;
/** Brings Postfix to use the table that is in place, and knows whether it does. */
export interface Reloader {
  plan(dirty: boolean): ReloadPlan;
  /**
   * One try. Gives the log time (ms) from which Postfix is proven to use the table; null when it failed, which is a
   * fault then (reload-failed), or when the signal came first. Rejects with EngineError.
   */
  load(
    postfix: Pick<Postfix, 'reload'>,
    digest: string,
    senders: readonly string[],
    signal: AbortSignal,
  ): Promise<number | null>;
  /** Postfix's master said at log time `at` (ms) that it reloaded or started. */
  reloaded(at: number): void;
  /** Time of the last proven reload of this process, in ms. */
  reloadedAt(): number | null;
}

/** A reload, or a command that it needs, failed for the reason given. */
export function reloadFailed(faults: FaultMonitor, reason: string, graceMs: number): void {
  const tries = faults.lasting('reload-failed')?.tries ?? 0;
  const facts = { reason, retrySeconds: Math.round(retryMs(tries + 1) / 1000) };
  faults.failed({ kind: 'reload-failed', subject: '', reason, facts, blocking: true, graceMs });
}

export function createReloader(
  clock: Clock,
  report: Pick<Report, 'alert'>,
  faults: FaultMonitor,
  intervalMs: number,
): Reloader {
  const proof = createBell(clock);
  let lastReloadAt: number | null = null;
  let provenAt = Number.NEGATIVE_INFINITY;
  /** Counted, since times alone cannot tell an old line from a new one when the clock was set back. */
  let proofs = 0;

  /** Null when it was proven, undefined when the signal came first, else what went wrong. */
  async function attempt(
    postfix: Pick<Postfix, 'reload'>,
    signal: AbortSignal,
  ): Promise<string | null | undefined> {
    const began = clock.now();
    const before = proofs;
    const { exitCode, stderr } = await postfix.reload();
    if (exitCode !== 0)
      return stderr.trim().split('\n').at(-1) || `postfix reload ended with code ${exitCode}`;
    const proven = () => proofs > before && provenAt >= began - CROSSING_MS;
    for (let since = clock.now(); !proven(); ) {
      if (signal.aborted) return undefined;
      const now = clock.now();
      // Set back, the clock would have it wait for hours.
      since = Math.min(since, now);
      const left = since + PROOF_MS - now;
      if (left <= 0) return 'Postfix took the request, but its log has no line about a reload';
      await proof.wait(left);
    }
    return null;
  }

  return {
    plan: (dirty) =>
      planReload({ dirty, lastReloadAt, fault: faults.lasting('reload-failed') }, clock.now(), intervalMs),

    async load(postfix, digest, senders, signal) {
      const began = clock.now();
      signal.addEventListener('abort', proof.ring, { once: true });
      const failure = await attempt(postfix, signal).finally(() =>
        signal.removeEventListener('abort', proof.ring),
      );
      const now = clock.now();
      if (failure === null) {
        report.alert('reload-done', digest, {
          senders,
          ms: Math.max(0, now - began),
          attempts: (faults.lasting('reload-failed')?.tries ?? 0) + 1,
        });
        lastReloadAt = now;
        faults.ended('reload-failed');
        return provenAt;
      }
      if (failure !== undefined) reloadFailed(faults, failure, RUN_GRACE_MS);
      return null;
    },

    reloaded(at) {
      provenAt = at;
      proofs += 1;
      proof.ring();
    },

    reloadedAt: () => lastReloadAt,
  };
}

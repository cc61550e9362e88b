// Reloads Postfix and waits for the proof in its log. When to reload is decided in core/watch/writer-plan.ts.

import { CROSSING_MS } from '../../core/log/log-time.ts';
import { RUN_GRACE_MS } from '../../core/watch/faults.ts';
import { reloadIn, retryMs } from '../../core/watch/writer-plan.ts';
import type { Clock, Report } from '../../ports.ts';
import type { Postfix } from '../../postfix/postfix-commands.ts';
import type { FaultMonitor } from './fault-monitor.ts';
import { WakeSignal } from './wake-signal.ts';

/** Postfix logs the reload within this time; a mail container at its limits needs seconds. */
const PROOF_MS = 15_000;

/** A reload, or a command that it needs, failed for the reason given. */
export function reloadFailed(faults: FaultMonitor, reason: string, graceMs: number): void {
  const tries = faults.lasting('reload-failed')?.tries ?? 0;
  const facts = { reason, retrySeconds: Math.round(retryMs(tries + 1) / 1000) };
  faults.failed({ kind: 'reload-failed', subject: '', reason, facts, blocking: true, graceMs });
}

type Outcome = { readonly kind: 'proven' | 'stopped' } | { readonly kind: 'failed'; readonly reason: string };

export class Reloader {
  readonly #clock: Clock;
  readonly #report: Pick<Report, 'alert'>;
  readonly #faults: FaultMonitor;
  readonly #intervalMs: number;
  readonly #proof: WakeSignal;
  #isLoading = false;
  #lastReloadAt: number | null = null;
  #provenAt = Number.NEGATIVE_INFINITY;
  /** A count, because after the clock was set back a time does not distinguish an old line from a new one. */
  #proofs = 0;

  constructor(clock: Clock, report: Pick<Report, 'alert'>, faults: FaultMonitor, intervalMs: number) {
    this.#clock = clock;
    this.#report = report;
    this.#faults = faults;
    this.#intervalMs = intervalMs;
    this.#proof = new WakeSignal(clock);
  }

  /** The time in ms until a reload may be tried; 0: now. */
  dueIn(): number {
    const fault = this.#faults.lasting('reload-failed');
    return reloadIn(this.#lastReloadAt, fault, this.#clock.now(), this.#intervalMs);
  }

  /**
   * One try. Gives the log time (ms) from which Postfix is proven to use the table; null when it failed, which is
   * then the fault reload-failed, or when the signal aborted first. Rejects with EngineError.
   */
  async load(
    postfix: Pick<Postfix, 'reload'>,
    digest: string,
    senders: readonly string[],
    signal: AbortSignal,
  ): Promise<number | null> {
    const began = this.#clock.now();
    this.#isLoading = true;
    signal.addEventListener('abort', this.#proof.wake, { once: true });
    const outcome = await this.#attempt(postfix, signal).finally(() => {
      signal.removeEventListener('abort', this.#proof.wake);
      this.#isLoading = false;
    });
    if (outcome.kind === 'failed') reloadFailed(this.#faults, outcome.reason, RUN_GRACE_MS);
    if (outcome.kind !== 'proven') return null;
    const now = this.#clock.now();
    const attempts = (this.#faults.lasting('reload-failed')?.tries ?? 0) + 1;
    this.#report.alert('reload-done', digest, { senders, ms: Math.max(0, now - began), attempts });
    this.#lastReloadAt = now;
    this.#faults.ended('reload-failed');
    return this.#provenAt;
  }

  async #attempt(postfix: Pick<Postfix, 'reload'>, signal: AbortSignal): Promise<Outcome> {
    const began = this.#clock.now();
    const before = this.#proofs;
    const { exitCode, stderr } = await postfix.reload();
    if (exitCode !== 0) {
      const reason = stderr.trim().split('\n').at(-1) || `postfix reload ended with code ${exitCode}`;
      return { kind: 'failed', reason };
    }
    const isProven = () => this.#proofs > before && this.#provenAt >= began - CROSSING_MS;
    for (let since = this.#clock.now(); !isProven(); ) {
      if (signal.aborted) return { kind: 'stopped' };
      const now = this.#clock.now();
      // A clock that was set back must not extend the wait by hours.
      since = Math.min(since, now);
      const left = since + PROOF_MS - now;
      if (left <= 0)
        return {
          kind: 'failed',
          reason: 'Postfix took the request, but its log has no line about a reload',
        };
      await this.#proof.wait(left);
    }
    return { kind: 'proven' };
  }

  /** Postfix's master logged at `at` (log time in ms) that it reloaded or started. True: load waits for such a line. */
  reloaded(at: number): boolean {
    this.#provenAt = at;
    this.#proofs += 1;
    this.#proof.wake();
    return this.#isLoading;
  }

  /** Time of the last proven reload of this process, in ms. */
  reloadedAt(): number | null {
    return this.#lastReloadAt;
  }
}

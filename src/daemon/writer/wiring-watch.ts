// Watches whether Postfix is up and its access list names the table. What else is in that list: list-watch.ts.

import type { MailContainer } from '../../core/engine/mail-container.ts';
import { type Correction, judgeWiring, type PostfixConfiguration } from '../../core/postscreen/wiring.ts';
import { RUN_GRACE_MS } from '../../core/watch/faults.ts';
import type { Clock } from '../../ports.ts';
import type { Postfix } from '../../postfix/postfix-commands.ts';
import type { FaultMonitor } from './fault-monitor.ts';

/** Postfix's configuration is read this often, because it may change while Postfix runs. */
export const LOOK_MS = 10 * 60_000;

export class WiringWatch {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #faults: FaultMonitor;
  readonly #tableInContainer: string;
  /** The run of the mail container in which Postfix was up. Asked once a run, because Postfix logs each question. */
  #upIn: string | null = null;
  #readAt: number | null = null;
  #configuration: PostfixConfiguration | null = null;

  constructor(clock: Pick<Clock, 'now'>, faults: FaultMonitor, tableInContainer: string) {
    this.#clock = clock;
    this.#faults = faults;
    this.#tableInContainer = tableInContainer;
  }

  /**
   * Asks Postfix when it is time to. `down`: it does not run yet, and its configuration is not final. `not-wired` is
   * the fault of that name. Rejects with EngineError.
   */
  async check(postfix: Postfix, { run, mounts }: MailContainer): Promise<'down' | 'wired' | 'not-wired'> {
    if (!this.#isCurrent(run)) {
      if (this.#upIn !== run && !(await postfix.running())) return 'down';
      this.#upIn = run;
      this.#configuration = await postfix.configuration();
      const wiring = judgeWiring(this.#configuration, this.#tableInContainer, mounts);
      this.#readAt = this.#clock.now();
      if (wiring.kind === 'wired') this.#faults.ended('not-wired');
      else notWired(this.#faults, '', wiring);
    }
    return this.#faults.lasting('not-wired') === undefined ? 'wired' : 'not-wired';
  }

  #isCurrent(run: string): boolean {
    const isRecent = this.#readAt !== null && Math.abs(this.#clock.now() - this.#readAt) < LOOK_MS;
    const isUnreported = this.#faults.lasting('not-wired')?.isOpen === false;
    return this.#upIn === run && isRecent && !isUnreported;
  }

  /** The configuration may have changed. */
  checkAgain(): void {
    this.#readAt = null;
  }

  /** As the last check read it; null before the first. */
  configuration(): PostfixConfiguration | null {
    return this.#configuration;
  }

  /** The result of the last check. */
  result(): 'wired' | 'not-wired' | 'unknown' {
    if (this.#faults.lasting('not-wired') !== undefined) return 'not-wired';
    return this.#upIn === null ? 'unknown' : 'wired';
  }
}

/** `subject` is empty when the list does not name the table. */
export function notWired(
  faults: FaultMonitor,
  subject: string,
  { reason, line, remedy }: Correction & { readonly reason: string },
): void {
  const lines = remedy.split('\n').map((part) => part.trim());
  const facts = { reason, line, remedy: lines.join(' ') };
  faults.failed({ kind: 'not-wired', subject, reason, facts, blocking: true, graceMs: RUN_GRACE_MS });
}

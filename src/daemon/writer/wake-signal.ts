// A wait that another part of the daemon can end early. It knows nothing of what is waited for.

import type { Clock } from '../../ports.ts';

/** Ends one wait. Woken while nothing waits, it ends the next wait at once. */
export class WakeSignal {
  readonly #clock: Pick<Clock, 'sleep'>;
  #woken = new AbortController();

  constructor(clock: Pick<Clock, 'sleep'>) {
    this.#clock = clock;
  }

  readonly wake = (): void => this.#woken.abort();

  /** Waits until it is woken, for `ms` at most. */
  async wait(ms: number): Promise<void> {
    await this.#clock.sleep(ms, this.#woken.signal);
    this.#woken = new AbortController();
  }
}

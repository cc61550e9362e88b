import type { Clock } from '../../src/ports.ts';

interface Sleeper {
  readonly until: number;
  wake(): void;
}

/** A clock that stands still until a test moves it. */
export class TestClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();
  readonly #jobs = new Set<() => void>();

  constructor(start: number) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0 || signal.aborted) return new Promise((done) => setImmediate(done));
    return new Promise((done) => {
      const sleeper = {
        until: this.#now + ms,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal.removeEventListener('abort', sleeper.wake);
          done();
        },
      };
      this.#sleepers.add(sleeper);
      signal.addEventListener('abort', sleeper.wake, { once: true });
    });
  }

  cron(_expression: string, job: () => void, signal: AbortSignal): void {
    this.#jobs.add(job);
    signal.addEventListener('abort', () => this.#jobs.delete(job), { once: true });
  }

  /** Moves on, or back, and wakes whose time has come. */
  advance(ms: number): void {
    this.#now += ms;
    for (const sleeper of [...this.#sleepers]) if (sleeper.until <= this.#now) sleeper.wake();
  }

  /** All scheduled jobs, now. */
  runJobs(): void {
    for (const job of [...this.#jobs]) job();
  }
}

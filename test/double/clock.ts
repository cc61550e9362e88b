import type { Clock, ScheduledJob } from '../../src/ports.ts';

interface Sleeper {
  until: number;
  wake(): void;
}

/** A clock that stands still until a test moves it. */
export class TestClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();
  readonly #jobs = new Set<{ readonly expression: string; run(): Promise<void> }>();

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

  cron(expression: string, run: () => void | Promise<void>, signal: AbortSignal): ScheduledJob {
    const ended = new Promise<void>((resolve, reject) => {
      const start = async () => run();
      const job = { expression, run: () => start().catch(reject) };
      this.#jobs.add(job);
      const end = () => {
        this.#jobs.delete(job);
        resolve();
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
    return { next: () => null, ended };
  }

  /** Moves on, or back, and wakes whose time has come. */
  advance(ms: number): void {
    this.#now += ms;
    for (const sleeper of [...this.#sleepers]) if (sleeper.until <= this.#now) sleeper.wake();
  }

  /** Somebody sets it, by so much ahead or back: no time passes. */
  set(ms: number): void {
    this.#now += ms;
    for (const sleeper of this.#sleepers) sleeper.until += ms;
  }

  /** The time of this cron expression has come. */
  runJob(expression: string): void {
    const due = [...this.#jobs].filter((job) => job.expression === expression);
    if (due.length === 0) throw new Error(`nothing is scheduled for ${expression}`);
    for (const job of due) void job.run();
  }
}

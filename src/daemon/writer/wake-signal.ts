import type { Clock } from '../../ports.ts';

/** Something to wait for, for a time at most. A ring while nobody waits is not lost: the next wait ends at once. */
export interface Bell {
  ring(): void;
  wait(ms: number): Promise<void>;
}

export function createBell(clock: Clock): Bell {
  let rung = new AbortController();
  return {
    ring: () => rung.abort(),
    async wait(ms) {
      await clock.sleep(ms, rung.signal);
      rung = new AbortController();
    },
  };
}

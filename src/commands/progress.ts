/** Between two tellings. */
const PROGRESS_MS = 250;

export interface Progress {
  /** `what` is asked only when it is time to tell. */
  tell(what: () => string): void;
  clear(): void;
}

/** Says on stderr, if that is a terminal, how far something is that takes long; else it says nothing. */
export function createProgress(): Progress {
  let toldAt = Date.now();
  let isShown = false;
  return {
    tell(what) {
      const now = Date.now();
      if (!process.stderr.isTTY || now - toldAt < PROGRESS_MS) return;
      toldAt = now;
      isShown = true;
      process.stderr.write(`\r${what()} `);
    },
    clear() {
      if (isShown) process.stderr.write('\r\x1b[K');
    },
  };
}

/** How far a log is read: the share of a file, or the lines of stdin. */
export function readSoFar(share: number | null, lines: number): string {
  return share === null ? `${lines} lines` : `${Math.floor(100 * share)} %`;
}

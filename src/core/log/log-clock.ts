/** A longer step between two looks may be a jump of the clock, or a time in which nothing ran. */
const LONGEST_STEP_MS = 600_000;
/** No jump is doubted for longer. */
const LONGEST_DOUBT_MS = 86_400_000;

/**
 * The time by which entries expire: that of the log, so that what happened while screenpass was down comes first. A step of
 * the clock of more than ten minutes, in either direction, is doubted until as much time as it skipped, a day at most,
 * went by without another one.
 */
export interface LogClock {
  /** In ms since the epoch; null: nothing was read yet, or the clock is in doubt. */
  readonly now: number | null;
  /** So much time has to go by before the clock is trusted, in ms. */
  readonly doubtMs: number;
  /** A line of log time `at` (ms) is handled next. */
  line(at: number): void;
  /** A minute went by, the log being followed at `now` (ms): without a line in it, the log is silent, not behind. */
  minute(now: number): void;
}

/** Goes on with an earlier doubt; `last` is the log time of the last line that was handled, null: there is none. */
export function createLogClock(startDoubtMs: number, last: number | null): LogClock {
  let doubtMs = startDoubtMs;
  let seen = last;
  let isSilent = false;

  function step(at: number): void {
    const size = Math.abs(at - (seen ?? at));
    doubtMs = size > LONGEST_STEP_MS ? doubtMs + size : doubtMs - Math.max(0, at - (seen ?? at));
    doubtMs = Math.min(LONGEST_DOUBT_MS, Math.max(0, doubtMs));
    seen = at;
  }

  return {
    get now() {
      return doubtMs === 0 ? seen : null;
    },
    get doubtMs() {
      return doubtMs;
    },
    line(at) {
      isSilent = false;
      step(at);
    },
    minute(now) {
      if (isSilent) step(now);
      isSilent = true;
    },
  };
}

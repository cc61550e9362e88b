// Removes the entries whose time is over by the time of the log. When an entry ends is decided in core/policy.

import type { Config } from '../config/settings.ts';
import { createLogClock } from '../core/log/log-clock.ts';
import { stampTime } from '../core/log/position.ts';
import { lastStamp } from '../core/monitor/status-report.ts';
import { afterEnds, expired } from '../core/policy/entry-end.ts';
import type { Rules } from '../core/policy/policy.ts';
import type { Ports } from '../ports.ts';
import type { Writer } from './writer/writer.ts';

/** Removes the entries whose time is over by the time of the log. */
export interface Expiry {
  /** A line of log time `at` (ms) is handled next. */
  line(at: number): void;
  /** Whether a log is followed from now on. */
  following(is: boolean): void;
  /** To be saved in `State.doubtMs` with the cursor. */
  readonly doubtMs: number;
  /** To be called each minute. */
  minute(): void;
}

export function createExpiry(
  { preseed }: Pick<Config, 'preseed'>,
  writer: Pick<Writer, 'state' | 'update'>,
  rules: () => Rules,
  { clock, report }: Pick<Ports, 'clock' | 'report'>,
): Expiry {
  const last = lastStamp(writer.state);
  const time = createLogClock(writer.state.doubtMs, last === null ? null : stampTime(last));
  let isFollowing = false;

  /** A sighting that is stamped ahead of the clock is from before it was set back: it counts as just now. */
  function bringBack(now: number): void {
    const entries = writer.state.entries.map((one) => (one.lastSeen > now ? { ...one, lastSeen: now } : one));
    if (entries.some((one, i) => one !== writer.state.entries[i]))
      writer.update({ ...writer.state, entries });
  }

  function expire(now: number): void {
    bringBack(Math.max(now, clock.now()));
    const gone = expired(writer.state, now, rules(), preseed);
    for (const { sender, since, lastSeen } of gone) {
      const times = { since: new Date(since).toISOString(), lastSeen: new Date(lastSeen).toISOString() };
      report.alert('entry-expired', `${sender} ${times.since}`, { sender, ...times });
    }
    const left = writer.state.entries.filter((entry) => !gone.includes(entry));
    const entries = afterEnds(left, now, rules(), preseed);
    if (gone.length > 0 || entries !== left) writer.update({ ...writer.state, entries });
  }

  return {
    line: time.line,
    following(is) {
      isFollowing = is;
    },
    get doubtMs() {
      return time.doubtMs;
    },
    minute() {
      if (!isFollowing) return;
      time.minute(clock.now());
      const { doubtMs } = time;
      if (doubtMs !== writer.state.doubtMs) writer.update({ ...writer.state, doubtMs });
      if (time.now !== null) expire(time.now);
    },
  };
}

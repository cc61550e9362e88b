// Reports the digest of the days that are over, also one whose time came while screenpass did not run.

import type { Config } from '../config/settings.ts';
import { broughtBack, digestOf, isMissed } from '../core/alerts/digest.ts';
import { expired } from '../core/policy/entry-end.ts';
import type { Rules } from '../core/policy/policy.ts';
import type { Ports } from '../ports.ts';
import type { Writer } from './writer/writer.ts';

/** An entry that leaves within so long is worth a word before it does. */
const SOON_MS = 7 * 86_400_000;

/** Reports the digest of the days that are over. */
export interface Digests {
  /** Of all whole days that were not reported yet; nothing if there is none. */
  report(): void;
  /** Reports it now if its time came while no daemon ran. */
  reportMissed(): void;
}

export function createDigests(
  { digest: schedule, preseed }: Pick<Config, 'digest' | 'preseed'>,
  writer: Pick<Writer, 'state' | 'update'>,
  rules: () => Rules,
  { clock, report }: Pick<Ports, 'clock' | 'report'>,
): Digests {
  function reportDigest(): void {
    const now = clock.now();
    // Days by a clock that has just jumped may be none; what is missed is reported when the clock is trusted.
    if (writer.state.doubtMs > 0) return;
    const state = broughtBack(writer.state, now);
    const expiring = expired(state, now + SOON_MS, rules(), preseed);
    const digest = digestOf(state.days, state.digested, now, expiring);
    if (digest === null) {
      writer.update(state);
      return;
    }
    report.alert('digest', `${digest.from} ${digest.to}`, digest);
    // Reported days are not kept: after a jump of the clock they could be reported again.
    const days = Object.fromEntries(Object.entries(state.days).filter(([day]) => day > digest.to));
    writer.update({ ...state, days, digested: { at: now, through: digest.to } });
  }

  return {
    report: reportDigest,
    reportMissed() {
      if (writer.state.doubtMs > 0) return;
      const state = broughtBack(writer.state, clock.now());
      if (state !== writer.state) writer.update(state);
      if (schedule !== null && isMissed(state.digested, schedule.everyMs, clock.now())) reportDigest();
    },
  };
}

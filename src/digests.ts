import type { Config } from './config.ts';
import { digestOf, isMissed } from './core/digest.ts';
import { expired } from './core/entry-end.ts';
import type { Rules } from './core/policy.ts';
import type { Ports } from './ports.ts';
import type { Writer } from './writer/writer.ts';

/** An entry that leaves within so long is worth a word before it does. */
const SOON_MS = 7 * 86_400_000;

/** Tells the digest of the days that are over. */
export interface Digests {
  /** Of all whole days of which none was told yet; nothing if there is none. */
  tell(): void;
  /** Tells it now if its time came while nobody ran. */
  tellMissed(): void;
}

export function createDigests(
  { digest: schedule, preseed }: Pick<Config, 'digest' | 'preseed'>,
  writer: Pick<Writer, 'state' | 'update'>,
  rules: () => Rules,
  { clock, report }: Pick<Ports, 'clock' | 'report'>,
): Digests {
  function tell(): void {
    const now = clock.now();
    const { state } = writer;
    const expiring = expired(state, now + SOON_MS, rules(), preseed);
    const digest = digestOf(state.days, state.digested, now, expiring);
    if (digest === null) return;
    report.alert('digest', `${digest.from} ${digest.to}`, digest);
    writer.update({ ...state, digested: { at: now, through: digest.to } });
  }

  return {
    tell,
    tellMissed() {
      if (schedule !== null && isMissed(writer.state.digested, schedule.everyMs, clock.now())) tell();
    },
  };
}

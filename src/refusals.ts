import { burstAlert, type RefusalAlert } from './core/alert.ts';
import { dueEvents, restOfEvents, type Told, takeEvent } from './core/burst.ts';
import type { Report } from './ports.ts';
import type { Writer } from './writer/writer.ts';

/** Of one sender and gate: more in a minute are told together when it is over. */
const LIMITS = { alone: 60, everyMs: 60_000 };

/** Tells of refusals by postscreen, each alone or, in a flood, in a line that says how many it stands for. */
export interface Refusals {
  /** A watched sender was refused at log time `at` in ms. */
  take(alert: RefusalAlert, at: number): void;
  /** Tells what has waited long enough at `now`. */
  tellDue(now: number): void;
  /** Tells what still waits, however short. */
  tellRest(): void;
}

export function createRefusals(writer: Pick<Writer, 'state' | 'update'>, report: Report): Refusals {
  function tell(told: readonly Told<RefusalAlert>[]): void {
    for (const one of told) report.alert('sender-refused', ...burstAlert(one));
  }

  return {
    take(alert, at) {
      const { bursts, told } = takeEvent(
        writer.state.bursts,
        `${alert.fields.sender} ${alert.fields.gate}`,
        alert,
        at,
        LIMITS,
      );
      writer.update({ ...writer.state, bursts });
      if (told !== null) tell([told]);
    },
    tellDue(now) {
      const { bursts, told } = dueEvents(writer.state.bursts, now, LIMITS);
      if (bursts !== writer.state.bursts) writer.update({ ...writer.state, bursts });
      tell(told);
    },
    tellRest() {
      const { bursts, told } = restOfEvents(writer.state.bursts);
      writer.update({ ...writer.state, bursts });
      tell(told);
    },
  };
}

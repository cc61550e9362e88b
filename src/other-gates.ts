import { otherGateAlert } from './core/alert.ts';
import { createGateWatch, type GateReport } from './core/gate-watch.ts';
import { readLaterRefusal } from './core/later-gate.ts';
import { parseAddress } from './core/network.ts';
import type { PostfixEvent } from './core/postfix-event.ts';
import type { SenderIndex } from './core/sender-index.ts';
import type { Report } from './ports.ts';

export interface OtherGates {
  /** Takes the next line of the log, `at` being its log time in ms and `event` what parseEvent read in it. */
  take(line: string, event: PostfixEvent | undefined, at: number): void;
  /** Tells what has waited long enough at `now`. */
  tellDue(now: number): void;
  /** Tells what still waits, however short. */
  tellRest(): void;
}

/** Tells when a gate behind postscreen refused a watched sender: there the table cannot help, and a setting may. */
export function createOtherGates(index: SenderIndex, report: Report): OtherGates {
  const watch = createGateWatch();

  function tell(reports: readonly GateReport[]): void {
    for (const one of reports) report.alert('other-gate', ...otherGateAlert(one));
  }

  return {
    take(line, event, at) {
      tell(watch.due(at));
      const refusal = readLaterRefusal(line, event);
      const address = refusal && parseAddress(refusal.ip);
      const match = address && index.find(address);
      if (refusal === undefined || match === undefined) return;
      const first = watch.take(match.sender.id, refusal, at);
      if (first !== undefined) tell([first]);
    },
    tellDue(now) {
      tell(watch.due(now));
    },
    tellRest() {
      tell(watch.waiting());
    },
  };
}

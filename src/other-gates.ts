import { otherGateAlert } from './core/alert.ts';
import { dueEvents, restOfEvents, type Told, takeEvent } from './core/burst.ts';
import { counted } from './core/days.ts';
import { type LaterRefusal, readLaterRefusal } from './core/later-gate.ts';
import { parseAddress } from './core/network.ts';
import type { PostfixEvent } from './core/postfix-event.ts';
import { createRepeats } from './core/repeats.ts';
import type { SenderIndex } from './core/sender-index.ts';
import type { OtherRefusal } from './core/state.ts';
import type { Report } from './ports.ts';
import type { Writer } from './writer/writer.ts';

/** The first of a sender and gate at once, then at most one line an hour. */
const LIMITS = { alone: 1, everyMs: 3_600_000 };

export interface OtherGates {
  /** Takes the next line of the log, `at` being its log time in ms and `event` what parseEvent read in it. */
  take(line: string, event: PostfixEvent | undefined, at: number): void;
  /** Tells what has waited long enough at `now`. */
  tellDue(now: number): void;
  /** Tells what still waits, however short. */
  tellRest(): void;
}

/** Tells when a gate behind postscreen refused a watched sender: there the table cannot help, and a setting may. */
export function createOtherGates(
  index: SenderIndex,
  writer: Pick<Writer, 'state' | 'update'>,
  report: Report,
): OtherGates {
  const isRepeated = createRepeats();

  function tell(told: readonly Told<OtherRefusal>[]): void {
    for (const one of told) report.alert('other-gate', ...otherGateAlert(one));
  }

  function tellDue(now: number): void {
    const { bursts, told } = dueEvents(writer.state.otherGates, now, LIMITS);
    if (bursts !== writer.state.otherGates) writer.update({ ...writer.state, otherGates: bursts });
    tell(told);
  }

  function refused(sender: string, refusal: LaterRefusal, at: number): void {
    const { line, ip: client, ...reply } = refusal;
    if (isRepeated(line)) return;
    const { state } = writer;
    const event = { sender, client, at, ...reply };
    const { bursts, told } = takeEvent(state.otherGates, `${sender} ${reply.gate}`, event, at, LIMITS);
    const happening = { kind: 'refused', sender, gate: reply.gate, zones: [] } as const;
    writer.update({ ...state, otherGates: bursts, days: counted(state.days, happening, at, state.digested) });
    if (told !== null) tell([told]);
  }

  return {
    take(line, event, at) {
      tellDue(at);
      const refusal = readLaterRefusal(line, event);
      const address = refusal && parseAddress(refusal.ip);
      const match = address && index.find(address);
      if (refusal !== undefined && match !== undefined) refused(match.sender.id, refusal, at);
    },
    tellDue,
    tellRest() {
      const { bursts, told } = restOfEvents(writer.state.otherGates);
      writer.update({ ...writer.state, otherGates: bursts });
      tell(told);
    },
  };
}

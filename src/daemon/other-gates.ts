// Reports refusals of watched senders by gates behind postscreen, where the table cannot help. Changes nothing but counts.

import { createHash } from 'node:crypto';
import { otherGateAlert } from '../core/alerts/alert.ts';
import { counted } from '../core/alerts/days.ts';
import { safeText } from '../core/base/safe-text.ts';
import type { PostfixEvent } from '../core/log/postfix-event.ts';
import { createRepeats } from '../core/log/repeats.ts';
import { parseAddress } from '../core/net/network.ts';
import type { OtherRefusal } from '../core/postscreen/later-gate.ts';
import { type LaterRefusal, readLaterRefusal } from '../core/postscreen/later-gate.ts';
import type { Roster } from '../core/senders/roster.ts';
import type { Report } from '../ports.ts';
import { createThrottledAlerts } from './throttled-alerts.ts';
import type { Writer } from './writer/writer.ts';

/** The first of a sender and gate at once, then at most one line an hour. */
const LIMITS = { alone: 1, everyMs: 3_600_000 };

/** An address has at most so many characters (RFC 5321 section 4.5.3.1). */
const LONGEST_ADDRESS = 320;

export interface OtherGates {
  /** Takes the next line of the log, `at` being its log time in ms and `event` what parseEvent read in it. */
  take(line: string, event: PostfixEvent | undefined, at: number): void;
  /** Reports what has waited long enough at `now`. */
  reportDue(now: number): void;
  /** Reports what still waits, however short. */
  reportRest(): void;
}

/** Reports when a gate behind postscreen refused a watched sender: there the table cannot help, and a setting may. */
export function createOtherGates(
  roster: () => Roster,
  writer: Pick<Writer, 'state' | 'update'>,
  report: Pick<Report, 'alert'>,
): OtherGates {
  const isRepeated = createRepeats();
  /** By sender: the address that did not exist last. It is the client's text, so it is only reported, never saved. */
  const recipients = new Map<string, string>();

  const alerts = createThrottledAlerts(LIMITS, {
    read: () => writer.state.otherGates,
    write: (otherGates) => writer.update({ ...writer.state, otherGates }),
    report: (refusals) => report.alert('other-gate', ...otherGateAlert(refusals, recipientOf(refusals.last))),
  });

  function recipientOf({ sender, gate }: OtherRefusal): string | null {
    return gate === 'unknown-user' ? (recipients.get(sender) ?? null) : null;
  }

  function refused(sender: string, refusal: LaterRefusal, recipient: string | null, at: number): void {
    const { line, ip: client, ...reply } = refusal;
    if (isRepeated(line)) return;
    if (reply.gate === 'unknown-user' && recipient !== null)
      recipients.set(sender, safeText(recipient).slice(0, LONGEST_ADDRESS));
    writer.update(counted(writer.state, { kind: 'refused', sender, gate: reply.gate, zones: [] }, at));
    alerts.take(`${sender} ${reply.gate}`, { sender, client, at, mark: markOf(line), ...reply }, at);
  }

  return {
    take(line, event, at) {
      alerts.reportDue(at);
      const refusal = readLaterRefusal(line, event);
      const address = refusal && parseAddress(refusal.ip);
      const match = address && roster().find(address);
      if (refusal !== undefined && match !== undefined)
        refused(match.sender.id, refusal, event?.recipient ?? null, at);
    },
    reportDue: alerts.reportDue,
    reportRest: alerts.reportRest,
  };
}

function markOf(line: string): string {
  return createHash('sha256').update(line, 'latin1').digest('hex').slice(0, 12);
}

// The path of one line of the log: line -> position -> event -> session -> refusal or pass -> decision -> the next state,
// what is reported, and the tasks that are left. It uses no Engine, no file, no DNS and no clock; who does follows its tasks.

import { refusalAlert } from '../core/alerts/alert.ts';
import { counted, type DailyEvent } from '../core/alerts/days.ts';
import { isLiveLine, type LogLine } from '../core/log/log-line.ts';
import { type Position, stampTime } from '../core/log/position.ts';
import { type PostfixEvent, parseEvent } from '../core/log/postfix-event.ts';
import { type Address, parseAddress } from '../core/net/network.ts';
import { entryOf } from '../core/policy/entry.ts';
import { afterGivingUp, afterPass, afterRefusal } from '../core/policy/entry-changes.ts';
import { type Decision, decide, isOpen, type Rules, vetoZone } from '../core/policy/policy.ts';
import { createSessions, type Outcome, type Refusal } from '../core/postscreen/session.ts';
import type { Roster } from '../core/senders/roster.ts';
import type { Match } from '../core/senders/sender-index.ts';
import type { State } from '../core/state/state.ts';
import { limitEntries } from '../core/watch/dnsbl-fault.ts';
import type { Report } from '../ports.ts';
import type { OtherGates } from './other-gates.ts';
import type { SenderFaults } from './sender-faults.ts';
import { createThrottledAlerts } from './throttled-alerts.ts';

/** Refusals of one sender and gate: so many a minute are reported one by one, the others together at its end. */
const REFUSALS = { alone: 60, everyMs: 60_000 };

/** What the zones of SCREENPASS_VETO_DNSBL have to do with an outcome. */
export type VetoTask =
  /** Ask them about the address of a refusal, which is decided when they answer (`decideCleared`). */
  | { readonly kind: 'ask'; readonly refusal: Refusal }
  /** postscreen found the address listed by one of them. */
  | { readonly kind: 'listed'; readonly address: Address; readonly zone: string }
  /** The table lets the address in: ask them whether that is still right. */
  | { readonly kind: 'let-in'; readonly address: Address };

/** What a new line leaves to do, beside the next state and the alerts. */
export interface Step {
  /** Log time of the line in ms. */
  readonly at: number;
  /** Undefined: not a line of Postfix. */
  readonly event: PostfixEvent | undefined;
  /** A refusal of an address in no sender's list: DNS is to be asked whose it is. */
  readonly stranger: { readonly refusal: Refusal; readonly address: Address } | null;
  readonly vetoes: readonly VetoTask[];
}

export interface PipelineParts {
  readonly position: Position;
  /** Where the state is kept. */
  readonly store: { readonly state: State; update(next: State): void };
  readonly roster: () => Roster;
  readonly rules: () => Rules;
  readonly senderFaults: SenderFaults;
  readonly otherGates: OtherGates;
  readonly report: Pick<Report, 'alert'>;
}

/** Feed it the lines of the log in their order. */
export class Pipeline {
  readonly #parts: PipelineParts;
  readonly #sessions = createSessions();
  readonly #refusals;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    const { store, report } = parts;
    this.#refusals = createThrottledAlerts(REFUSALS, {
      read: () => store.state.bursts,
      write: (bursts) => store.update({ ...store.state, bursts }),
      report: (burst) => report.alert('sender-refused', ...refusalAlert(burst)),
    });
  }

  /** Takes the next line. Undefined: it was handled before, and only helps to know the sessions that are open. */
  take(line: LogLine): Step | undefined {
    const { position, otherGates } = this.#parts;
    const judged = position.judge(line);
    if (judged === 'seen') return undefined;
    const at = stampTime(line.stamp);
    // Only what has the mail host's own header came through its syslog.
    const text = isLiveLine(line.text) ? line.text : '';
    const event = parseEvent(text);
    const outcome = event && this.#sessions.take(event, at);
    if (judged === 'rebuild') return undefined;
    otherGates.take(text, event, at);
    if (event !== undefined) this.#parts.senderFaults.event(event, at);
    const tasks = outcome === undefined ? NO_TASKS : this.#settle(outcome);
    position.advance(line);
    return { at, event, ...tasks };
  }

  /** A watched sender was refused. `match` says whose the address is: by the roster, or by DNS, which proved it later. */
  refused(refusal: Refusal, address: Address, match: Match): readonly VetoTask[] {
    const { store, rules, senderFaults, position } = this.#parts;
    const { id: sender } = match.sender;
    const { state } = store;
    const decision = decide(address, match, refusal, state, rules());
    const facts = { container: position.container ?? '', refusal, evidence: match.evidence, decision };
    this.#refusals.take(`${sender} ${refusal.gate}`, { sender, ...facts }, refusal.at);
    const open = isOpen(state, match.sender, address, rules()) ? entryOf(state, sender) : undefined;
    const { isStillRefused } = senderFaults.refused(sender, refusal, open);
    this.#remember(decision, refusal, address, match);
    const lastRefusal = { sender, client: refusal.ip, gate: refusal.gate, at: refusal.at };
    store.update({ ...store.state, lastRefusal });
    this.#count({ kind: 'refused', sender, gate: refusal.gate, zones: refusal.zones }, refusal.at);
    if (isStillRefused) this.#count({ kind: 'still-refused', sender }, refusal.at);
    return vetoTasks(decision, refusal, address, rules());
  }

  /** No zone with a veto lists the address of a refusal that was reported as waiting for that: decides it. */
  decideCleared(refusal: Refusal, address: Address): void {
    const { store, roster, rules } = this.#parts;
    const match = roster().find(address);
    if (match === undefined) return;
    this.#remember(decide(address, match, refusal, store.state, rules()), refusal, address, match);
  }

  /** Reports the refusals that have waited long enough at `now` (ms). */
  reportDue(now: number): void {
    this.#refusals.reportDue(now);
  }

  /** Reports the refusals that still wait, however short. */
  reportRest(): void {
    this.#refusals.reportRest();
  }

  #settle(outcome: Outcome): Pick<Step, 'stranger' | 'vetoes'> {
    const { ip, at } = outcome.kind === 'passed' ? outcome : outcome.refusal;
    const address = parseAddress(ip);
    if (address === undefined) return NO_TASKS;
    this.#parts.senderFaults.client(address, outcome.kind === 'refused', at);
    const match = this.#parts.roster().find(address);
    if (match !== undefined) return { stranger: null, vetoes: this.#settleSender(outcome, address, match) };
    if (outcome.kind !== 'refused') return NO_TASKS;
    this.#count({ kind: 'stranger' }, at);
    return { stranger: { refusal: outcome.refusal, address }, vetoes: [] };
  }

  #settleSender(outcome: Outcome, address: Address, match: Match): readonly VetoTask[] {
    switch (outcome.kind) {
      case 'refused':
        return this.refused(outcome.refusal, address, match);
      case 'hung-up': {
        const { store, rules } = this.#parts;
        const after = afterGivingUp(store.state, match.sender.id, outcome.refusal.at, rules());
        store.update(after.state);
        return after.refused ? this.refused(outcome.refusal, address, match) : [];
      }
      case 'passed':
        this.#passed(match.sender.id, outcome);
        return outcome.allowlisted ? [{ kind: 'let-in', address }] : [];
    }
  }

  #passed(sender: string, passed: Extract<Outcome, { kind: 'passed' }>): void {
    const { store, senderFaults, report } = this.#parts;
    const { ip: client, at } = passed;
    const { state, recoveredAfter: seconds } = afterPass(store.state, sender, passed);
    store.update(state);
    if (passed.allowlisted) senderFaults.allowlisted(sender, at);
    if (seconds === null) return;
    report.alert('sender-recovered', `${sender} ${at}`, { sender, client, seconds });
    this.#count({ kind: 'recovered', sender }, at);
  }

  /** The state after the decision; an entry that a zone at fault caused does not last. */
  #remember(decision: Decision, refusal: Refusal, address: Address, match: Match): void {
    const { store, rules, senderFaults } = this.#parts;
    const after = afterRefusal(store.state, { refusal, match, address }, decision, rules());
    const faultyZone = senderFaults.faultyZone(refusal);
    store.update(faultyZone === undefined ? after : limitEntries(after, faultyZone, refusal.at));
  }

  #count(event: DailyEvent, at: number): void {
    const { store } = this.#parts;
    store.update(counted(store.state, event, at));
  }
}

const NO_TASKS = { stranger: null, vetoes: [] };

function vetoTasks(
  { kind, reason }: Decision,
  refusal: Refusal,
  address: Address,
  rules: Rules,
): readonly VetoTask[] {
  if (reason === 'veto-unknown') return [{ kind: 'ask', refusal }];
  if (reason === 'vetoed-by-dnsbl')
    return [{ kind: 'listed', address, zone: vetoZone(refusal, rules) ?? '' }];
  return kind === 'keep' ? [{ kind: 'let-in', address }] : [];
}

/** Replays an old log along the path that a line takes in the daemon. It asks no server and changes nothing. */

import { createMedian, type Median } from '../base/tally.ts';
import { SLOT } from '../log/line-form.ts';
import { createLineReader, type LineForm } from '../log/line-reader.ts';
import { firstStamp } from '../log/log-line.ts';
import { createLogTimes, type LogTimes, yearsBefore } from '../log/log-time.ts';
import { eventOf, type PostfixEvent } from '../log/postfix-event.ts';
import { createRepeats } from '../log/repeats.ts';
import { parseAddress } from '../net/network.ts';
import type { Rules } from '../policy/policy.ts';
import { readLaterRefusal } from '../postscreen/later-gate.ts';
import { createSessions, type Outcome, type Refusal } from '../postscreen/session.ts';
import type { Roster } from '../senders/roster.ts';
import type { Match } from '../senders/sender-index.ts';
import type { State } from '../state/state.ts';
import { Group, type GroupReport } from './group.ts';
import type { OtherSettings } from './other-settings.ts';
import { Trial, type TrialReport } from './trial.ts';
import { WhatIf, type WhatIfReport } from './what-if.ts';

export interface ReplayOptions {
  readonly roster: Roster;
  readonly rules: Rules;
  /** The state before the log begins: the entries of SCREENPASS_PRESEED. */
  readonly start: State;
  readonly preseed: ReadonlySet<string>;
  readonly otherSettings: OtherSettings | null;
  /** No line is younger than this, in ms. */
  readonly now: number;
}

export interface SenderReport extends GroupReport, TrialReport {
  readonly sender: string;
  /** From the first refusal to the next pass of the sender, from whatever address; in seconds. */
  readonly wait: { readonly count: number; readonly median: number | null };
  /** Refused, and not seen to pass since. */
  readonly waiting: boolean;
}

export interface ReplayReport {
  readonly lines: number;
  readonly postfixLines: number;
  /** First and last time in the log, as ISO text; null: no Postfix line has a stamp. */
  readonly period: { readonly from: string; readonly to: string } | null;
  /** Postfix lines without a stamp: used in their order, under no day. */
  readonly untimed: number;
  /** Watched senders that the log has, by id. */
  readonly senders: readonly SenderReport[];
  readonly strangers: GroupReport;
  readonly whatIf: WhatIfReport | null;
}

interface Watched {
  readonly group: Group;
  readonly wait: Median;
  /** The first refusal since the last pass; `at` null: its line has no stamp. */
  refused: { readonly at: number | null } | null;
}

/**
 * Takes a log line by line, as the daemon does: counts what was refused and tries what policy would have done. Its
 * memory does not grow with the log.
 */
export class Replay {
  lines = 0;
  #postfixLines = 0;
  #untimed = 0;
  #period: { readonly from: number; readonly to: number } | null = null;
  /** Log time of the line; without a stamp one more than that of the line before. */
  #at = 0;
  #isTimed = false;
  readonly #reader = createLineReader();
  readonly #sessions = createSessions();
  readonly #isRepeated = createRepeats();
  readonly #times: LogTimes;
  readonly #roster: Roster;
  readonly #trial: Trial;
  readonly #whatIf: WhatIf | null;
  readonly #strangers = new Group();
  readonly #watched = new Map<string, Watched>();

  constructor({ roster, rules, start, preseed, otherSettings, now }: ReplayOptions) {
    this.#roster = roster;
    this.#times = createLogTimes(now);
    this.#trial = new Trial(rules, start, preseed);
    this.#whatIf = otherSettings && new WhatIf(otherSettings);
  }

  /** Takes the next line of the log: `bytes` from `from` up to `to`, without its line end. */
  take(bytes: Buffer, from: number, to: number): void {
    this.lines += 1;
    const form = this.#reader.read(bytes, from, to);
    if (form === undefined) return;
    const { spans } = this.#reader.line;
    const isFirst = spans[2 * SLOT.stamp] === from;
    if (!form.isIdle || !isFirst) this.#takeText(form, bytes.toString('latin1', from, to));
    else {
      this.#postfixLines += 1;
      this.#readTime(bytes.toString('latin1', from, spans[2 * SLOT.stamp + 1]));
    }
  }

  #takeText(form: LineForm, text: string): void {
    const event = eventOf(form, this.#reader.line);
    const later = readLaterRefusal(text, event);
    if (later !== undefined && !this.#isRepeated(later.line))
      this.#groupOf(later.ip).refusedLater(later.gate);
    if (event === undefined) return;
    this.#postfixLines += 1;
    // Nearly all lines begin with the mail host's own stamp.
    const isFirst = event.stamp !== null && text.startsWith(event.stamp);
    this.#readTime(isFirst ? event.stamp : (firstStamp(text) ?? event.stamp));
    if (event.kind === 'connect' && event.ip !== null && !this.#isRepeated(fromStamp(text, event)))
      this.#groupOf(event.ip).count('sessions');
    const outcome = this.#sessions.take(event, this.#at);
    if (outcome !== undefined) this.#settle(outcome);
  }

  #readTime(stamp: string | null): void {
    const time = stamp === null ? null : this.#times.read(stamp);
    const at = time ?? this.#at + 1;
    this.#at = at;
    this.#isTimed = time !== null;
    if (time === null) this.#untimed += 1;
    else
      this.#period = {
        from: Math.min(this.#period?.from ?? at, at),
        to: Math.max(this.#period?.to ?? at, at),
      };
    this.#trial.expire(at);
  }

  #settle(outcome: Outcome): void {
    const address = parseAddress(outcome.kind === 'passed' ? outcome.ip : outcome.refusal.ip);
    const match = address && this.#roster.find(address);
    if (address === undefined || match === undefined) this.#settleStranger(outcome);
    else if (outcome.kind === 'passed') this.#passed(match, outcome);
    else {
      if (outcome.kind === 'hung-up') {
        this.#watchedOf(match).group.count('gaveUp');
        if (!this.#trial.hungUp(match.sender.id, outcome.refusal.at)) return;
      }
      this.#refused(match, outcome.refusal);
      this.#trial.refused(outcome.refusal, address, match, this.#isTimed);
      this.#whatIf?.take(match.sender.id, outcome);
    }
  }

  #settleStranger(outcome: Outcome): void {
    if (outcome.kind === 'hung-up') this.#strangers.count('gaveUp');
    else {
      this.#whatIf?.take(null, outcome);
      if (outcome.kind === 'passed') this.#strangers.count('passed');
      else this.#strangers.refused(outcome.refusal, this.#stamped);
    }
  }

  #passed(match: Match, outcome: Extract<Outcome, { kind: 'passed' }>): void {
    const one = this.#watchedOf(match);
    one.group.count('passed');
    if (one.refused !== null && one.refused.at !== null && this.#isTimed)
      one.wait.add(Math.round(Math.max(0, this.#at - one.refused.at) / 1000));
    one.refused = null;
    this.#trial.passed(match.sender.id, outcome);
    this.#whatIf?.take(match.sender.id, outcome);
  }

  #refused(match: Match, refusal: Refusal): void {
    const one = this.#watchedOf(match);
    one.group.refused(refusal, this.#stamped);
    one.refused ??= { at: this.#stamped };
  }

  /** The time of the line in ms; null: it has no stamp. */
  get #stamped(): number | null {
    return this.#isTimed ? this.#at : null;
  }

  #groupOf(ip: string): Group {
    const address = parseAddress(ip);
    const match = address && this.#roster.find(address);
    return match === undefined ? this.#strangers : this.#watchedOf(match).group;
  }

  #watchedOf({ sender: { id } }: Match): Watched {
    const known = this.#watched.get(id) ?? { group: new Group(), wait: createMedian(), refused: null };
    this.#watched.set(id, known);
    return known;
  }

  report(): ReplayReport {
    const years = this.#times.yearsAhead;
    const iso = (ms: number) => new Date(yearsBefore(ms, years)).toISOString();
    const senders = [...this.#watched].map(([sender, { group, wait, refused }]) => ({
      sender,
      ...group.report(iso),
      wait: { count: wait.count, median: wait.value() },
      waiting: refused !== null,
      ...this.#trial.report(sender, iso),
    }));
    const period = this.#period;
    return {
      lines: this.lines,
      postfixLines: this.#postfixLines,
      untimed: this.#untimed,
      period: period && { from: iso(period.from), to: iso(period.to) },
      senders: senders.sort((a, b) => (a.sender < b.sender ? -1 : 1)),
      strangers: this.#strangers.report(iso),
      whatIf: this.#whatIf?.report() ?? null,
    };
  }
}

/** From the mail host's stamp on, which is the same when the line is printed twice. */
function fromStamp(text: string, { stamp }: PostfixEvent): string {
  return stamp === null ? text : text.slice(text.indexOf(stamp));
}

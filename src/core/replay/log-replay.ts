import { createMedian, type Median } from '../base/tally.ts';
import { createLineScanner } from '../log/line-scan.ts';
import { firstStamp } from '../log/log-line.ts';
import { createLogTimes, yearsBefore } from '../log/log-time.ts';
import { type PostfixEvent, parseEvent } from '../log/postfix-event.ts';
import { createRepeats } from '../log/repeats.ts';
import { parseAddress } from '../net/network.ts';
import type { Rules } from '../policy/policy.ts';
import { readLaterRefusal } from '../postscreen/later-gate.ts';
import { createSessions, type Outcome, type Refusal } from '../postscreen/session.ts';
import type { Roster } from '../senders/roster.ts';
import type { Match } from '../senders/sender-index.ts';
import type { State } from '../state/state.ts';
import { createGroup, type Group, type GroupReport } from './group.ts';
import type { OtherSettings } from './other-settings.ts';
import { createTrial, type TrialReport } from './trial.ts';
import { createWhatIf, type WhatIfReport } from './what-if.ts';

export interface ReplayOptions {
  readonly roster: Roster;
  readonly rules: Rules;
  /** What stands before the log begins: the entries of SCREENPASS_PRESEED. */
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
  /** First and last time in the log, in ms; null: no Postfix line has a stamp. */
  readonly period: { readonly from: number; readonly to: number } | null;
  /** Postfix lines without a stamp: used in their order, under no day. */
  readonly untimed: number;
  /** Watched senders that the log has, by id. */
  readonly senders: readonly SenderReport[];
  readonly strangers: GroupReport;
  readonly whatIf: WhatIfReport | null;
}

export interface Replay {
  /** Takes the next line of the log: `bytes` from `from` up to `to`, without its line end. */
  take(bytes: Buffer, from: number, to: number): void;
  readonly lines: number;
  report(): ReplayReport;
}

interface Watched {
  readonly group: Group;
  readonly wait: Median;
  /** The first refusal since the last pass; `at` null: its line has no stamp. */
  refused: { readonly at: number | null } | null;
}

/**
 * The path of a log line as in the daemon, over an old log: counts what was refused and tries what policy would have
 * done. Its memory does not grow with the log.
 */
export function createReplay(options: ReplayOptions): Replay {
  const { roster, rules, start, preseed, otherSettings, now } = options;
  const scanner = createLineScanner();
  const sessions = createSessions();
  const isRepeated = createRepeats();
  const times = createLogTimes(now);
  const trial = createTrial(rules, start, preseed);
  const whatIf = otherSettings === null ? null : createWhatIf(otherSettings);
  const watched = new Map<string, Watched>();
  const strangers = createGroup();
  let lines = 0;
  let postfixLines = 0;
  let untimed = 0;
  let period: ReplayReport['period'] = null;
  /** Log time of the line in hand; where it has no stamp a tick after the line before. */
  let at = 0;
  let isTimed = false;

  function take(bytes: Buffer, from: number, to: number): void {
    lines += 1;
    const plain = scanner.scan(bytes, from, to);
    if (plain === 'none') return;
    if (plain === 'unread' || plain.kind !== 'other') takeText(bytes.toString('latin1', from, to));
    else {
      postfixLines += 1;
      tell(bytes.toString('latin1', from, scanner.stampEnd));
    }
  }

  function takeText(text: string): void {
    const event = parseEvent(text);
    const later = readLaterRefusal(text, event);
    if (later !== undefined && !isRepeated(later.line)) groupOf(later.ip).refusedLater(later.gate);
    if (event === undefined) return;
    postfixLines += 1;
    // Nearly all lines begin with the mail host's own.
    const isFirst = event.stamp !== null && text.startsWith(event.stamp);
    tell(isFirst ? event.stamp : (firstStamp(text) ?? event.stamp));
    if (event.kind === 'connect' && event.ip !== null && !isRepeated(lineOf(text, event)))
      groupOf(event.ip).connected();
    const outcome = sessions.take(event, at);
    if (outcome !== undefined) settle(outcome);
  }

  function tell(stamp: string | null): void {
    const time = stamp === null ? null : times.read(stamp);
    isTimed = time !== null;
    at = time ?? at + 1;
    if (!isTimed) untimed += 1;
    else period = { from: Math.min(period?.from ?? at, at), to: Math.max(period?.to ?? at, at) };
    trial.pass(at);
  }

  function settle(outcome: Outcome): void {
    const address = parseAddress(outcome.kind === 'passed' ? outcome.ip : outcome.refusal.ip);
    const match = address && roster.find(address);
    if (address === undefined || match === undefined) settleStranger(outcome);
    else if (outcome.kind === 'passed') passed(match, outcome);
    else {
      if (outcome.kind === 'gave-up') {
        watchedOf(match).group.gaveUp();
        if (!trial.gaveUp(match.sender.id, outcome.refusal.at)) return;
      }
      refused(match, outcome.refusal);
      trial.refused(outcome.refusal, address, match, isTimed);
      whatIf?.take(match.sender.id, outcome);
    }
  }

  function settleStranger(outcome: Outcome): void {
    if (outcome.kind === 'gave-up') strangers.gaveUp();
    else {
      whatIf?.take(null, outcome);
      if (outcome.kind === 'passed') strangers.passed();
      else strangers.refused(outcome.refusal, day());
    }
  }

  function passed(match: Match, outcome: Extract<Outcome, { kind: 'passed' }>): void {
    const one = watchedOf(match);
    one.group.passed();
    if (one.refused !== null && one.refused.at !== null && isTimed)
      one.wait.add(Math.round(Math.max(0, at - one.refused.at) / 1000));
    one.refused = null;
    trial.passed(match.sender.id, outcome);
    whatIf?.take(match.sender.id, outcome);
  }

  function refused(match: Match, refusal: Refusal): void {
    const one = watchedOf(match);
    one.group.refused(refusal, day());
    one.refused ??= { at: isTimed ? at : null };
  }

  function day(): string {
    return isTimed ? new Date(at).toISOString().slice(0, 10) : 'unknown';
  }

  function groupOf(ip: string): Group {
    const address = parseAddress(ip);
    const match = address && roster.find(address);
    return match === undefined ? strangers : watchedOf(match).group;
  }

  function watchedOf({ sender: { id } }: Match): Watched {
    const known = watched.get(id) ?? { group: createGroup(), wait: createMedian(), refused: null };
    watched.set(id, known);
    return known;
  }

  return {
    take,
    get lines() {
      return lines;
    },
    report() {
      const settled = createCorrection(times.yearsAhead);
      const senders = [...watched].map(([sender, { group, wait, refused }]) => ({
        sender,
        ...settled.group(group.report()),
        wait: { count: wait.count, median: wait.value() },
        waiting: refused !== null,
        ...settled.trial(trial.report(sender)),
      }));
      return {
        lines,
        postfixLines,
        untimed,
        period: period && { from: settled.time(period.from), to: settled.time(period.to) },
        senders: senders.sort((a, b) => (a.sender < b.sender ? -1 : 1)),
        strangers: settled.group(strangers.report()),
        whatIf: whatIf?.report() ?? null,
      };
    },
  };
}

/** Takes off the years by which all times are too late. */
function createCorrection(years: number) {
  const time = (ms: number) => yearsBefore(ms, years);
  const day = (name: string) =>
    /^\d/.test(name) ? new Date(time(Date.parse(name))).toISOString().slice(0, 10) : name;
  return {
    time,
    group: ({ refused, ...group }: GroupReport): GroupReport => ({
      ...group,
      refused: {
        ...refused,
        days: Object.fromEntries(Object.entries(refused.days).map(([name, count]) => [day(name), count])),
      },
    }),
    trial: ({ allowed, ...trial }: TrialReport): TrialReport => ({
      ...trial,
      allowed: allowed.map((one) => ({
        ...one,
        at: one.at && time(one.at),
        until: one.until && time(one.until),
      })),
    }),
  };
}

/** From the mail host's stamp on; the same when the line is printed twice. */
function lineOf(text: string, { stamp }: PostfixEvent): string {
  return stamp === null ? text : text.slice(text.indexOf(stamp));
}

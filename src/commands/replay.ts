/** `screenpass replay`: reads an old log and prints what screenpass would have done, and other settings of postscreen. */

import type { Config } from '../config/settings.ts';
import { createLineSplitter } from '../core/log/frames.ts';
import { withEntry } from '../core/policy/entry.ts';
import { REASONS, type Reason, type Rules } from '../core/policy/policy.ts';
import { GATES, type Gate } from '../core/postscreen/gate.ts';
import type { GroupReport } from '../core/replay/group.ts';
import { Replay, type ReplayReport, type SenderReport } from '../core/replay/log-replay.ts';
import type { OtherSettings } from '../core/replay/other-settings.ts';
import type { Allowance } from '../core/replay/trial.ts';
import type { Comparison, WhatIfReport } from '../core/replay/what-if.ts';
import { UNKNOWNS, type UnknownReason } from '../core/replay/what-if-judge.ts';
import { buildRoster } from '../core/senders/roster.ts';
import { EMPTY_STATE, type State } from '../core/state/state.ts';
import { preseeded } from '../daemon/load-state.ts';
import { openLog } from '../edge/log-file.ts';
import { readKnowledge } from './known.ts';
import { createProgress, foundNothing, MAIL_LOG, print, readSoFar, tableOf } from './output.ts';

const OTHERS = '(everyone else)';
/** So many days are shown; --json has all. */
const DAYS = 31;

/**
 * Prints one JSON document or tables. Changes nothing and asks no server. Returns the exit code: 1 when the log has no
 * line of Postfix. Rejects with FileError when the log cannot be read to its end.
 */
export async function replay(
  config: Config,
  file: string,
  { json, otherSettings }: { readonly json: boolean; readonly otherSettings: OtherSettings | null },
): Promise<0 | 1> {
  const clock = Date.now();
  const log = await openLog(file);
  const replay = new Replay({
    roster: buildRoster(config.senders, await readKnowledge(config), clock),
    rules: config.rules,
    start: [...config.preseed].reduce<State>(
      (state, sender) => withEntry(state, preseeded(sender, clock)),
      EMPTY_STATE,
    ),
    preseed: config.preseed,
    otherSettings,
    now: Math.min(clock, log.writtenAt ?? clock),
  });
  const splitter = createLineSplitter((bytes, from, to) => replay.take(bytes, from, to));
  const progress = createProgress();
  try {
    for await (const chunk of log.chunks) {
      splitter.push(chunk);
      progress.report(() => readSoFar(log.share(), replay.lines));
    }
  } finally {
    progress.clear();
  }
  splitter.end();
  const report = replay.report();
  print(report, json, () => replayText(report, config.rules));
  if (report.postfixLines > 0) return 0;
  foundNothing(file, 'line of Postfix', report.lines, MAIL_LOG);
  return 1;
}

/** The report for people. */
function replayText(report: ReplayReport, rules: Rules): string {
  const { senders, strangers, whatIf } = report;
  return [
    head(report),
    section('Sessions', sessionsTable(senders, strangers)),
    section(
      `What screenpass would have done (scope ${rules.scope}, threshold ${rules.threshold})`,
      trialTable(senders),
    ),
    refusalTables(senders, strangers),
    section(
      'Refused by later gates, where the access list does not help',
      otherGatesTable(senders, strangers),
    ),
    whatIf === null ? '' : section('With these other settings of postscreen', whatIfText(whatIf)),
  ].join('');
}

function section(title: string, body: string): string {
  return body === '' ? '' : `\n${title}:\n${body}`;
}

function head({ lines, postfixLines, untimed, period }: ReplayReport): string {
  const when = period === null ? '' : `, ${timeText(period.from)} to ${timeText(period.to)} UTC`;
  const note = untimed === 0 ? '' : `Lines without a time stamp: ${untimed}. Their day is unknown.\n`;
  return `${lines} lines, ${postfixLines} of them from Postfix${when}\n${note}`;
}

function sessionsTable(senders: readonly SenderReport[], strangers: GroupReport): string {
  const row = (name: string, group: GroupReport, wait: string) => [
    name,
    `${group.sessions}`,
    `${group.passed}`,
    `${group.refused.total}`,
    wait,
    countsText(group.refused.gates),
  ];
  return tableOf(
    ['SENDER', 'SESSIONS', 'PASSED', 'REFUSED', 'MEDIAN WAIT', 'REFUSED AT'],
    [...senders.map((one) => row(one.sender, one, waitText(one))), row(OTHERS, strangers, '')],
  );
}

function waitText({ wait, waiting }: SenderReport): string {
  return [
    ...(wait.median === null ? [] : [secondsText(wait.median)]),
    ...(waiting ? ['still waiting'] : []),
  ].join(', ');
}

function trialTable(senders: readonly SenderReport[]): string {
  const rows = senders.flatMap(({ sender, allowed, notAllowed }) => [
    ...allowed.map((one) => [sender, allowedText(one), `${one.spared}`, causeText(one)]),
    ...Object.entries(notAllowed).map(([reason, count]) => [
      sender,
      'not allowed',
      '',
      `${count} ${count === 1 ? 'refusal' : 'refusals'}: ${REASONS[reason as Reason] ?? reason}`,
    ]),
  ]);
  if (rows.length === 0) return 'Nothing: postscreen refused no watched sender.\n';
  return tableOf(['SENDER', 'ALLOWED', 'SPARES', 'BECAUSE'], rows);
}

function allowedText({ at, cause }: Allowance): string {
  return at === null ? (cause === null ? 'from the start' : 'at an unknown time') : timeText(at);
}

function causeText({ cause, until }: Allowance): string {
  const why =
    cause === null
      ? 'SCREENPASS_PRESEED'
      : [cause.client, cause.gate, cause.code, ...cause.zones].filter((part) => part !== null).join(' ');
  return until === null ? why : `${why}; the sender was not seen again, so it expired at ${timeText(until)}`;
}

function refusalTables(senders: readonly SenderReport[], strangers: GroupReport): string {
  const table = (title: string, key: 'gates' | 'zones' | 'days') => {
    const watched = senders.flatMap(({ refused }) => Object.entries(refused[key]));
    const sum = new Map<string, number>();
    for (const [name, count] of watched) sum.set(name, (sum.get(name) ?? 0) + count);
    const others = strangers.refused[key];
    const names = [...new Set([...Object.keys(others), ...sum.keys()])];
    const rows = names.map((name) => [name, `${sum.get(name) ?? 0}`, `${others[name] ?? 0}`]);
    if (rows.length === 0) return '';
    const shown = key === 'days' ? rows.sort(([a = ''], [b = '']) => (a < b ? -1 : 1)).slice(-DAYS) : rows;
    const left = rows.length - shown.length;
    return `\n${tableOf([title, 'WATCHED SENDERS', 'EVERYONE ELSE'], shown)}${left > 0 ? `and ${left} earlier days; --json has them\n` : ''}`;
  };
  return table('REFUSED AT', 'gates') + table('DNSBL ZONE', 'zones') + table('DAY', 'days');
}

function otherGatesTable(senders: readonly SenderReport[], strangers: GroupReport): string {
  const rows = [...senders, { sender: OTHERS, ...strangers }].flatMap(({ sender, otherGates }) =>
    Object.entries(otherGates).map(([gate, count]) => [
      sender,
      gate,
      `${count}`,
      sender === OTHERS ? '' : GATES[gate as Gate].remedy,
    ]),
  );
  return rows.length === 0 ? '' : tableOf(['SENDER', 'GATE', 'REFUSED', 'LOOK AT'], rows);
}

function whatIfText({ notes, senders, strangers, unknown }: WhatIfReport): string {
  const row = (name: string, { before, after, newlyPassed, newlyRefused }: Comparison) =>
    [name, before.refused, after.refused, newlyPassed, newlyRefused, after.unknown].map(String);
  const table = tableOf(
    ['SENDER', 'REFUSED BEFORE', 'REFUSED AFTER', 'NEWLY PASSED', 'NEWLY REFUSED', 'UNKNOWN'],
    [...senders.map((one) => row(one.sender, one)), row(OTHERS, strangers)],
  );
  const why = Object.entries(unknown).map(
    ([key, count]) => `${count} unknown: ${UNKNOWNS[key as UnknownReason]}.`,
  );
  return [...notes, table.trimEnd(), ...why, ''].join('\n');
}

function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function timeText(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ');
}

function secondsText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

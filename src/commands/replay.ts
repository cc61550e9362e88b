/** `screenpass replay`: reads an old log and prints what screenpass would have done, and other settings of postscreen. */

import type { Config } from '../config/settings.ts';
import { createLineSplitter } from '../core/log/frames.ts';
import { withEntry } from '../core/policy/entry.ts';
import { Replay, type ReplayReport } from '../core/replay/log-replay.ts';
import type { OtherSettings } from '../core/replay/other-settings.ts';
import { buildRoster } from '../core/senders/roster.ts';
import { EMPTY_STATE, type State } from '../core/state/state.ts';
import { preseeded } from '../daemon/load-state.ts';
import { openLog } from '../edge/log-file.ts';
import { readKnowledge } from './known.ts';
import { foundNothing, MAIL_LOG } from './nothing-found.ts';
import { print } from './output.ts';
import { createProgress, readSoFar } from './progress.ts';
import { replayText } from './replay-text.ts';

/**
 * Prints what an old log tells: what postscreen refused, what screenpass would have done with these settings, and what
 * other settings of postscreen would have changed; one JSON document or tables. Changes nothing and asks nobody.
 * Gives the exit code: 1 when no line is Postfix's. Rejects with FileError when the log cannot be read to its end.
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
      progress.tell(() => readSoFar(log.share(), replay.lines));
    }
  } finally {
    progress.clear();
  }
  splitter.end();
  const report = replay.report();
  print(documentOf(report), json, () => replayText(report, config.rules));
  if (report.postfixLines > 0) return 0;
  foundNothing(file, 'line of Postfix', report.lines, MAIL_LOG);
  return 1;
}

/** Times as ISO text. */
function documentOf(report: ReplayReport): object {
  const { period, senders } = report;
  return {
    ...report,
    period: period && { from: isoOf(period.from), to: isoOf(period.to) },
    senders: senders.map((sender) => ({
      ...sender,
      allowed: sender.allowed.map((one) => ({ ...one, at: isoOf(one.at), until: isoOf(one.until) })),
    })),
  };
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

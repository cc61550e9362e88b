// Ends an oracle run: reads the whole log, asks screenpass all that it counts, and names each difference.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../../src/core/monitor/status-report.ts';
import type { Stack } from '../e2e/harness.ts';
import {
  alertBooks,
  type Counts,
  countsOf,
  differences,
  type LogBooks,
  logBooks,
  type ReadLog,
  type RefusalAlert,
  unfounded,
} from './balance.ts';
import { SENDERS } from './plan.ts';
import { readMailLog } from './reader.ts';
import {
  againstMetrics,
  againstReplay,
  againstStatus,
  contradictions,
  daysOf,
  type Heard,
  type SavedDays,
  strangersOf,
  tableOfGates,
} from './said.ts';

export interface OracleBooks {
  readonly log: LogBooks;
  readonly sessions: number;
  /** Sessions of each outcome, by the log. */
  readonly outcomes: Counts;
  /** Where the clients themselves heard something else than the reader found. */
  readonly contradictions: readonly string[];
  /** Everything in which screenpass and the log differ. */
  readonly differences: readonly string[];
  readonly table: string;
  /** Where the logs are. */
  readonly artefacts: string;
}

async function metricsOf(stack: Stack): Promise<string> {
  const ask = "fetch('http://127.0.0.1:9469/metrics').then((answer) => answer.text()).then(console.log)";
  return (await stack.inScreenpass('node', '-e', ask)).stdout;
}

export async function judge(
  stack: Stack,
  heard: readonly Heard[],
  say: (text: string) => void,
): Promise<OracleBooks> {
  const lines = await quiet(stack);
  const container = await stack.inspect('mailserver', '{{.Id}}');
  const metrics = await metricsOf(stack);
  const told = (await stack.alerts()) as readonly RefusalAlert[];
  const replay = await stack.replay();
  const { answer: status } = await stack.answer<Pick<Status, 'lastRefusal'>>('status');
  const saved = JSON.parse(
    (await stack.inScreenpass('cat', '/var/lib/screenpass/state.json')).stdout,
  ) as SavedDays;
  await stack.compose('stop', 'screenpass');
  say('screenpass has stopped; reading the log');
  const rows = readMailLog(Buffer.from(`${lines.join('\n')}\n`, 'latin1'));
  const log = logBooks([{ container, rows } satisfies ReadLog], SENDERS);
  const sessions = rows.filter((row) => row.what === 'session');
  const alerts = alertBooks((await stack.alerts()) as readonly RefusalAlert[]);
  const refused = countsOf(log.refused);
  const days = daysOf(saved);
  const found = [
    ...differences('alerts sender-refused', refused, alerts.refused),
    ...differences('alerts other-gate', log.later, alerts.later),
    ...unfounded(alerts, log),
    ...alerts.doubled,
    ...differences('state days', { ...refused, ...log.later }, days.refusals),
    ...strangersOf(log, days.strangers),
    ...againstReplay(replay, log, sessions),
    ...againstMetrics(metrics, told),
    ...againstStatus(status.lastRefusal, log),
  ];
  const outcomes: Record<string, number> = {};
  for (const { outcome } of sessions) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  const artefacts = mkdtempSync(join(tmpdir(), 'screenpass-oracle-'));
  const keep = (name: string, text: string) => writeFileSync(join(artefacts, name), text);
  keep('mail.log', `${lines.join('\n')}\n`);
  keep('heard', heard.map(({ client, codes }) => `${client} ${codes.join(' ')}\n`).join(''));
  keep('screenpass.log', (await stack.stampedLog('screenpass')).join('\n'));
  keep('replay.json', JSON.stringify(replay));
  keep('state.json', JSON.stringify(saved));
  keep('metrics', metrics);
  keep('differences', found.join('\n'));
  return {
    log,
    sessions: sessions.length,
    outcomes,
    contradictions: contradictions(heard, sessions),
    differences: found,
    table: tableOfGates(log, alerts, replay, days.refusals),
    artefacts,
  };
}

/** The log, once screenpass has read all of it and nobody writes any more. */
async function quiet(stack: Stack): Promise<string[]> {
  return stack.until(
    'screenpass has handled the whole log',
    async () => {
      const before = await stack.stampedLog('mailserver');
      await sleep(3000);
      const lines = await stack.stampedLog('mailserver');
      const newest =
        lines
          .filter((line) => /^\d{4}-/.test(line))
          .at(-1)
          ?.slice(0, 30) ?? '';
      const { answer } = await stack.answer<{ cursor: string | null; questions: number }>('status');
      const all = before.length === lines.length && (answer.cursor ?? '') >= newest && answer.questions === 0;
      return all ? lines.slice(0, -1) : undefined;
    },
    120,
  );
}

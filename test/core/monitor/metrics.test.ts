import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AlertFields } from '../../../src/core/alerts/alert.ts';
import { parseEvent } from '../../../src/core/log/postfix-event.ts';
import { countAlert, countLine, noCounts } from '../../../src/core/monitor/counts.ts';
import { renderMetrics } from '../../../src/core/monitor/metrics.ts';
import type { Status } from '../../../src/core/monitor/status-report.ts';

const STATUS: Status = {
  ...{ version: '1.2.3', mode: 'enforce', container: 'mailserver', following: 'c0ffee', wiring: 'wired' },
  ...{
    reload: 'done',
    reloadedAt: '2026-11-24T02:00:00.500Z',
    trouble: null,
    faults: [],
    table: '/t',
    entries: 2,
    rules: 9,
  },
  senders: { fresh: 40, stale: 2, suspicious: 1, bundled: 3 },
  withoutNetworks: [],
  unanswered: [],
  nextTry: null,
  oldestList: '2026-11-23T02:00:00.000Z',
  lastRefusal: null,
  droppedQuestions: 3,
  vetoed: 2,
  questions: 4,
  cursor: '2026-11-24T02:24:10.921946642Z',
  cursorAge: 3,
  lag: 0.25,
  ...{ nextRefresh: null, nextHourly: null },
};

const REFUSAL: AlertFields['sender-refused'] = {
  ...{ sender: 'amazon-ses', client: '54.240.27.75', port: 25, gate: 'dnsbl', code: 550, enhanced: null },
  ...{ zones: [], evidence: 'network', decision: 'allow', reason: '', at: '' },
};
const LATER = {
  ...{
    sender: 'amazon-ses',
    client: '54.240.27.75',
    gate: 'spf',
    code: 550,
    enhanced: null,
    text: 'client text',
    recipient: null,
  },
  ...{ remedy: '', docs: '' },
};

/** By metric with its labels; undefined for what is no line of the format. */
function samples(text: string): Record<string, number> {
  const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
  const sample = new RegExp(`^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\\{${label}(?:,${label})*\\})?) (-?[0-9.e+]+)$`);
  expect(text.endsWith('\n')).toBe(true);
  const lines = text
    .slice(0, -1)
    .split('\n')
    .filter((line) => !/^# (HELP|TYPE) [a-z_]+ [^\n]+$/.test(line));
  const read = lines.map((line) => {
    const [, name, value] = sample.exec(line) ?? [];
    if (name === undefined) throw new Error(`no sample: ${line}`);
    return [name, Number(value)] as const;
  });
  expect(new Set(read.map(([name]) => name)).size).toBe(read.length);
  return Object.fromEntries(read);
}

describe('metrics', () => {
  it('show how the daemon stands', () => {
    expect(samples(renderMetrics(STATUS, noCounts()))).toMatchObject({
      'screenpass_info{version="1.2.3",mode="enforce"}': 1,
      screenpass_healthy: 1,
      screenpass_log_lag_seconds: 0.25,
      screenpass_following: 1,
      'screenpass_wiring{state="wired"}': 1,
      'screenpass_wiring{state="not-wired"}': 0,
      'screenpass_wiring{state="unknown"}': 0,
      'screenpass_reload{state="done"}': 1,
      'screenpass_reload{state="failing"}': 0,
      screenpass_reload_timestamp_seconds: 1795485600.5,
      screenpass_log_timestamp_seconds: 1795487050.921,
      screenpass_entries: 2,
      screenpass_rules: 9,
      'screenpass_senders{freshness="stale"}': 2,
      screenpass_oldest_list_timestamp_seconds: 1795399200,
      screenpass_questions: 4,
      'screenpass_alerts_total{kind="reload-failed"}': 0,
    });
  });

  it('leave out what is not known, which is not 0', () => {
    const status = { ...STATUS, following: null, reloadedAt: null, oldestList: null, cursor: null };
    const names = Object.keys(samples(renderMetrics(status, noCounts())));
    expect(names.filter((name) => name.includes('timestamp'))).toEqual([]);
    expect(samples(renderMetrics(status, noCounts()))).toMatchObject({
      screenpass_following: 0,
      screenpass_healthy: 0,
    });
  });

  it('count refusals by sender and gate, and each refusal that one alert stands for', () => {
    const counts = noCounts();
    countAlert(counts, 'sender-refused', REFUSAL);
    countAlert(counts, 'sender-refused', REFUSAL);
    countAlert(counts, 'sender-refused', { ...REFUSAL, gate: 'pregreet' });
    countAlert(counts, 'sender-refused', { ...REFUSAL, gate: 'overload', count: 9_940 });
    countAlert(counts, 'other-gate', { ...LATER, count: 1 });
    countAlert(counts, 'other-gate', { ...LATER, sender: 'sendgrid', count: 41 });
    const text = renderMetrics(STATUS, counts);
    expect(samples(text)).toMatchObject({
      'screenpass_refusals_total{sender="amazon-ses",gate="dnsbl"}': 2,
      'screenpass_refusals_total{sender="amazon-ses",gate="pregreet"}': 1,
      'screenpass_refusals_total{sender="amazon-ses",gate="overload"}': 9_940,
      'screenpass_other_gate_refusals_total{gate="spf"}': 42,
      'screenpass_alerts_total{kind="sender-refused"}': 4,
      'screenpass_alerts_total{kind="other-gate"}': 2,
    });
    expect(text).not.toContain('client text');
    expect(text).not.toContain('54.240.27.75');
  });

  it('add up reloads, and lines of postscreen that nobody knows', () => {
    const counts = noCounts();
    countAlert(counts, 'reload-done', { senders: [], ms: 250, attempts: 1 });
    countAlert(counts, 'reload-done', { senders: [], ms: 500, attempts: 2 });
    for (const message of [
      'postscreen[910]: PASS RENEWED [192.0.2.1]:25',
      'postscreen[910]: entering STRESS mode with 90 connections',
      'postscreen[910]: warning: of a wording that is not known',
      'postscreen[910]: CONNECT from [192.0.2.1]:25 to [192.0.2.25]:25',
      'smtpd[911]: connect from unknown[192.0.2.1]',
    ]) {
      const event = parseEvent(`2026-11-24T02:24:10.921946+00:00 mail postfix/${message}`);
      if (event === undefined) throw new Error(`${message} is a line of Postfix`);
      countLine(counts, event);
    }
    expect(samples(renderMetrics({ ...STATUS, lag: null }, counts))).toMatchObject({
      screenpass_reloads_total: 2,
      screenpass_reload_seconds_total: 0.75,
      screenpass_unknown_lines_total: 1,
    });
  });

  it('stay in the format whatever a label holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (sender) => {
        const counts = noCounts();
        countAlert(counts, 'sender-refused', { ...REFUSAL, sender });
        const text = renderMetrics({ ...STATUS, version: sender }, counts);
        expect(Object.values(samples(text)).filter(Number.isNaN)).toEqual([]);
      }),
    );
  });
});

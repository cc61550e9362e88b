// The metrics: names, help and values in one table, and their text format. The HTTP server is in edge/http.ts.
import { FAULT_KINDS } from '../watch/faults.ts';
import type { Counts } from './counts.ts';
import { type Status, unhealthy } from './status-report.ts';

/** The content type of the text format below. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

interface Metric {
  readonly type: 'gauge' | 'counter';
  /** Also in docs/monitoring.md. */
  readonly help: string;
  /** None: the value is not known, which is not 0. */
  readonly samples: (status: Status, counts: Counts) => readonly Sample[];
}

const WIRINGS: readonly Status['wiring'][] = ['wired', 'not-wired', 'unknown'];
const RELOADS: readonly Status['reload'][] = ['done', 'pending', 'failing', 'observing'];

/** All that is served, in this order; a test holds docs/monitoring.md to it. */
export const METRICS: Readonly<Record<string, Metric>> = {
  screenpass_info: {
    type: 'gauge',
    help: '1, with `version` and `mode`',
    samples: ({ version, mode }) => [[{ version, mode }, 1]],
  },
  screenpass_healthy: {
    type: 'gauge',
    help: '1 when screenpass is healthy, as `/healthz` reports, else 0',
    samples: (status) => one(unhealthy(status) === null ? 1 : 0),
  },
  screenpass_faults: {
    type: 'gauge',
    help: 'present faults, by `kind`, which is the alert that reported it',
    samples: ({ faults }) =>
      FAULT_KINDS.map((kind) => [{ kind }, faults.filter((fault) => fault.kind === kind).length]),
  },
  screenpass_following: {
    type: 'gauge',
    help: '1 when the log of the mail container is followed, else 0',
    samples: ({ following }) => one(following === null ? 0 : 1),
  },
  screenpass_wiring: {
    type: 'gauge',
    help: 'whether postscreen uses the table: 1 for the present `state` (`wired`, `not-wired`, `unknown`)',
    samples: ({ wiring }) => states(WIRINGS, wiring),
  },
  screenpass_reload: {
    type: 'gauge',
    help: 'whether Postfix runs the table: 1 for the present `state` (`done`, `pending`, `failing`, `observing`)',
    samples: ({ reload }) => states(RELOADS, reload),
  },
  screenpass_reload_timestamp_seconds: {
    type: 'gauge',
    help: 'when Postfix was last proven to have reloaded; absent before the first time',
    samples: ({ reloadedAt }) => time(reloadedAt),
  },
  screenpass_log_timestamp_seconds: {
    type: 'gauge',
    help: 'stamp of the last log line that was handled; absent before the first',
    samples: ({ cursor }) => time(cursor),
  },
  screenpass_log_lag_seconds: {
    type: 'gauge',
    help: 'age of the last log line when it was handled: how far screenpass is behind, not how long the log is silent; negative: its stamp was ahead of the clock; absent before the first',
    samples: ({ lag }) => (lag === null ? [] : one(lag)),
  },
  screenpass_entries: {
    type: 'gauge',
    help: 'entries: senders and networks that are allowed',
    samples: ({ entries }) => one(entries),
  },
  screenpass_rules: {
    type: 'gauge',
    help: 'rules of screenpass in the table',
    samples: ({ rules }) => one(rules),
  },
  screenpass_senders: {
    type: 'gauge',
    help: 'watched senders by the `freshness` of their networks (`fresh`, `stale`, `suspicious`, `bundled`)',
    samples: ({ senders }) => Object.entries(senders).map(([freshness, count]) => [{ freshness }, count]),
  },
  screenpass_oldest_list_timestamp_seconds: {
    type: 'gauge',
    help: 'time of the oldest good answer of a watched sender; absent when none ever answered',
    samples: ({ oldestList }) => time(oldestList),
  },
  screenpass_questions: {
    type: 'gauge',
    help: 'refusals that wait for DNS: for their sender, or for a veto zone',
    samples: ({ questions }) => one(questions),
  },
  screenpass_vetoed_addresses: {
    type: 'gauge',
    help: 'addresses that a zone of SCREENPASS_VETO_DNSBL lists and screenpass keeps out of the table',
    samples: ({ vetoed }) => one(vetoed),
  },
  screenpass_dropped_questions_total: {
    type: 'counter',
    help: 'refusals about which DNS was not asked, because too many waited for an answer',
    samples: ({ droppedQuestions }) => one(droppedQuestions),
  },
  screenpass_refusals_total: {
    type: 'counter',
    help: 'refusals of watched senders by postscreen, by `sender` and `gate`',
    samples: (_, { refusals }) =>
      [...refusals].flatMap(([sender, gates]) =>
        [...gates].map(([gate, count]): Sample => [{ sender, gate }, count]),
      ),
  },
  screenpass_other_gate_refusals_total: {
    type: 'counter',
    help: 'refusals of watched senders by later gates, by `gate`; those within the hour are counted when they are reported',
    samples: (_, { otherGates }) => [...otherGates].map(([gate, count]) => [{ gate }, count]),
  },
  screenpass_reloads_total: {
    type: 'counter',
    help: 'reloads of Postfix that were proven; those that were not are alerts of `kind` `reload-failed`',
    samples: (_, { reloads }) => one(reloads.count),
  },
  screenpass_reload_seconds_total: {
    type: 'counter',
    help: 'total time of the proven reloads, from the command to the proof',
    samples: (_, { reloads }) => one(reloads.ms / 1000),
  },
  screenpass_unknown_lines_total: {
    type: 'counter',
    help: 'log lines of postscreen that screenpass does not know: please report them, with the version of Postfix',
    samples: (_, { unknownLines }) => one(unknownLines),
  },
  screenpass_alerts_total: {
    type: 'counter',
    help: 'alerts by `kind`, also those that SCREENPASS_ALERTS mutes',
    samples: (_, { alerts }) => [...alerts].map(([kind, count]) => [{ kind }, count]),
  },
};

/** Prometheus text format 0.0.4. Times are seconds since the epoch. */
export function renderMetrics(status: Status, counts: Counts): string {
  return Object.entries(METRICS)
    .map(([name, metric]) => renderMetric(name, metric, metric.samples(status, counts)))
    .join('');
}

function renderMetric(name: string, { type, help }: Metric, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => `${name}${renderLabels(labels)} ${value}\n`);
  return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(value).replace(/"/g, '\\"')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
}

function one(value: number): readonly Sample[] {
  return [[{}, value]];
}

function states<T extends string>(all: readonly T[], now: T): readonly Sample[] {
  return all.map((state) => [{ state }, state === now ? 1 : 0]);
}

function time(iso: string | null): readonly Sample[] {
  return iso === null ? [] : one(Date.parse(iso) / 1000);
}

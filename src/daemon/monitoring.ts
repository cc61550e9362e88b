// Counts lines and alerts for a monitor, and makes the pages that it reads. Serving them is the edge's work.

import type { PostfixEvent } from '../core/log/postfix-event.ts';
import { countAlert, countLine, noCounts } from '../core/monitor/counts.ts';
import { METRICS_TYPE, renderMetrics } from '../core/monitor/metrics.ts';
import { type Status, unhealthy } from '../core/monitor/status-report.ts';
import type { Page, Report } from '../ports.ts';

export interface Monitoring {
  /** Passes everything to the other report, and counts the alerts. */
  readonly report: Report;
  /** Takes what was read in a line of the log. */
  line(event: PostfixEvent): void;
  /** What a monitor can look at, by path. */
  pages(status: () => Status): ReadonlyMap<string, () => Page>;
}

/** Counts what is reported, so that a monitor sees the same as a reader of the alerts. */
export function createMonitoring(report: Report): Monitoring {
  const counts = noCounts();
  return {
    report: {
      ...report,
      alert(kind, id, fields) {
        countAlert(counts, kind, fields);
        report.alert(kind, id, fields);
      },
    },
    line: (event) => countLine(counts, event),
    pages: (status) =>
      new Map<string, () => Page>([
        ['/healthz', () => healthPage(status())],
        ['/metrics', () => ({ code: 200, contentType: METRICS_TYPE, text: renderMetrics(status(), counts) })],
      ]),
  };
}

function healthPage(status: Status): Page {
  const wrong = unhealthy(status);
  return {
    code: wrong === null ? 200 : 503,
    contentType: 'application/json',
    text: `${JSON.stringify({ healthy: wrong === null, reasons: wrong === null ? [] : [wrong] })}\n`,
  };
}

import pino from 'pino';
import type { LogLevel } from '../config.ts';
import { ALERTS, type AlertKind } from '../core/alert.ts';
import type { Report } from '../ports.ts';

/**
 * JSON lines on stdout. Written synchronously, since a line that is lost at exit is an alert that nobody sees.
 * Alerts come at every log level; `muted` kinds do not come at all.
 */
export function createReport(level: LogLevel, muted: ReadonlySet<AlertKind>): Report {
  const stdout = pino.destination({ fd: 1, sync: true });
  const options: pino.LoggerOptions = {
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  const log = pino({ ...options, level }, stdout);
  const alerts = pino({ ...options, level: 'info' }, stdout);
  return {
    alert(kind, id, fields) {
      if (muted.has(kind)) return;
      const row = ALERTS[kind];
      const told: object = { alert: kind, id, ...fields };
      alerts[row.level](told, row.text(fields));
    },
    error: (message, fields) => log.error(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    debug: (message, fields) => log.debug(fields ?? {}, message),
  };
}

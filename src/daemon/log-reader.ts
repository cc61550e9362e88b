// Reads the log of the mail container and passes each line to the pipeline, then what the pipeline leaves to do to the
// parts that do it. Decides nothing.

import type { Config } from '../config/settings.ts';
import type { MailContainer } from '../core/engine/mail-container.ts';
import { type Position, stampTime } from '../core/log/position.ts';
import { isReload } from '../core/log/postfix-event.ts';
import type { Ports } from '../ports.ts';
import type { Expiry } from './expiry.ts';
import { followLog } from './follow.ts';
import type { LookupQueue } from './lookup-queue.ts';
import type { Monitoring } from './monitoring.ts';
import type { Pipeline, Step } from './pipeline.ts';
import type { VetoWatch } from './veto-watch.ts';
import type { Watchdog } from './watchdog.ts';
import type { FaultMonitor } from './writer/fault-monitor.ts';
import type { Writer } from './writer/writer.ts';

export interface LogReader {
  /** Reads until the signal aborts. */
  run(): Promise<void>;
  /** How many seconds old the last line was when it was handled; null: there was none. */
  lag(): number | null;
}

export interface LogReaderParts {
  readonly position: Position;
  readonly pipeline: Pipeline;
  readonly faults: FaultMonitor;
  readonly writer: Writer;
  readonly expiry: Expiry;
  readonly lookups: LookupQueue;
  readonly vetoes: VetoWatch;
  readonly monitoring: Monitoring;
  readonly watchdog: Watchdog;
  /** The log of this container is about to be read. */
  readonly attached: (container: MailContainer) => void;
}

export function createLogReader(
  ports: Pick<Ports, 'clock' | 'engine' | 'report'>,
  config: Config,
  parts: LogReaderParts,
  signal: AbortSignal,
): LogReader {
  const { position, pipeline, faults, writer, expiry, lookups, vetoes } = parts;
  const { clock, report } = ports;
  let lag: number | null = null;

  const watcher = {
    attached(container: MailContainer) {
      parts.attached(container);
      expiry.following(true);
      writer.serve(container);
      lookups.resume();
      vetoes.resume();
    },
    detached() {
      expiry.following(false);
      writer.serve(null);
    },
  };

  function perform({ at, event, stranger, vetoes: tasks }: Step): void {
    expiry.line(at);
    if (event !== undefined) {
      parts.monitoring.line(event);
      if (isReload(event)) writer.reloaded(at);
      if (event.kind === 'list_ignored') writer.warned(event.text ?? '');
    }
    if (stranger !== null) lookups.take(stranger.refusal, stranger.address);
    vetoes.take(tasks);
  }

  return {
    async run() {
      for await (const lines of followLog(ports, faults, config, position, watcher, signal)) {
        for (const line of lines) {
          const step = pipeline.take(line);
          if (step !== undefined) perform(step);
        }
        const last = lines.at(-1);
        if (last !== undefined) lag = (clock.now() - stampTime(last.stamp)) / 1000;
        writer.update({ ...writer.state, cursor: position.cursor, doubtMs: expiry.doubtMs });
        // No more of the log is read than can be reported.
        await parts.watchdog.during('log', report.flushed());
      }
    },
    lag: () => lag,
  };
}

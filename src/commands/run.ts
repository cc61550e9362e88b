// The command run: builds the real edges and starts the daemon with them.
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import type { Config } from '../config/settings.ts';
import { runDaemon } from '../daemon/daemon.ts';
import { inTime } from '../daemon/in-time.ts';
import { createClock } from '../edge/clock.ts';
import { serveControl } from '../edge/control-server.ts';
import { createResolver } from '../edge/dns.ts';
import { createDockerEngine } from '../edge/docker.ts';
import { createTableFile, createWholeFile } from '../edge/file.ts';
import { serveHttp } from '../edge/http.ts';
import { armLastResort } from '../edge/last-resort.ts';
import { createReport } from '../edge/report.ts';
import type { Ports } from '../ports.ts';

/** After a bug, the reports before it are still written for so long. */
const LAST_WORDS_MS = 2_000;

/**
 * Runs the daemon until SIGTERM or SIGINT. Rejects with FileError when table or state cannot be used or
 * stdout was closed, with ListenError when SCREENPASS_HTTP cannot. The process ends within 10 s after each of them, whatever hangs.
 */
export async function run(config: Config, version: string): Promise<void> {
  const report = createReport(config.logLevel, config.muted);
  const stop = new AbortController();
  const { http } = config;
  // All parts of the daemon listen to it, and each call to the Engine.
  setMaxListeners(0, stop.signal);
  armLastResort(stop.signal);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort(signal));
  const ports: Ports = {
    clock: createClock(report),
    resolver: createResolver({ servers: config.dnsServers, signal: stop.signal }),
    engine: createDockerEngine({
      host: config.dockerHost,
      container: config.container,
      stop: stop.signal,
    }),
    table: createTableFile(config.table),
    state: createWholeFile(join(config.stateDir, 'state.json')),
    control: {
      serve: (handle, signal) => serveControl(join(config.stateDir, 'control.sock'), handle, signal),
    },
    monitor: http && { serve: (pages, signal) => serveHttp(http, pages, report, signal) },
    report,
  };
  try {
    await Promise.race([runDaemon(config, ports, version, stop.signal), report.closed]);
  } finally {
    stop.abort();
    await inTime(ports.clock, LAST_WORDS_MS, new AbortController().signal, report.flushed(), undefined);
  }
}

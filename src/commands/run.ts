import { join } from 'node:path';
import type { Config } from '../config.ts';
import { runDaemon } from '../daemon.ts';
import { createClock } from '../edge/clock.ts';
import { serveControl } from '../edge/control.ts';
import { createResolver } from '../edge/dns.ts';
import { createDockerEngine } from '../edge/docker.ts';
import { createTableFile, createWholeFile } from '../edge/file.ts';
import { serveHttp } from '../edge/http.ts';
import { createReport } from '../edge/report.ts';
import type { Ports } from '../ports.ts';

/** A daemon that hangs when it is asked to stop is ended after this, before the Engine's own 10 s are over. */
const LAST_RESORT_MS = 9_000;

/**
 * The daemon on the real world, until SIGTERM or SIGINT. Rejects with FileError when table or state cannot be used, with
 * ListenError when SCREENPASS_HTTP cannot.
 */
export async function run(config: Config, version: string): Promise<void> {
  const report = createReport(config.logLevel, config.muted);
  const stop = new AbortController();
  const { http } = config;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stop.abort(signal);
      setTimeout(() => process.exit(1), LAST_RESORT_MS).unref();
    });
  }
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
  await runDaemon(config, ports, version, stop.signal).finally(() => stop.abort());
}

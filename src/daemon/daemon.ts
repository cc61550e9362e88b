// START READING HERE: makes the daemon's parts in the order in which they use each other, starts them, and ends them. The path
// of a log line is in pipeline.ts; the writer alone changes the table and Postfix.

import type { Config } from '../config/settings.ts';
import type { MailContainer } from '../core/engine/mail-container.ts';
import { createPosition } from '../core/log/position.ts';
import { openNetworks, withoutEngineNetworks } from '../core/policy/policy.ts';
import { createRosters } from '../core/senders/roster.ts';
import type { Ports } from '../ports.ts';
import { createDigests } from './digests.ts';
import { createExpiry } from './expiry.ts';
import { loadState } from './load-state.ts';
import { createLogReader } from './log-reader.ts';
import { LookupQueue } from './lookup-queue.ts';
import { createMonitoring } from './monitoring.ts';
import { createOtherGates } from './other-gates.ts';
import { Pipeline } from './pipeline.ts';
import { createRefresher } from './refresher.ts';
import { createEarlyRequests, createRequests, statusOf } from './requests.ts';
import { schedule } from './schedule.ts';
import { SenderFaults } from './sender-faults.ts';
import { VetoWatch } from './veto-watch.ts';
import { VetoZones } from './veto-zones.ts';
import { createWatchdog, type Watchdog, watchedFiles } from './watchdog.ts';
import { createFaultMonitor } from './writer/fault-monitor.ts';
import { createStateKeeper } from './writer/state-keeper.ts';
import { Writer } from './writer/writer.ts';

/** Ends when the signal aborts, after the current write. Rejects on a bug only. */
export async function runDaemon(
  config: Config,
  world: Ports,
  version: string,
  signal: AbortSignal,
): Promise<void> {
  const monitoring = createMonitoring(world.report);
  const watchdog = createWatchdog(world);
  const ports: Ports = { ...world, ...watchedFiles(world, watchdog), report: monitoring.report };
  const { clock, report } = ports;
  const requests = createEarlyRequests();
  // Before the state is read, since it finds out whether another daemon uses this state directory.
  const control = await ports.control.serve(requests.handle, signal);
  const parts = await createParts(config, ports, watchdog, signal);
  const { writer, pipeline, otherGates, lookups, vetoes, refresher, digests } = parts;
  const logReader = createLogReader(ports, config, { ...parts, monitoring, watchdog }, signal);
  const jobs = schedule(config, clock, parts, signal);

  const { table } = ports;
  const times = { lag: logReader.lag, next: jobs.next };
  const running = { ...parts, ...times, version, config, clock, report, table };
  requests.ready(createRequests(running));
  const pages = monitoring.pages(() => statusOf(running));
  const monitor = await ports.monitor?.serve(pages, signal);
  report.alert('started', `${version} ${clock.now()}`, {
    ...{ version, mode: config.mode, container: config.container, table: config.table },
    senders: config.senders.length,
    networks: parts.roster().senders.reduce((sum, { networks }) => sum + networks.length, 0),
    entries: writer.state.entries.length,
  });
  otherGates.reportDue(clock.now());
  digests.reportMissed();

  const work = [
    logReader.run(),
    writer.run(signal),
    refresher.starting(),
    watchdog.run(parts.faults, signal),
  ];
  await Promise.all([...work, jobs.ended, control.ended, monitor?.ended]);
  for (const part of [pipeline, lookups, vetoes, otherGates]) part.reportRest();
  // Saves what changed after the writer's last save, so that the next start does not handle it again.
  await writer.save();
  const entries = writer.state.entries.length;
  report.alert('stopping', `${version} ${clock.now()}`, { signal: String(signal.reason), entries });
  await report.flushed();
}

async function createParts(config: Config, ports: Ports, watchdog: Watchdog, signal: AbortSignal) {
  const { clock, report } = ports;
  const { senders, rules: settings, mode, reloadIntervalMs, tableInContainer } = config;
  const keeper = createStateKeeper(ports);
  const memory = { state: await loadState(config, ports, keeper) };
  const position = createPosition(memory.state.cursor);
  let rules = settings;
  const rulesNow = () => rules;
  const rosterAt = createRosters(senders);
  const roster = () => rosterAt(memory.state.senders, clock.now());
  const faults = createFaultMonitor(clock, report, {
    read: () => memory.state.faults,
    write: (next) => {
      memory.state = { ...memory.state, faults: next };
    },
  });
  const writer = new Writer(ports, keeper, faults, memory, {
    ...{ mode, reloadIntervalMs, tableInContainer },
    networksOf: (entry) => openNetworks(entry, roster().get(entry.sender), rules, memory.state.vetoes),
    watch: (step) => watchdog.during('writer', step),
  });
  const senderFaults = new SenderFaults(faults);
  const otherGates = createOtherGates(roster, writer, report);
  const common = { store: writer, roster };
  const path = { ...common, position, rules: rulesNow, senderFaults, otherGates, report };
  const pipeline = new Pipeline(path);
  const zones = new VetoZones(ports, settings.vetoZones, faults, signal);
  const vetoes = new VetoWatch(ports, { ...common, zones, pipeline });
  const proven = (...found: Parameters<Pipeline['refused']>) => vetoes.take(pipeline.refused(...found));
  const lookups = new LookupQueue(ports, { ...common, definitions: senders, proven }, signal);
  const expiry = createExpiry(config, writer, rulesNow, ports);
  const digests = createDigests(config, writer, rulesNow, ports);
  const refresher = createRefresher(ports, senders, config, writer, signal);
  const attached = ({ gateways, networks }: MailContainer) => {
    senderFaults.gateways(gateways);
    rules = withoutEngineNetworks(settings, networks);
  };
  return {
    ...{ position, roster, faults, writer, senderFaults, otherGates, pipeline, vetoes, lookups },
    ...{ expiry, digests, refresher, attached, rules: rulesNow },
  };
}

import type { Config } from '../config/settings.ts';
import { burstAlert, refusalAlert } from '../core/alerts/alert.ts';
import { counted, type DailyEvent } from '../core/alerts/days.ts';
import type { MailContainer } from '../core/engine/mail-container.ts';
import type { LogLine } from '../core/log/log-line.ts';
import { isLiveLine } from '../core/log/log-line.ts';
import { createPosition, stampTime } from '../core/log/position.ts';
import { parseEvent, readsAfresh } from '../core/log/postfix-event.ts';
import { type Address, type Network, parseAddress, parseNetwork } from '../core/net/network.ts';
import { entryOf } from '../core/policy/entry.ts';
import {
  afterGivingUp,
  afterPass,
  afterRefusal,
  decide,
  isOpen,
  openNetworks,
  type Rules,
  vetoZone,
} from '../core/policy/policy.ts';
import { createSessions, type Outcome, type Refusal } from '../core/postscreen/session.ts';
import { createRosters } from '../core/senders/roster.ts';
import type { Match } from '../core/senders/sender-index.ts';
import { limitEntries } from '../core/watch/dnsbl-fault.ts';
import type { Ports } from '../ports.ts';
import { createDigests } from './digests.ts';
import { createExpiry } from './expiry.ts';
import { followLog } from './follow.ts';
import { loadState } from './load-state.ts';
import { createIdentifier } from './lookup-queue.ts';
import { createMonitoring } from './monitoring.ts';
import { createOtherGates } from './other-gates.ts';
import { createRefresher } from './refresher.ts';
import { createEarlyRequests, createRequests, statusOf } from './requests.ts';
import { createSenderFaults } from './sender-faults.ts';
import { createThrottledAlerts } from './throttled-alerts.ts';
import { createVetoWatch } from './veto-watch.ts';
import { createWatchdog, watchedFiles } from './watchdog.ts';
import { createFaultMonitor } from './writer/fault-monitor.ts';
import { createStateKeeper } from './writer/state-keeper.ts';
import { createWriter } from './writer/writer.ts';

/** Entries whose time is over leave. */
const EACH_MINUTE = '* * * * *';
/** Other gates are told, and senders whose refresh was missed are asked. */
const HOURLY = '17 * * * *';
/** Refusals of one sender and gate: more in a minute are told together when it is over. */
const REFUSALS = { alone: 60, everyMs: 60_000 };
/** So that not everybody asks the same DNS server at the same minute. */
const REFRESH_JITTER_MS = 10 * 60_000;

/**
 * START READING HERE: the path of a log line, from top to bottom. What decides is pure (src/core); what changes
 * anything is the one writer. Ends when the signal aborts, after the write in hand. Rejects on a bug only.
 */
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
  const sessions = createSessions();
  const keeper = createStateKeeper(ports);
  const requests = createEarlyRequests();
  // First of all, since it sees whether another daemon works with this state directory.
  const control = await ports.control.serve(requests.handle, signal);
  const memory = { state: await loadState(config, ports, keeper) };
  const position = createPosition(memory.state.cursor);
  const rosterAt = createRosters(config.senders);
  const roster = () => rosterAt(memory.state.senders, clock.now());
  const faults = createFaultMonitor(clock, report, {
    read: () => memory.state.faults,
    write: (next) => {
      memory.state = { ...memory.state, faults: next };
    },
  });
  const senderFaults = createSenderFaults(faults);
  let rules: Rules = config.rules;
  let lag: number | null = null;

  const writer = createWriter(ports, keeper, faults, memory, {
    mode: config.mode,
    reloadIntervalMs: config.reloadIntervalMs,
    tableInContainer: config.tableInContainer,
    networksOf(entry) {
      return openNetworks(entry, roster().get(entry.sender), rules, memory.state.vetoes);
    },
    watch: (step) => watchdog.during('writer', step),
  });

  const refusals = createThrottledAlerts(REFUSALS, {
    read: () => writer.state.bursts,
    write: (bursts) => writer.update({ ...writer.state, bursts }),
    tell: (told) => report.alert('sender-refused', ...burstAlert(told)),
  });
  const otherGates = createOtherGates({ find: (address) => roster().find(address) }, writer, report);
  const identifier = createIdentifier(ports, config.senders, roster, writer, refused, signal);
  const expiry = createExpiry(config, writer, () => rules, ports);
  const vetoZones = config.rules.vetoZones;
  const vetoes = createVetoWatch(ports, faults, vetoZones, writer, { senderOf, decided }, signal);
  const digests = createDigests(config, writer, () => rules, ports);
  const refresher = createRefresher(ports, config.senders, config, writer, signal);

  async function readLog(): Promise<void> {
    for await (const lines of followLog(ports, faults, config, position, { attached, detached }, signal)) {
      for (const line of lines) handle(line);
      const last = lines.at(-1);
      if (last !== undefined) lag = (clock.now() - stampTime(last.stamp)) / 1000;
      writer.update({ ...writer.state, cursor: position.cursor, doubtMs: expiry.doubtMs });
      // No more of the log is read than can be reported.
      await watchdog.during('log', report.flushed());
    }
  }

  function handle(line: LogLine): void {
    const judged = position.judge(line);
    if (judged === 'seen') return;
    const at = stampTime(line.stamp);
    if (judged === 'new') expiry.line(at);
    // Only what has the mail host's own header came through its syslog.
    const text = isLiveLine(line.text) ? line.text : '';
    const event = parseEvent(text);
    if (judged === 'new') otherGates.take(text, event, at);
    if (event !== undefined) {
      const outcome = sessions.take(event, at);
      if (judged === 'new') monitoring.line(event);
      if (judged === 'new') senderFaults.event(event, at);
      if (judged === 'new' && readsAfresh(event)) writer.reloaded(at);
      if (judged === 'new' && event.kind === 'list_ignored') writer.warned(event.text ?? '');
      if (judged === 'new' && outcome !== undefined) settle(outcome);
    }
    if (judged === 'new') position.advance(line);
  }

  function settle(outcome: Outcome): void {
    const { ip, at } = outcome.kind === 'passed' ? outcome : outcome.refusal;
    const address = parseAddress(ip);
    if (address === undefined) return;
    senderFaults.client(address, outcome.kind === 'refused', at);
    const match = roster().find(address);
    if (match !== undefined) judge(outcome, address, match);
    else if (outcome.kind === 'refused') {
      count({ kind: 'stranger' }, at);
      identifier.take(outcome.refusal, address);
    }
  }

  function count(event: DailyEvent, at: number): void {
    writer.update(counted(writer.state, event, at));
  }

  function judge(outcome: Outcome, address: Address, match: Match): void {
    const { id: sender } = match.sender;
    if (outcome.kind === 'refused') refused(outcome.refusal, address, match);
    if (outcome.kind === 'gave-up') {
      const { state, refused: again } = afterGivingUp(writer.state, sender, outcome.refusal.at, rules);
      writer.update(state);
      if (again) refused(outcome.refusal, address, match);
    }
    if (outcome.kind === 'passed') {
      const { state, recoveredAfter: seconds } = afterPass(writer.state, sender, outcome);
      const { ip: client, at } = outcome;
      writer.update(state);
      if (outcome.allowlisted) {
        senderFaults.allowlisted(sender, at);
        vetoes.letIn(address);
      }
      if (seconds === null) return;
      report.alert('sender-recovered', `${sender} ${at}`, { sender, client, seconds });
      count({ kind: 'recovered', sender }, at);
    }
  }

  function refused(refusal: Refusal, address: Address, match: Match): void {
    const { state } = writer;
    const { id: sender } = match.sender;
    const decision = decide(address, match, refusal, state, rules);
    const alert = refusalAlert(refusal, match, decision, position.container ?? '');
    refusals.take(`${sender} ${refusal.gate}`, alert, refusal.at);
    const open = isOpen(state, match.sender, address, rules) ? entryOf(state, sender) : undefined;
    const { faultyZone, isStillRefused } = senderFaults.refused(sender, refusal, open);
    const lastRefusal = { sender, client: refusal.ip, gate: refusal.gate, at: refusal.at };
    const after = afterRefusal(writer.state, { refusal, match, address }, decision, rules);
    const limited = faultyZone === undefined ? after : limitEntries(after, faultyZone, refusal.at);
    writer.update({ ...limited, lastRefusal });
    if (decision.reason === 'veto-unknown') vetoes.take(refusal);
    if (decision.reason === 'vetoed-by-dnsbl') vetoes.listed(address, vetoZone(refusal, rules) ?? '');
    if (decision.kind === 'keep') vetoes.letIn(address);
    count({ kind: 'refused', sender, gate: refusal.gate, zones: refusal.zones }, refusal.at);
    if (isStillRefused) count({ kind: 'still-refused', sender }, refusal.at);
  }

  function senderOf(address: Address): string | null {
    return roster().find(address)?.sender.id ?? null;
  }

  /** No zone with a veto lists the address of a refusal that was reported as waiting for that. */
  function decided(refusal: Refusal, address: Address): void {
    const match = roster().find(address);
    if (match === undefined) return;
    const decision = decide(address, match, refusal, writer.state, rules);
    const after = afterRefusal(writer.state, { refusal, match, address }, decision, rules);
    const faultyZone = senderFaults.faultyZone(refusal);
    writer.update(faultyZone === undefined ? after : limitEntries(after, faultyZone, refusal.at));
  }

  function attached(container: MailContainer): void {
    senderFaults.gateways(container.gateways);
    rules = { ...config.rules, never: [...config.rules.never, ...networksOf(container)] };
    expiry.following(true);
    writer.serve(container);
    identifier.resume();
    vetoes.resume();
  }

  function detached(): void {
    expiry.following(false);
    writer.serve(null);
  }

  function eachMinute(): void {
    expiry.minute();
    senderFaults.eachMinute(writer.state.entries, clock.now());
    refusals.tellDue(clock.now());
    identifier.resume();
    vetoes.resume();
  }

  async function hourly(): Promise<void> {
    tellMissed();
    await refresher.due();
  }

  function tellMissed(): void {
    otherGates.tellDue(clock.now());
    digests.tellMissed();
  }

  const refreshAll = async () => void (await refresher.all());
  const eachHour = clock.cron(HOURLY, hourly, signal);
  const refreshes = clock.cron(config.refresh.cron, refreshAll, signal, REFRESH_JITTER_MS);
  const jobs = [eachHour, refreshes, clock.cron(EACH_MINUTE, eachMinute, signal)];
  if (config.digest !== null) jobs.push(clock.cron(config.digest.cron, digests.tell, signal));
  const next = () => ({ hourly: eachHour.next(), refresh: refreshes.next() });
  const running = {
    version,
    config,
    clock,
    report,
    writer,
    refresher,
    table: ports.table,
    rules: () => rules,
    next,
    lag: () => lag,
    droppedQuestions: () => identifier.dropped() + vetoes.dropped(),
  };
  requests.ready(createRequests(running));
  const monitor = await ports.monitor?.serve(
    monitoring.pages(() => statusOf(running)),
    signal,
  );
  report.alert('started', `${version} ${clock.now()}`, {
    version,
    mode: config.mode,
    container: config.container,
    table: config.table,
    senders: config.senders.length,
    networks: roster().senders.reduce((sum, { networks }) => sum + networks.length, 0),
    entries: memory.state.entries.length,
  });
  tellMissed();
  const ends = [readLog(), writer.run(signal), refresher.starting(), control.ended, monitor?.ended];
  await Promise.all([watchdog.run(faults, signal), ...ends, ...jobs.map(({ ended }) => ended)]);
  refusals.tellRest();
  identifier.reportRest();
  vetoes.reportRest();
  otherGates.tellRest();
  // What came after the writer's last look is saved as well, so that the next start does not handle it again.
  await writer.save();
  report.alert('stopping', `${version} ${clock.now()}`, {
    signal: String(signal.reason),
    entries: writer.state.entries.length,
  });
  await report.flushed();
}

/** The Engine writes host bits; what cannot be read is none of our address space anyway. */
function networksOf(container: MailContainer): Network[] {
  return container.networks.map(parseNetwork).flatMap((parsed) => (parsed.ok ? [parsed.value] : []));
}

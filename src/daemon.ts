import type { Config } from './config.ts';
import { refusalAlert } from './core/alert.ts';
import { type Address, type Network, parseAddress, parseNetwork } from './core/network.ts';
import {
  afterGivingUp,
  afterPass,
  afterRefusal,
  decide,
  expired,
  openNetworks,
  type Rules,
} from './core/policy.ts';
import { createPosition, stampTime } from './core/position.ts';
import { parseEvent, readsAfresh } from './core/postfix-event.ts';
import { createRosters } from './core/roster.ts';
import type { Match } from './core/sender-index.ts';
import { createSessions, type Outcome, type Refusal } from './core/session.ts';
import { followLog } from './follow.ts';
import { createIdentifier } from './identify.ts';
import type { LogLine, MailContainer, Ports } from './ports.ts';
import { recall } from './recall.ts';
import { createRefresher } from './refresh.ts';
import { createRequests } from './requests.ts';
import { createWriter } from './writer/writer.ts';

/** At this time of each hour entries whose time is over leave, and senders whose refresh was missed are asked. */
const HOURLY = '17 * * * *';
/** So that not everybody asks the same DNS server at the same minute. */
const REFRESH_JITTER_MS = 10 * 60_000;

/**
 * START READING HERE: the path of a log line, from top to bottom. What decides is pure (src/core); what changes
 * anything is the one writer. Ends when the signal aborts, after the write in hand. Rejects on a bug only.
 */
export async function runDaemon(
  config: Config,
  ports: Ports,
  version: string,
  signal: AbortSignal,
): Promise<void> {
  const { clock, report } = ports;
  const sessions = createSessions();
  const remembered = await recall(config, ports);
  const position = createPosition(remembered.cursor);
  const rosterAt = createRosters(config.senders);
  const roster = () => rosterAt(writer.state.senders, clock.now());
  let rules: Rules = config.rules;

  const writer = createWriter(ports, remembered, {
    mode: config.mode,
    reloadIntervalMs: config.reloadIntervalMs,
    tableInContainer: config.tableInContainer,
    networksOf(entry) {
      const sender = roster().get(entry.sender);
      return sender === undefined ? [] : openNetworks(entry, sender, rules);
    },
  });

  const identifier = createIdentifier(ports, config.senders, roster, writer, refused, signal);
  const refresher = createRefresher(ports, config.senders, config.refresh.everyMs, writer, signal);

  async function readLog(): Promise<void> {
    for await (const lines of followLog(ports, config, position, { attached, detached }, signal)) {
      for (const line of lines) handle(line);
      writer.update({ ...writer.state, cursor: position.cursor });
    }
  }

  function handle(line: LogLine): void {
    const judged = position.judge(line);
    if (judged === 'seen') return;
    const event = parseEvent(line.text);
    // Only what has the mail host's own stamp came through its syslog.
    if (event !== undefined && event.stamp !== null) {
      const at = stampTime(line.stamp);
      const outcome = sessions.take(event, at);
      if (judged === 'new' && readsAfresh(event)) writer.reloaded(at);
      if (judged === 'new' && outcome !== undefined) settle(outcome);
    }
    if (judged === 'new') position.advance(line);
  }

  function settle(outcome: Outcome): void {
    const address = parseAddress(outcome.kind === 'passed' ? outcome.ip : outcome.refusal.ip);
    if (address === undefined) return;
    const match = roster().find(address);
    if (match === undefined) {
      if (outcome.kind === 'refused') identifier.take(outcome.refusal, address);
      return;
    }
    const { id } = match.sender;
    if (outcome.kind === 'passed') {
      const { state, recoveredAfter: seconds } = afterPass(writer.state, id, outcome);
      if (seconds !== null)
        report.alert('sender-recovered', `${id} ${outcome.at}`, { sender: id, client: outcome.ip, seconds });
      writer.update(state);
      return;
    }
    if (outcome.kind === 'gave-up') {
      const { state, refused: again } = afterGivingUp(writer.state, id, outcome.refusal.at, rules);
      writer.update(state);
      if (!again) return;
    }
    refused(outcome.refusal, address, match);
  }

  function refused(refusal: Refusal, address: Address, match: Match): void {
    const decision = decide(address, match, refusal, writer.state, rules);
    const container = position.cursor?.container ?? '';
    report.alert('sender-refused', ...refusalAlert(refusal, match, decision, container));
    writer.update(afterRefusal(writer.state, { refusal, match, address }, decision, rules));
  }

  function attached(container: MailContainer): void {
    rules = { ...config.rules, never: [...config.rules.never, ...networksOf(container)] };
    writer.serve(container);
    identifier.resume();
  }

  function detached(): void {
    writer.serve(null);
  }

  function expire(): void {
    const gone = expired(writer.state, clock.now(), rules, config.preseed);
    for (const { sender, since, lastSeen } of gone) {
      const times = { since: new Date(since).toISOString(), lastSeen: new Date(lastSeen).toISOString() };
      report.alert('entry-expired', `${sender} ${times.since}`, { sender, ...times });
    }
    if (gone.length > 0)
      writer.update({ ...writer.state, entries: writer.state.entries.filter((e) => !gone.includes(e)) });
  }

  function hourly(): void {
    expire();
    void refresher.due();
  }

  const control = await ports.control.serve(createRequests(config.senders, refresher), signal);
  report.alert('started', `${version} ${clock.now()}`, {
    version,
    mode: config.mode,
    container: config.container,
    table: config.table,
    senders: config.senders.length,
    networks: roster().senders.reduce((sum, { networks }) => sum + networks.length, 0),
    entries: remembered.entries.length,
  });
  hourly();
  clock.cron(HOURLY, hourly, signal);
  clock.cron(config.refresh.cron, () => void refresher.all(), signal, REFRESH_JITTER_MS);
  await Promise.all([readLog(), writer.run(signal), control.ended]);
  report.alert('stopping', `${version} ${clock.now()}`, {
    signal: String(signal.reason),
    entries: writer.state.entries.length,
  });
}

/** The Engine writes host bits; what cannot be read is none of our address space anyway. */
function networksOf(container: MailContainer): Network[] {
  return container.networks.map(parseNetwork).flatMap((parsed) => (parsed.ok ? [parsed.value] : []));
}

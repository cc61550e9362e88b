import type { Config } from './config.ts';
import { refusalAlert } from './core/alert.ts';
import { type Network, parseAddress, parseNetwork } from './core/network.ts';
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
import { buildSenderIndex } from './core/sender-index.ts';
import { createSessions, type Outcome } from './core/session.ts';
import { followLog } from './follow.ts';
import type { LogLine, MailContainer, Ports } from './ports.ts';
import { recall } from './recall.ts';
import { createWriter } from './writer/writer.ts';

/** Entries whose time is over leave at this time of each hour. */
const EXPIRE_AT = '17 * * * *';

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
  const senders = new Map(config.senders.map((sender) => [sender.id, sender]));
  const index = buildSenderIndex(config.senders);
  const sessions = createSessions();
  const remembered = await recall(config, ports);
  const position = createPosition(remembered.cursor);
  let rules: Rules = config.rules;

  const writer = createWriter(ports, remembered, {
    mode: config.mode,
    reloadIntervalMs: config.reloadIntervalMs,
    tableInContainer: config.tableInContainer,
    networksOf(entry) {
      const sender = senders.get(entry.sender);
      return sender === undefined ? [] : openNetworks(entry, sender, rules);
    },
  });

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
    const match = address === undefined ? undefined : index.find(address);
    if (address === undefined || match === undefined) return;
    const { id } = match.sender;
    if (outcome.kind === 'passed') {
      const { state, recoveredAfter: seconds } = afterPass(writer.state, id, outcome);
      if (seconds !== null)
        report.alert('sender-recovered', `${id} ${outcome.at}`, { sender: id, client: outcome.ip, seconds });
      writer.update(state);
      return;
    }
    const { refusal } = outcome;
    if (outcome.kind === 'gave-up') {
      const { state, refused } = afterGivingUp(writer.state, id, refusal.at, rules);
      writer.update(state);
      if (!refused) return;
    }
    const decision = decide(address, match, refusal, writer.state, rules);
    report.alert('sender-refused', ...refusalAlert(refusal, id, decision, position.cursor?.container ?? ''));
    writer.update(afterRefusal(writer.state, { refusal, match, address }, decision, rules));
  }

  function attached(container: MailContainer): void {
    rules = { ...config.rules, never: [...config.rules.never, ...networksOf(container)] };
    writer.serve(container);
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

  report.alert('started', `${version} ${clock.now()}`, {
    version,
    mode: config.mode,
    container: config.container,
    table: config.table,
    senders: config.senders.length,
    networks: config.senders.reduce((sum, { networks }) => sum + networks.length, 0),
    entries: remembered.entries.length,
  });
  expire();
  clock.cron(EXPIRE_AT, expire, signal);
  await Promise.all([readLog(), writer.run(signal)]);
  report.alert('stopping', `${version} ${clock.now()}`, {
    signal: String(signal.reason),
    entries: writer.state.entries.length,
  });
}

/** The Engine writes host bits; what cannot be read is none of our address space anyway. */
function networksOf(container: MailContainer): Network[] {
  return container.networks.map(parseNetwork).flatMap((parsed) => (parsed.ok ? [parsed.value] : []));
}

import type { Bursts } from '../core/alerts/burst.ts';
import { isReserved } from '../core/net/limits.ts';
import { type Address, hostNetwork, parseAddress } from '../core/net/network.ts';
import type { Refusal } from '../core/postscreen/session.ts';
import { type Identity, identify } from '../core/senders/identity.ts';
import { knowledgeOf, withProof } from '../core/senders/knowledge.ts';
import {
  createStrangers,
  createTurns,
  type Question,
  withoutAnswer,
  withQuestion,
} from '../core/senders/questions.ts';
import type { Roster } from '../core/senders/roster.ts';
import type { SenderDefinition } from '../core/senders/sender.ts';
import type { Match } from '../core/senders/sender-index.ts';
import type { Ports } from '../ports.ts';
import { inTime } from './in-time.ts';
import { createThrottledAlerts } from './throttled-alerts.ts';
import type { Writer } from './writer/writer.ts';

const DEADLINE_MS = 30_000;
/** Dropped questions: the first is reported at once, the others together. */
const DROPS = { alone: 1, everyMs: 3_600_000 };

export interface Identifier {
  /** Takes a refusal of an address that is in no list. Whether anything comes of it is known later. */
  take(refusal: Refusal, address: Address): void;
  /** Asks what is due, also what an earlier process left. However often it is called, it asks no more. */
  resume(): void;
  /** Refusals since the start for which there was no room. */
  dropped(): number;
  /** Reports what was dropped and is not reported yet. */
  reportRest(): void;
}

/**
 * Asks DNS whose a refused address is, off the path of the log. What is asked is kept in the state until it is answered,
 * so that a restart forgets nothing. `proven` is called before the proof is part of the roster.
 */
export function createIdentifier(
  { clock, resolver, report }: Pick<Ports, 'clock' | 'resolver' | 'report'>,
  definitions: readonly SenderDefinition[],
  roster: () => Roster,
  writer: Pick<Writer, 'state' | 'update'>,
  proven: (refusal: Refusal, address: Address, match: Match) => void,
  signal: AbortSignal,
): Identifier {
  const underWay = new Set<string>();
  const turns = createTurns();
  const nobodies = createStrangers();
  let bursts: Bursts<Refusal> = [];
  let dropped = 0;
  const drops = createThrottledAlerts(DROPS, {
    read: () => bursts,
    write: (next) => {
      bursts = next;
    },
    report: ({ first, last, count }) =>
      report.alert('questions-dropped', `${first.ip} ${new Date(first.at).toISOString()}`, {
        client: last.ip,
        count,
      }),
  });

  function take(refusal: Refusal, address: Address): void {
    if (isReserved(address) || nobodies.has(address, clock.now())) return;
    const after = withQuestion(writer.state.questions, refusal);
    drop(after.dropped);
    writer.update({ ...writer.state, questions: after.questions });
    askDue();
  }

  function drop(questions: readonly Question[]): void {
    dropped += questions.length;
    for (const { refusal } of questions) drops.take('', refusal, clock.now());
  }

  function askDue(): void {
    for (const ip of turns.next(writer.state.questions, underWay, clock.now())) {
      const address = parseAddress(ip);
      if (address !== undefined) void ask(ip, address);
    }
  }

  /** The answer is for all refusals of the address that wait when it comes. */
  async function ask(ip: string, address: Address): Promise<void> {
    underWay.add(ip);
    const at = clock.now();
    const asked = identify(address, definitions, roster().unlistable, resolver);
    const late = { kind: 'unknown', reason: 'no answer in time' } as const;
    const identity = await inTime<Identity>(clock, DEADLINE_MS, signal, asked, late);
    underWay.delete(ip);
    if (signal.aborted) return;
    if (identity.kind === 'unknown') {
      keep(ip, at, identity.reason);
      return;
    }
    const { questions } = writer.state;
    const answered = questions.filter(({ refusal }) => refusal.ip === ip);
    writer.update({ ...writer.state, questions: questions.filter((one) => !answered.includes(one)) });
    if (identity.kind === 'no-sender') nobodies.add(address, clock.now());
    else for (const { refusal } of answered) settle(refusal, address, identity);
  }

  /** Failed is not nobody: it may have been a watched sender, which is reported as soon as DNS answers. */
  function keep(ip: string, at: number, reason: string): void {
    const after = withoutAnswer(writer.state.questions, ip, at);
    writer.update({ ...writer.state, questions: after.questions });
    drop(after.dropped);
    if (after.givenUp.length > 0) report.info(`DNS did not say for an hour whose ${ip} is: ${reason}`);
  }

  function settle(
    refusal: Refusal,
    address: Address,
    { sender: definition, by }: Extract<Identity, { kind: 'proven' }>,
  ): void {
    const network = hostNetwork(address);
    const sender = roster().get(definition.id);
    if (sender === undefined) return;
    proven(refusal, address, { sender, network, evidence: by });
    const { senders } = writer.state;
    const knowledge = withProof(knowledgeOf(definition, senders), network, by, clock.now());
    writer.update({ ...writer.state, senders: { ...senders, [definition.id]: knowledge } });
  }

  return {
    take,
    resume() {
      drops.reportDue(clock.now());
      askDue();
    },
    dropped: () => dropped,
    reportRest: drops.reportRest,
  };
}

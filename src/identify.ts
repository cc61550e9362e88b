import { type Identity, identify } from './core/identify.ts';
import { knowledgeOf, withProof } from './core/knowledge.ts';
import { type Address, formatAddress, hostNetwork, parseAddress } from './core/network.ts';
import { isReserved } from './core/policy.ts';
import type { Roster } from './core/roster.ts';
import type { SenderDefinition } from './core/sender.ts';
import type { Match } from './core/sender-index.ts';
import type { Refusal } from './core/session.ts';
import { inTime } from './in-time.ts';
import type { Ports } from './ports.ts';
import type { Writer } from './writer/writer.ts';

/** Refusals that wait for an answer, and those a minute: a flood of strangers must not become a flood of questions. */
const MOST_OPEN = 50;
const MOST_A_MINUTE = 120;
const MINUTE_MS = 60_000;
/** Refusals to which DNS gave no answer are asked about again each minute: so many, so often. */
const MOST_UNANSWERED = 50;
const MOST_TRIES = 60;
/** An address that is nobody's is not asked about again for so long. */
const NOBODY_MS = 3_600_000;
const MOST_NOBODIES = 10_000;
const DEADLINE_MS = 30_000;

export interface Identifier {
  /** Takes a refusal of an address that is in no list. Whether anything comes of it is known later. */
  take(refusal: Refusal, address: Address): void;
  /** Asks again what got no answer, in an earlier process or in this one. */
  resume(): void;
}

/**
 * Asks DNS whose a refused address is, off the path of the log. What is asked stands in the state until it is answered,
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
  const underWay = new Map<string, Promise<Identity>>();
  const waiting = new Set<Refusal>();
  /** How often DNS was asked in vain. */
  const tries = new Map<Refusal, number>();
  const nobodies = new Map<string, number>();
  let minute = { since: Number.NEGATIVE_INFINITY, asked: 0, full: false };

  function take(refusal: Refusal, address: Address): void {
    if (isReserved(address)) return;
    const text = formatAddress(address);
    const until = nobodies.get(text);
    if (until !== undefined && clock.now() < until) return;
    if (waiting.size >= MOST_OPEN) return;
    if (!underWay.has(text) && !admit()) return;
    writer.update({ ...writer.state, questions: [...writer.state.questions, refusal] });
    void answer(refusal, address, text);
  }

  function admit(): boolean {
    const now = clock.now();
    if (Math.abs(now - minute.since) >= MINUTE_MS) minute = { since: now, asked: 0, full: false };
    minute.asked += 1;
    if (minute.asked <= MOST_A_MINUTE) return true;
    if (!minute.full)
      report.info(`more than ${MOST_A_MINUTE} refused strangers in a minute: not all are looked up`);
    minute.full = true;
    return false;
  }

  async function answer(refusal: Refusal, address: Address, text: string): Promise<void> {
    waiting.add(refusal);
    const question = underWay.get(text) ?? ask(address);
    underWay.set(text, question);
    const identity = await question;
    underWay.delete(text);
    if (signal.aborted) return;
    waiting.delete(refusal);
    if (identity.kind === 'unknown' && isWorthAnother(refusal)) return;
    const isGivenUp = tries.delete(refusal);
    const questions = writer.state.questions.filter((one) => one !== refusal);
    writer.update({ ...writer.state, questions });
    if (identity.kind === 'proven') settle(refusal, address, identity);
    else if (identity.kind === 'nobody') remember(text);
    // In a flood without DNS there are too many to tell of each.
    else report[isGivenUp ? 'info' : 'debug'](`nobody could say whose ${text} is: ${identity.reason}`);
  }

  /** Failed is not nobody: it may have been a watched sender, which is told as soon as DNS answers. */
  function isWorthAnother(refusal: Refusal): boolean {
    const tried = (tries.get(refusal) ?? 0) + 1;
    const isNew = tried === 1;
    if (tried >= MOST_TRIES || (isNew && tries.size >= MOST_UNANSWERED)) return false;
    tries.set(refusal, tried);
    return true;
  }

  function ask(address: Address): Promise<Identity> {
    const identity = identify(address, definitions, roster().unlistable, resolver);
    return inTime(clock, DEADLINE_MS, signal, identity, { kind: 'unknown', reason: 'no answer in time' });
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

  function remember(text: string): void {
    nobodies.delete(text);
    nobodies.set(text, clock.now() + NOBODY_MS);
    const [oldest] = nobodies.keys();
    if (nobodies.size > MOST_NOBODIES && oldest !== undefined) nobodies.delete(oldest);
  }

  return {
    take,
    resume() {
      for (const refusal of writer.state.questions.filter((one) => !waiting.has(one))) {
        const address = parseAddress(refusal.ip);
        if (address !== undefined) void answer(refusal, address, formatAddress(address));
      }
    },
  };
}

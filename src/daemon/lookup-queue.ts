// Asks DNS whose a refused address is, off the path of the log. The questions are kept in the state until DNS answers, so that a
// restart forgets none. How an address is identified is in core/senders.

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
const LATE = { kind: 'unknown', reason: 'no answer in time' } as const;

type LookupPorts = Pick<Ports, 'clock' | 'resolver' | 'report'>;

interface LookupParts {
  readonly definitions: readonly SenderDefinition[];
  readonly roster: () => Roster;
  readonly store: Pick<Writer, 'state' | 'update'>;
  /** Called before the proof is part of the roster. */
  readonly proven: (refusal: Refusal, address: Address, match: Match) => void;
}

export class LookupQueue {
  readonly #ports: LookupPorts;
  readonly #parts: LookupParts;
  readonly #signal: AbortSignal;
  readonly #drops;
  readonly #underWay = new Set<string>();
  readonly #turns = createTurns();
  readonly #strangers = createStrangers();
  #dropped = 0;

  constructor(ports: LookupPorts, parts: LookupParts, signal: AbortSignal) {
    this.#ports = ports;
    this.#parts = parts;
    this.#signal = signal;
    let bursts: Bursts<Refusal> = [];
    this.#drops = createThrottledAlerts(DROPS, {
      read: () => bursts,
      write: (next) => {
        bursts = next;
      },
      report: ({ first, last, count }) => {
        const id = `${first.ip} ${new Date(first.at).toISOString()}`;
        ports.report.alert('questions-dropped', id, { client: last.ip, count });
      },
    });
  }

  /** Takes a refusal of an address that is in no list. DNS answers later. */
  take(refusal: Refusal, address: Address): void {
    const { store } = this.#parts;
    if (isReserved(address) || this.#strangers.has(address, this.#ports.clock.now())) return;
    const after = withQuestion(store.state.questions, refusal);
    this.#drop(after.dropped);
    store.update({ ...store.state, questions: after.questions });
    this.#askDue();
  }

  /** Asks what is due, also what an earlier process left. However often it is called, it asks no more. */
  resume(): void {
    this.#drops.reportDue(this.#ports.clock.now());
    this.#askDue();
  }

  /** Refusals since the start for which there was no room. */
  dropped(): number {
    return this.#dropped;
  }

  /** Reports what was dropped and is not reported yet. */
  reportRest(): void {
    this.#drops.reportRest();
  }

  #drop(questions: readonly Question[]): void {
    this.#dropped += questions.length;
    for (const { refusal } of questions) this.#drops.take('', refusal, this.#ports.clock.now());
  }

  #askDue(): void {
    const { questions } = this.#parts.store.state;
    for (const ip of this.#turns.next(questions, this.#underWay, this.#ports.clock.now())) {
      const address = parseAddress(ip);
      if (address !== undefined) void this.#ask(ip, address);
    }
  }

  /** The answer is for all refusals of the address that wait when it comes. */
  async #ask(ip: string, address: Address): Promise<void> {
    const { definitions, roster, store } = this.#parts;
    const { clock, resolver } = this.#ports;
    this.#underWay.add(ip);
    const at = clock.now();
    const asked = identify(address, definitions, roster().unlistable, resolver);
    const identity = await inTime<Identity>(clock, DEADLINE_MS, this.#signal, asked, LATE);
    this.#underWay.delete(ip);
    if (this.#signal.aborted) return;
    if (identity.kind === 'unknown') {
      this.#keep(ip, at, identity.reason);
      return;
    }
    const { questions } = store.state;
    const answered = questions.filter(({ refusal }) => refusal.ip === ip);
    store.update({ ...store.state, questions: questions.filter((one) => !answered.includes(one)) });
    if (identity.kind === 'no-sender') this.#strangers.add(address, clock.now());
    else for (const { refusal } of answered) this.#settle(refusal, address, identity);
  }

  /** A lookup that failed may concern a watched sender, which is reported as soon as DNS answers. */
  #keep(ip: string, at: number, reason: string): void {
    const { store } = this.#parts;
    const after = withoutAnswer(store.state.questions, ip, at);
    store.update({ ...store.state, questions: after.questions });
    this.#drop(after.dropped);
    if (after.givenUp.length > 0)
      this.#ports.report.info(`for an hour, DNS gave no answer to whose address ${ip} is: ${reason}`);
  }

  #settle(refusal: Refusal, address: Address, identity: Extract<Identity, { kind: 'proven' }>): void {
    const { roster, store, proven } = this.#parts;
    const { sender: definition, by } = identity;
    const network = hostNetwork(address);
    const sender = roster().get(definition.id);
    if (sender === undefined) return;
    proven(refusal, address, { sender, network, evidence: by });
    const { senders } = store.state;
    const knowledge = withProof(knowledgeOf(definition, senders), network, by, this.#ports.clock.now());
    store.update({ ...store.state, senders: { ...senders, [definition.id]: knowledge } });
  }
}

// Decides which addresses the zones of SCREENPASS_VETO_DNSBL are asked about, and keeps what they list out of the table. How
// they are asked is in veto-zones.ts; what a listing means for an entry is decided in core/policy.

import type { AlertFields } from '../core/alerts/alert.ts';
import type { Bursts } from '../core/alerts/burst.ts';
import { createMemory } from '../core/base/bounded-memory.ts';
import { type Address, formatAddress, parseAddress } from '../core/net/network.ts';
import type { Veto } from '../core/policy/entry.ts';
import {
  CLEARED_MS,
  dueVetoes,
  isVetoed,
  withClear,
  withFreshAnswers,
  withListing,
  withoutAnswer,
} from '../core/policy/veto.ts';
import { listingZone } from '../core/policy/veto-answer.ts';
import type { Refusal } from '../core/postscreen/session.ts';
import { createTurns, withoutAnswer as retried, withQuestion } from '../core/senders/questions.ts';
import type { Roster } from '../core/senders/roster.ts';
import type { Ports } from '../ports.ts';
import type { Pipeline, VetoTask } from './pipeline.ts';
import { createThrottledAlerts } from './throttled-alerts.ts';
import type { VetoZones } from './veto-zones.ts';
import type { Writer } from './writer/writer.ts';

/** Addresses that the table lets in wait for their turn, and so many are asked about at a time, once an hour each. */
const MOST_WAITING = 1_000;
const AT_ONCE = 20;
const MOST_KNOWN = 10_000;
/** A zone that lists everything makes one alert an hour beyond these. */
const ALERTS = { alone: 20, everyMs: 3_600_000 };
type VetoWatchPorts = Pick<Ports, 'clock' | 'report'>;

interface VetoWatchParts {
  readonly zones: VetoZones;
  readonly store: Pick<Writer, 'state' | 'update'>;
  readonly roster: () => Roster;
  readonly pipeline: Pick<Pipeline, 'decideCleared'>;
}

export class VetoWatch {
  readonly #ports: VetoWatchPorts;
  readonly #parts: VetoWatchParts;
  readonly #zones: VetoZones;
  readonly #alerts;
  readonly #underWay = new Set<string>();
  readonly #waiting = new Map<string, Address>();
  readonly #known = createMemory<{ since: number }>({ open: MOST_KNOWN, ageMs: CLEARED_MS });
  readonly #turns = createTurns();
  #dropped = 0;

  constructor(ports: VetoWatchPorts, parts: VetoWatchParts) {
    this.#ports = ports;
    this.#parts = parts;
    this.#zones = parts.zones;
    let bursts: Bursts<AlertFields['sender-vetoed']> = [];
    this.#alerts = createThrottledAlerts(ALERTS, {
      read: () => bursts,
      write: (next) => {
        bursts = next;
      },
      report: ({ first, last, count }) => {
        const fields = count === 1 ? last : { ...last, count };
        ports.report.alert('sender-vetoed', `${first.client} ${first.at}`, fields);
      },
    });
  }

  /** Does what the pipeline leaves to do. */
  take(tasks: readonly VetoTask[]): void {
    for (const task of tasks) this.#take(task);
  }

  #take(task: VetoTask): void {
    switch (task.kind) {
      case 'ask':
        this.#askBefore(task.refusal);
        return;
      case 'listed':
        this.#listed(task.address, task.zone);
        return;
      case 'let-in':
        this.#letIn(task.address);
    }
  }

  /** Asks what is due, also what an earlier process left. However often it is called, it asks no more. */
  resume(): void {
    const { store } = this.#parts;
    const now = this.#ports.clock.now();
    this.#alerts.reportDue(now);
    const state = withFreshAnswers(store.state, now);
    if (state !== store.state) store.update(state);
    for (const address of dueVetoes(store.state, now)) this.#wait(address);
    this.#askWaiting();
    this.#askRefused();
    void this.#zones.askSilent();
  }

  /** Questions since the start for which there was no room. */
  dropped(): number {
    return this.#dropped;
  }

  /** Reports what is not reported yet. */
  reportRest(): void {
    this.#alerts.reportRest();
  }

  #askBefore(refusal: Refusal): void {
    const { store } = this.#parts;
    const after = withQuestion(store.state.vetoQuestions, refusal);
    store.update({ ...store.state, vetoQuestions: after.questions });
    this.#drop(after.dropped.length);
    this.#askRefused();
  }

  #listed(address: Address, zone: string): void {
    if (isVetoed(this.#parts.store.state, address)) return;
    this.#keepOut(address, zone, null);
    this.#wait(address);
    this.#askWaiting();
  }

  /** Asks about it, unless the zones were asked within the hour. */
  #letIn(address: Address): void {
    if (this.#zones.size === 0 || this.#known.get(formatAddress(address)) !== undefined) return;
    this.#wait(address);
    this.#askWaiting();
  }

  #wait(address: Address): void {
    const text = formatAddress(address);
    if (this.#underWay.has(text) || this.#waiting.has(text)) return;
    if (this.#waiting.size >= MOST_WAITING) this.#drop(1);
    else this.#waiting.set(text, address);
  }

  #drop(count: number): void {
    this.#dropped += count;
    if (count > 0)
      this.#ports.report.info('a question to SCREENPASS_VETO_DNSBL was dropped: too many are waiting');
  }

  #askWaiting(): void {
    for (const [text, address] of this.#waiting) {
      if (this.#underWay.size >= AT_ONCE) return;
      this.#waiting.delete(text);
      if (!this.#underWay.has(text)) void this.#examine(address);
    }
  }

  #askRefused(): void {
    const { vetoQuestions } = this.#parts.store.state;
    for (const ip of this.#turns.next(vetoQuestions, this.#underWay, this.#ports.clock.now())) {
      const address = parseAddress(ip);
      if (address !== undefined) void this.#examine(address);
    }
  }

  async #examine(address: Address): Promise<void> {
    const text = formatAddress(address);
    const at = this.#ports.clock.now();
    this.#underWay.add(text);
    const answer = await this.#zones.ask(address);
    this.#underWay.delete(text);
    if (answer === null) return;
    this.#known.set(text, { since: at });
    const zone = listingZone(answer);
    if (zone !== undefined) this.#keepOut(address, zone, at);
    else if (answer.kind === 'clear') this.#clear(address, at);
    else this.#keepAsking(address, at);
    this.#askWaiting();
  }

  #keepOut(address: Address, zone: string, askedAt: number | null): void {
    const { store, roster } = this.#parts;
    const client = formatAddress(address);
    const now = this.#ports.clock.now();
    const { state, isNew, dropped: oldest } = withListing(store.state, address, zone, now, askedAt);
    const vetoQuestions = state.vetoQuestions.filter(({ refusal }) => refusal.ip !== client);
    store.update({ ...state, vetoQuestions });
    const sender = roster().find(address)?.sender.id ?? null;
    if (isNew) this.#alerts.take(zone, { sender, client, zone, at: new Date(now).toISOString() }, now);
    if (oldest !== null) this.#reportEnd(oldest, 'there are too many vetoed addresses');
  }

  #clear(address: Address, at: number): void {
    const { store, pipeline } = this.#parts;
    const text = formatAddress(address);
    const { state, ended } = withClear(store.state, address, at);
    const answered = state.vetoQuestions.filter(({ refusal }) => refusal.ip === text);
    const vetoQuestions = state.vetoQuestions.filter((one) => !answered.includes(one));
    store.update({ ...state, vetoQuestions });
    if (ended !== null) this.#reportEnd(ended, 'no zone lists it any more');
    for (const { refusal } of answered) pipeline.decideCleared(refusal, address);
  }

  #reportEnd({ address: client, zone, since }: Veto, why: string): void {
    const { clock, report } = this.#ports;
    const seconds = Math.round(Math.max(0, clock.now() - since) / 1000);
    report.alert('veto-ended', `${client} ${new Date(since).toISOString()}`, { client, zone, seconds, why });
  }

  /** Unknown is not clear: nothing is opened, and nothing that is vetoed returns. */
  #keepAsking(address: Address, at: number): void {
    const { store } = this.#parts;
    const text = formatAddress(address);
    this.#known.delete(text);
    const state = withoutAnswer(store.state, address, this.#ports.clock.now());
    const after = retried(state.vetoQuestions, text, at);
    store.update({ ...state, vetoQuestions: after.questions });
    this.#drop(after.dropped.length);
    if (after.givenUp.length > 0)
      this.#ports.report.info(
        `SCREENPASS_VETO_DNSBL gave no answer about ${text} for an hour; its next refusal asks again`,
      );
  }
}

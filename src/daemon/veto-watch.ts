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
import {
  askVetoes,
  listingZone,
  silence,
  TEST_ENTRIES,
  type VetoAnswer,
} from '../core/policy/veto-answer.ts';
import type { Refusal } from '../core/postscreen/session.ts';
import { createTurns, withoutAnswer as retried, withQuestion } from '../core/senders/questions.ts';
import type { Roster } from '../core/senders/roster.ts';
import type { Ports } from '../ports.ts';
import { inTime } from './in-time.ts';
import type { Pipeline, VetoTask } from './pipeline.ts';
import { createThrottledAlerts } from './throttled-alerts.ts';
import type { FaultMonitor } from './writer/fault-monitor.ts';
import type { Writer } from './writer/writer.ts';

/** Addresses that the table lets in wait for their turn, and are asked about so many at a time, once an hour each. */
const MOST_WAITING = 1_000;
const AT_ONCE = 20;
const MOST_KNOWN = 10_000;
const DEADLINE_MS = 30_000;
/** A zone that lists everything makes one alert an hour beyond these. */
const ALERTS = { alone: 20, everyMs: 3_600_000 };
/** One silence is not worth an alert: the next try comes within a minute. */
const GRACE_MS = 50_000;

const REMEDY =
  'Run docker exec screenpass screenpass doctor and look at its check veto: does SCREENPASS_DNS reach the zone, and may it ask it?';

/** Asks the zones of SCREENPASS_VETO_DNSBL, and keeps what they list out of the table. */
export interface VetoWatch {
  /** What the pipeline leaves to do. */
  take(task: VetoTask): void;
  /** Asks what is due, also what an earlier process left. However often it is called, it asks no more. */
  resume(): void;
  /** Questions since the start for which there was no room. */
  dropped(): number;
  /** Reports what is not reported yet. */
  reportRest(): void;
}

export function createVetoWatch(
  { clock, resolver, report }: Pick<Ports, 'clock' | 'resolver' | 'report'>,
  faults: FaultMonitor,
  zones: ReadonlySet<string>,
  writer: Pick<Writer, 'state' | 'update'>,
  { roster, pipeline }: { roster: () => Roster; pipeline: Pick<Pipeline, 'decideCleared'> },
  signal: AbortSignal,
): VetoWatch {
  const underWay = new Set<string>();
  const waiting = new Map<string, Address>();
  const known = createMemory<{ since: number }>({ open: MOST_KNOWN, ageMs: CLEARED_MS });
  const turns = createTurns();
  let dropped = 0;
  let bursts: Bursts<AlertFields['sender-vetoed']> = [];
  const alerts = createThrottledAlerts(ALERTS, {
    read: () => bursts,
    write: (next) => {
      bursts = next;
    },
    report: ({ first, last, count }) =>
      report.alert('sender-vetoed', `${first.client} ${first.at}`, count === 1 ? last : { ...last, count }),
  });

  function drop(count: number): void {
    dropped += count;
    if (count > 0) report.info('a question to SCREENPASS_VETO_DNSBL was dropped: too many wait');
  }

  function ask(address: Address): Promise<VetoAnswer> {
    const asked = askVetoes(address, zones, resolver);
    return inTime(clock, DEADLINE_MS, signal, asked, silence(zones));
  }

  async function examine(address: Address): Promise<void> {
    const text = formatAddress(address);
    const at = clock.now();
    underWay.add(text);
    const answer = await ask(address);
    underWay.delete(text);
    if (signal.aborted) return;
    judgeZones(answer, text);
    known.set(text, { since: at });
    const zone = listingZone(answer);
    if (zone !== undefined) keepOut(address, zone, at);
    else if (answer.kind === 'clear') clear(address, at);
    else keepAsking(address, at);
    askWaiting();
  }

  function judgeZones({ looks }: VetoAnswer, asked: string): void {
    for (const [zone, look] of looks) {
      if (look.kind !== 'fault') faults.ended('veto-unanswered', zone);
      else {
        const facts = { zone, reason: `asked about ${asked}: ${look.reason}`, remedy: REMEDY };
        faults.failed({
          kind: 'veto-unanswered',
          subject: zone,
          reason: look.reason,
          facts,
          graceMs: GRACE_MS,
        });
      }
    }
  }

  function keepOut(address: Address, zone: string, askedAt: number | null): void {
    const text = formatAddress(address);
    const { state, isNew, dropped: oldest } = withListing(writer.state, address, zone, clock.now(), askedAt);
    const vetoQuestions = state.vetoQuestions.filter(({ refusal }) => refusal.ip !== text);
    writer.update({ ...state, vetoQuestions });
    const at = new Date(clock.now()).toISOString();
    if (isNew)
      alerts.take(
        zone,
        { sender: roster().find(address)?.sender.id ?? null, client: text, zone, at },
        clock.now(),
      );
    if (oldest !== null) ended(oldest, 'there are too many vetoed addresses');
  }

  function ended({ address, zone, since }: Veto, why: string): void {
    const seconds = Math.round(Math.max(0, clock.now() - since) / 1000);
    report.alert('veto-ended', `${address} ${new Date(since).toISOString()}`, {
      ...{ client: address, zone, seconds, why },
    });
  }

  function clear(address: Address, at: number): void {
    const text = formatAddress(address);
    const { state, ended: veto } = withClear(writer.state, address, at);
    const answered = state.vetoQuestions.filter(({ refusal }) => refusal.ip === text);
    const vetoQuestions = state.vetoQuestions.filter((one) => !answered.includes(one));
    writer.update({ ...state, vetoQuestions });
    if (veto !== null) ended(veto, 'no zone lists it any more');
    for (const { refusal } of answered) pipeline.decideCleared(refusal, address);
  }

  /** Unknown is not clear: nothing is opened, and nothing that is vetoed returns. */
  function keepAsking(address: Address, at: number): void {
    const text = formatAddress(address);
    known.delete(text);
    const state = withoutAnswer(writer.state, address, clock.now());
    const after = retried(state.vetoQuestions, text, at);
    writer.update({ ...state, vetoQuestions: after.questions });
    drop(after.dropped.length);
    if (after.givenUp.length > 0)
      report.info(
        `SCREENPASS_VETO_DNSBL gave no answer about ${text} for an hour; its next refusal asks again`,
      );
  }

  function wait(address: Address): void {
    const text = formatAddress(address);
    if (underWay.has(text) || waiting.has(text)) return;
    if (waiting.size >= MOST_WAITING) drop(1);
    else waiting.set(text, address);
  }

  function askWaiting(): void {
    for (const [text, address] of waiting) {
      if (underWay.size >= AT_ONCE) return;
      waiting.delete(text);
      if (!underWay.has(text)) void examine(address);
    }
  }

  function askRefused(): void {
    for (const ip of turns.next(writer.state.vetoQuestions, underWay, clock.now())) {
      const address = parseAddress(ip);
      if (address !== undefined) void examine(address);
    }
  }

  /** A zone that did not answer, and that nobody asks any more, is asked for its test entry. */
  async function askSilent(): Promise<void> {
    const silent = [...zones].flatMap((zone) => faults.lasting('veto-unanswered', zone) ?? []);
    const isDue = silent.some(({ triedAt }) => Math.abs(clock.now() - triedAt) >= GRACE_MS);
    if (!isDue) return;
    const answer = await ask(TEST_ENTRIES.listed);
    if (!signal.aborted) judgeZones(answer, formatAddress(TEST_ENTRIES.listed));
  }

  function askBefore(refusal: Refusal): void {
    const after = withQuestion(writer.state.vetoQuestions, refusal);
    writer.update({ ...writer.state, vetoQuestions: after.questions });
    drop(after.dropped.length);
    askRefused();
  }

  function listed(address: Address, zone: string): void {
    if (isVetoed(writer.state, address)) return;
    keepOut(address, zone, null);
    wait(address);
    askWaiting();
  }

  function letIn(address: Address): void {
    if (zones.size === 0 || known.get(formatAddress(address)) !== undefined) return;
    wait(address);
    askWaiting();
  }

  return {
    take(task) {
      if (task.kind === 'ask') askBefore(task.refusal);
      else if (task.kind === 'listed') listed(task.address, task.zone);
      else letIn(task.address);
    },
    resume() {
      alerts.reportDue(clock.now());
      const state = withFreshAnswers(writer.state, clock.now());
      if (state !== writer.state) writer.update(state);
      for (const address of dueVetoes(writer.state, clock.now())) wait(address);
      askWaiting();
      askRefused();
      void askSilent();
    },
    dropped: () => dropped,
    reportRest: alerts.reportRest,
  };
}

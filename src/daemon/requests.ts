// Answers the commands of the administrator that need the running daemon. The socket is in the edge.

import type { Config } from '../config/settings.ts';
import { lifetimeMs } from '../config/values.ts';
import type { ControlReply, ControlRequest } from '../core/base/control-message.ts';
import { stampTime } from '../core/log/position.ts';
import { lastStamp, observingText, type Status, statusFault } from '../core/monitor/status-report.ts';
import type { Entry } from '../core/policy/entry.ts';
import { allow, revoke, type SenderNames, unwatched } from '../core/policy/manual-entry.ts';
import type { Rules } from '../core/policy/policy.ts';
import {
  type Freshness,
  freshness,
  knowledgeOf,
  nextTry,
  withoutNetworks,
} from '../core/senders/knowledge.ts';
import { blockNetworks, splitTable } from '../core/table/managed-block.ts';
import { standingFaults } from '../core/watch/faults.ts';
import { type Clock, FileError, type Report, type TableFile } from '../ports.ts';
import { inTime } from './in-time.ts';
import type { LookupQueue } from './lookup-queue.ts';
import type { Refresher } from './refresher.ts';
import { isoOrNull, isoTime, listEntries, type StatusReply } from './replies.ts';
import type { VetoWatch } from './veto-watch.ts';
import type { Writer } from './writer/writer.ts';

/** So long the table may take to be read for an answer. */
const TABLE_MS = 2_000;
const NEVER = new AbortController().signal;

/** The running daemon, as far as the administrator's commands go. */
export interface Running {
  readonly version: string;
  readonly config: Config;
  readonly clock: Clock;
  readonly report: Report;
  readonly writer: Writer;
  readonly refresher: Refresher;
  readonly table: Pick<TableFile, 'read'>;
  readonly rules: () => Rules;
  readonly lookups: Pick<LookupQueue, 'dropped'>;
  readonly vetoes: Pick<VetoWatch, 'dropped'>;
  /** How many seconds old the last line was when it was handled. */
  readonly lag: () => number | null;
  /** Times of the next runs. */
  readonly next: () => { readonly refresh: number | null; readonly hourly: number | null };
}

const STARTING = 'screenpass is starting: it reads the table and the saved state. Try again in a moment';

type Given = ControlRequest['arguments'];

/** The present state of the daemon. */
export function statusOf({ version, config, clock, writer, next, lag, lookups, vetoes }: Running): Status {
  const { state } = writer;
  const { reloadedAt, rules, ...standing } = writer.status();
  const known = config.senders.map((sender) => knowledgeOf(sender, state.senders));
  const answers = known.flatMap(({ listed }) => (listed === null ? [] : [listed.at]));
  const senders: Record<Freshness, number> = { fresh: 0, stale: 0, suspicious: 0, bundled: 0 };
  for (const one of known) senders[freshness(one, clock.now(), 2 * config.refresh.everyMs)] += 1;
  const cursor = lastStamp(state);
  const { refresh, hourly } = next();
  const faults = standingFaults(state.faults, clock.now()).map(statusFault);
  const unanswered = config.senders.filter((_, i) => known[i]?.trouble?.kind === 'failed');
  return {
    ...{ version, mode: config.mode, container: config.container, ...standing },
    ...{ reloadedAt: isoOrNull(reloadedAt), trouble: faults[0]?.text ?? null, faults },
    ...{ table: config.table, entries: state.entries.length, rules, senders },
    withoutNetworks: withoutNetworks(config.senders, state.senders, clock.now()).map(({ id }) => id),
    unanswered: unanswered.map(({ id }) => id),
    nextTry: isoOrNull(nextTry(known, next())),
    oldestList: isoOrNull(answers.length === 0 ? null : Math.min(...answers)),
    lastRefusal: state.lastRefusal && { ...state.lastRefusal, at: isoTime(state.lastRefusal.at) },
    questions: state.questions.length + state.vetoQuestions.length,
    vetoed: state.vetoes.length,
    droppedQuestions: lookups.dropped() + vetoes.dropped(),
    cursor,
    cursorAge: cursor === null ? null : Math.round((clock.now() - stampTime(cursor)) / 1000),
    lag: lag(),
    nextRefresh: isoOrNull(refresh),
    nextHourly: isoOrNull(hourly),
  };
}

type Handle = (request: ControlRequest) => Promise<ControlReply>;

/** Answers that screenpass is starting, until `ready` gives what answers from then on. */
export function createEarlyRequests(): { readonly handle: Handle; ready(handle: Handle): void } {
  let current: Handle = async () => ({ ok: false, kind: 'failed', problem: STARTING });
  return {
    handle: (request) => current(request),
    ready(handle) {
      current = handle;
    },
  };
}

/** Answers the commands of the administrator: `status`, `list`, `allow`, `revoke`, `refresh`. */
export function createRequests(running: Running): Handle {
  const { config, clock, writer, refresher } = running;
  const names = namesOf(config);
  const { rulesInTable, withObserving } = createRulesCounter(running);

  async function refreshNow({ accept: given }: Given): Promise<ControlReply> {
    const accept = Array.isArray(given) ? given.map(String) : [];
    const strange = accept.filter((id) => !names.watched.includes(id));
    if (strange.length > 0) return wrong(strange.map((id) => unwatched(id, names)).join('\n'));
    return done(await refresher.all(new Set(accept)));
  }

  async function allowNow({ target, ttlMs, reason }: Given): Promise<ControlReply> {
    const lasts = ttlMs === null || ttlMs === undefined ? null : lifetimeMs(ttlMs);
    if (lasts?.ok === false) return wrong(lasts.problem);
    const request = {
      target: String(target),
      ttlMs: lasts?.value ?? null,
      reason: typeof reason === 'string' ? reason : null,
    };
    const allowed = allow(writer.state, request, names, running.rules(), clock.now());
    if (!allowed.ok) return wrong(allowed.problem);
    const { state, id, note } = allowed.value;
    writer.update(state);
    return done({
      ...listEntries(running).find((entry) => entry.sender === id),
      note: await withObserving(note),
    });
  }

  async function statusNow(): Promise<StatusReply> {
    return { ...statusOf(running), rulesInTable: await rulesInTable() };
  }

  return async ({ command, arguments: given }) => {
    switch (command) {
      case 'status':
        return done(await statusNow());
      case 'list':
        return done(listEntries(running));
      case 'allow':
        return allowNow(given);
      case 'revoke':
        return revokeNow(given, names, running, withObserving);
      case 'refresh':
        return refreshNow(given);
      default:
        return wrong(`this daemon has no command "${command}"`);
    }
  };
}

async function revokeNow(
  { target }: Given,
  names: SenderNames,
  { writer, report }: Pick<Running, 'writer' | 'report'>,
  withObserving: (note: null) => Promise<string | null>,
): Promise<ControlReply> {
  const revoked = revoke(writer.state, String(target), names);
  if (!revoked.ok) return wrong(revoked.problem);
  const { state, entry } = revoked.value;
  const since = isoTime(entry.since);
  writer.update(state);
  report.alert('entry-revoked', `${entry.sender} ${since}`, {
    sender: entry.sender,
    since,
    reason: entry.reason,
  });
  const note = await withObserving(null);
  return done({ sender: entry.sender, comesBack: comesBack(entry, names), note });
}

/** Null: it stays away until somebody allows it again. */
function comesBack({ sender }: Entry, names: SenderNames): string | null {
  if (names.preseed.has(sender)) return 'SCREENPASS_PRESEED allows it again at the next start';
  return names.watched.includes(sender)
    ? `the next refusal allows it again; SCREENPASS_SENDERS=-${sender} or SCREENPASS_NEVER prevents that`
    : null;
}

/** Counts the rules of screenpass that are in the table file now. */
function createRulesCounter({ table, clock, config }: Pick<Running, 'table' | 'clock' | 'config'>) {
  let counting: Promise<number> | null = null;

  async function countRules(): Promise<number> {
    return blockNetworks(splitTable((await table.read()) ?? '').block ?? '').length;
  }

  /** The rules of screenpass that are in the table file now; null: it cannot be read. */
  async function rulesInTable(): Promise<number | null> {
    try {
      // One at a time: reads that hang would take all threads that Node has for files, and for stdout.
      counting ??= countRules().finally(() => {
        counting = null;
      });
      // A file system that hangs must not keep status and health from saying so.
      return await inTime(clock, TABLE_MS, NEVER, counting, null);
    } catch (error) {
      if (error instanceof FileError) return null;
      throw error;
    }
  }

  /** What is so in observe mode, behind the note. */
  async function withObserving(note: string | null): Promise<string | null> {
    if (config.mode !== 'observe') return note;
    const observing = observingText(config.table, await rulesInTable());
    return note === null ? observing : `${note}\n${observing}`;
  }

  return { rulesInTable, withObserving };
}

/** The ids that commands can name. */
export function namesOf({ senders, catalogue, preseed }: Config): SenderNames {
  return { watched: senders.map(({ id }) => id), known: catalogue.map(({ id }) => id), preseed };
}

function done(result: unknown): ControlReply {
  return { ok: true, result };
}

function wrong(problem: string): ControlReply {
  return { ok: false, kind: 'usage', problem };
}

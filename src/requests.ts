import type { Config } from './config.ts';
import { standingFaults } from './core/faults.ts';
import { type Freshness, freshness, knowledgeOf, nextTry, withoutNetworks } from './core/knowledge.ts';
import { formatNetwork } from './core/network.ts';
import { allow, revoke } from './core/operator.ts';
import type { Rules } from './core/policy.ts';
import { stampTime } from './core/position.ts';
import type { Entry } from './core/state.ts';
import { lastStamp, type Status, statusFault } from './core/status.ts';
import type { Clock, ControlReply, ControlRequest, Report } from './ports.ts';
import type { Refresher } from './refresh.ts';
import type { Writer } from './writer/writer.ts';

/** The running daemon, as far as the administrator's commands go. */
export interface Running {
  readonly version: string;
  readonly config: Config;
  readonly clock: Clock;
  readonly report: Report;
  readonly writer: Writer;
  readonly refresher: Refresher;
  readonly rules: () => Rules;
  /** How many seconds old the last line was when it was handled. */
  readonly lag: () => number | null;
  /** Times of the next runs. */
  readonly next: () => { readonly refresh: number | null; readonly hourly: number | null };
}

const STARTING = 'screenpass is starting: it reads the table and the saved state. Try again in a moment';

type Given = ControlRequest['arguments'];

/** How the daemon stands now. */
export function statusOf({ version, config, clock, writer, next, lag }: Running): Status {
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
    questions: state.questions.length,
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
  const { config, clock, report, writer, refresher } = running;
  const isWatched = (id: string) => config.senders.some((sender) => sender.id === id);

  async function refreshNow({ accept: given }: Given): Promise<ControlReply> {
    const accept = Array.isArray(given) ? given.map(String) : [];
    const strange = accept.filter((id) => !isWatched(id));
    if (strange.length > 0) return wrong(`no watched sender is called ${strange.join(', ')}`);
    return done(await refresher.all(new Set(accept)));
  }

  async function allowNow({ target, ttlMs, reason }: Given): Promise<ControlReply> {
    const wish = {
      target: String(target),
      ttlMs: typeof ttlMs === 'number' ? ttlMs : null,
      reason: typeof reason === 'string' ? reason : null,
    };
    const allowed = allow(writer.state, wish, isWatched, running.rules(), clock.now());
    if (!allowed.ok) return wrong(allowed.problem);
    writer.update(allowed.value.state);
    return done(list().find((entry) => entry.sender === allowed.value.id));
  }

  async function revokeNow({ target }: Given): Promise<ControlReply> {
    const revoked = revoke(writer.state, String(target));
    if (!revoked.ok) return wrong(revoked.problem);
    const { state, entry } = revoked.value;
    const since = isoTime(entry.since);
    writer.update(state);
    report.alert('entry-revoked', `${entry.sender} ${since}`, {
      sender: entry.sender,
      since,
      reason: entry.reason,
    });
    return done({ sender: entry.sender, comesBack: comesBack(entry) });
  }

  /** Null: it stays away until somebody allows it again. */
  function comesBack({ sender }: Entry): string | null {
    if (config.preseed.has(sender)) return 'SCREENPASS_PRESEED allows it again at the next start';
    return isWatched(sender)
      ? `the next refusal allows it again; SCREENPASS_SENDERS=-${sender} or SCREENPASS_NEVER prevents that`
      : null;
  }

  function list(): ListedEntry[] {
    return writer.sections().map(({ entry, networks }) => ({
      ...{ sender: entry.sender, scope: entry.scope, cause: entry.cause ?? 'preseed', reason: entry.reason },
      networks: networks.map(formatNetwork),
      since: isoTime(entry.since),
      lastSeen: isoTime(entry.lastSeen),
      until: entry.until === null ? null : isoTime(entry.until),
      inForce: entry.inForce === null ? null : isoTime(entry.inForce),
    }));
  }

  return async ({ command, arguments: given }) => {
    switch (command) {
      case 'status':
        return done(statusOf(running));
      case 'list':
        return done(list());
      case 'allow':
        return allowNow(given);
      case 'revoke':
        return revokeNow(given);
      case 'refresh':
        return refreshNow(given);
      default:
        return wrong(`this daemon has no command "${command}"`);
    }
  };
}

/** An entry as the administrator sees it. Times are ISO. */
export interface ListedEntry {
  readonly sender: string;
  readonly scope: Entry['scope'];
  readonly cause: string;
  readonly reason: string | null;
  readonly networks: readonly string[];
  readonly since: string;
  readonly lastSeen: string;
  readonly until: string | null;
  /** When Postfix was proven to use it; null: not yet. */
  readonly inForce: string | null;
}

function done(result: unknown): ControlReply {
  return { ok: true, result };
}

function wrong(problem: string): ControlReply {
  return { ok: false, kind: 'usage', problem };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : isoTime(ms);
}

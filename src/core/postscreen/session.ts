/** Sessions of postscreen: from its events to refusals and passes. What to do about a refusal is decided in core/policy. */
import { createMemory, type Limits, own } from '../base/bounded-memory.ts';
import type { PostfixEvent } from '../log/postfix-event.ts';
import { createDnsblAnswers, type DnsblAnswer } from './dnsbl-answers.ts';
import type { PostscreenGate } from './gate.ts';
import { isFine, type Print, unlessPrinted } from './printed-again.ts';

/** One session that postscreen turned away. */
export interface Refusal {
  readonly ip: string;
  readonly port: number;
  /** Log time of its CONNECT in ms; null when the log begins later. */
  readonly connectedAt: number | null;
  readonly at: number;
  readonly gate: PostscreenGate;
  /** Null with action drop or when the client left before RCPT: then Postfix logs no reply. */
  readonly code: number | null;
  readonly enhanced: string | null;
  /** DNSBL zones that list the client: the one of the reply first, then the others that dnsblog named. */
  readonly zones: readonly string[];
}

export type Outcome = (
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'passed'; readonly ip: string; readonly at: number; readonly allowlisted: boolean }
  /** The client left during the greet wait with nothing held against it. */
  | { readonly kind: 'hung-up'; readonly refusal: Refusal }
) & { readonly findings: Findings };

/** What postscreen's tests found in a session until its fate was known; other settings would judge by the same. */
export interface Findings {
  /** False: its CONNECT is not in the log, so something else may also be missing. */
  readonly whole: boolean;
  /** The tests were not run: postscreen remembered that the client had passed them. */
  readonly remembered: boolean;
  /** The DNSBL score, which is logged when it reaches the threshold. */
  readonly rank: number | null;
  /** The greet wait was over, so the score was looked at. */
  readonly greeted: boolean;
  readonly pregreet: boolean;
  readonly protocol: boolean;
  /** What dnsblog had answered of the client when the score was looked at. */
  readonly answers: readonly DnsblAnswer[];
}

export interface Sessions {
  /** Takes the next event of the log, `at` being its log time in ms; says when a session's fate is known. */
  take(event: PostfixEvent, at: number): Outcome | undefined;
  readonly size: number;
}

/**
 * Far more than postscreen holds at a time (postscreen_pre_queue_limit, 100 by default), and longer than a session can
 * take: 20 commands of 300 s each would, but Postfix gives up on a stalled client first.
 */
export const SESSION_LIMITS: Limits = { open: 20_000, ageMs: 15 * 60_000 };

/** Of sessions that ended only so much is kept that a line that is printed twice is not taken for a new one's. */
const MOST_ENDED = 2_000;
/** Clients of which dnsblog's answers are kept: an answer is of use for the seconds of a greet wait. */
const MOST_ANSWERED = 8_000;

/**
 * Sessions of one client that overlap in the greet wait share one round of lookups (postscreen_dnsbl.c), so answers may
 * be this much older than the CONNECT: postscreen_dnsbl_timeout.
 */
const SHARED_MS = 10_000;

interface Session {
  readonly ip: string;
  readonly port: number;
  readonly connectedAt: number | null;
  /** Log time of its first line. */
  readonly since: number;
  readonly stamp: string | null;
  violation: 'dnsbl' | 'pregreet' | 'protocol' | null;
  rank: number | null;
  greeted: boolean;
  pregreet: boolean;
  protocol: boolean;
  /** Null until the score is known. */
  answers: readonly DnsblAnswer[] | null;
  denylisted: boolean;
  vetoed: boolean;
  leftGreetWait: boolean;
  /** Its fate was reported: nothing more comes of it. */
  over: boolean;
  readonly print: Print<Outcome>;
}

type Ended = Pick<Session, 'since' | 'stamp' | 'print'>;

/** postscreen says no more of a session after these. */
const LAST: ReadonlySet<PostfixEvent['kind']> = new Set([
  'disconnect',
  'allowlisted',
  'pass_new',
  'pass_old',
]);

/** What dnsblog said lately of the client. */
type Listed = () => readonly DnsblAnswer[];

/**
 * Puts the lines of each `[ip]:port` together. By address and port, not by process id: after a reload the old
 * postscreen process hands its sessions to a child. Sessions without an end, which a stopping container leaves
 * behind, expire by log time; the oldest leave first when there are too many.
 */
export function createSessions(limits: Limits = SESSION_LIMITS): Sessions {
  const { open, ageMs } = limits;
  const sessions = createMemory<Session>(limits);
  const ended = createMemory<Ended>({ open: Math.min(open, MOST_ENDED), ageMs });
  const answers = createDnsblAnswers({ open: Math.min(open, MOST_ANSWERED), ageMs });

  function take(event: PostfixEvent, at: number): Outcome | undefined {
    if (event.ip === null || event.kind.startsWith('smtpd') || event.kind.startsWith('milter'))
      return undefined;
    if (event.kind === 'dnsbl_listed') {
      if (event.dnsbl !== null) answers.add(event.ip, { zone: event.dnsbl, answer: event.text ?? '', at });
      return undefined;
    }
    if (event.port === null) return undefined;
    const key = `[${event.ip}]:${event.port}`;
    const session = find(key, event, event.ip, event.port, at);
    if (session === undefined) return undefined;
    if (LAST.has(event.kind)) {
      sessions.delete(key);
      ended.set(key, { since: at, stamp: session.stamp, print: session.print });
    }
    const outcome = session.over ? undefined : advance(session, event, at, () => answers.of(session.ip));
    return unlessPrinted(session.print, event, outcome);
  }

  function find(key: string, event: PostfixEvent, ip: string, port: number, at: number): Session | undefined {
    const begins = event.kind === 'connect';
    const isAgain = ({ stamp }: Ended) => begins && stamp !== null && stamp === event.stamp;
    const known = sessions.get(key);
    if (known !== undefined && (!begins || isAgain(known))) return known;
    const before = known === undefined ? ended.get(key) : undefined;
    if (event.kind === 'disconnect' || (before !== undefined && !begins)) return undefined;
    const isPrint = before !== undefined && isAgain(before);
    if (isPrint && isFine(event.stamp)) return undefined;
    // Cut out of the key, so that no part of the line is kept.
    const session = newSession(
      key.slice(1, 1 + ip.length),
      port,
      at,
      begins,
      event.stamp === null ? null : own(event.stamp),
    );
    if (isPrint) session.print.printOf = before.print.lines;
    sessions.set(key, session);
    return session;
  }

  return {
    take,
    get size() {
      return sessions.size + ended.size + answers.size;
    },
  };
}

function newSession(ip: string, port: number, at: number, begins: boolean, stamp: string | null): Session {
  return {
    ip,
    port,
    connectedAt: begins ? at : null,
    since: at,
    stamp: begins ? stamp : null,
    violation: null,
    rank: null,
    greeted: false,
    pregreet: false,
    protocol: false,
    answers: null,
    denylisted: false,
    vetoed: false,
    leftGreetWait: false,
    over: false,
    print: { lines: [], printOf: null, withheld: undefined },
  };
}

function advance(session: Session, event: PostfixEvent, at: number, listed: Listed): Outcome | undefined {
  note(session, event, listed);
  switch (event.kind) {
    case 'allowlisted':
    case 'pass_new':
    case 'pass_old': {
      session.over = true;
      const allowlisted = event.kind === 'allowlisted';
      const findings = findingsOf(session, listed, event.kind === 'pass_old');
      return { kind: 'passed', ip: session.ip, at, allowlisted, findings };
    }
    case 'reject':
      session.over = true;
      return refused(session, rejectGate(session, event), event, at, listed);
    case 'disconnect':
      session.over = true;
      return ended(session, event, at, listed);
    default:
      return undefined;
  }
}

/** Keeps what the line says of the session. */
function note(session: Session, event: PostfixEvent, listed: Listed): void {
  switch (event.kind) {
    case 'denylisted':
      session.denylisted = true;
      return;
    case 'allowlist_veto':
      session.vetoed = true;
      return;
    case 'dnsbl_rank':
      session.violation = 'dnsbl';
      session.rank = event.rank;
      session.greeted = true;
      // What comes later was too late to count.
      session.answers = answersFor(session, listed);
      return;
    case 'pregreet':
      session.violation = 'pregreet';
      session.pregreet = true;
      return;
    case 'protocol':
      // Postfix turns these tests on for a client that spoke too early, and gives both the same reply.
      session.violation = session.pregreet ? 'pregreet' : 'protocol';
      session.protocol = true;
      session.greeted = true;
      return;
    case 'hangup':
      session.leftGreetWait = event.text === 'before';
      session.greeted ||= event.text === 'after';
      return;
    case 'data_without_rcpt':
    case 'pass_new':
      session.greeted = true;
      return;
    case 'reject':
      session.greeted ||= event.code !== null;
      return;
    default:
      return;
  }
}

function answersFor({ connectedAt }: Session, listed: Listed): readonly DnsblAnswer[] {
  return connectedAt === null ? listed() : listed().filter(({ at }) => at >= connectedAt - SHARED_MS);
}

function findingsOf(session: Session, listed: Listed, remembered: boolean): Findings {
  const { connectedAt, rank, greeted, pregreet, protocol } = session;
  const answers = session.answers ?? answersFor(session, listed);
  return { whole: connectedAt !== null, remembered, rank, greeted, pregreet, protocol, answers };
}

/** postscreen ended the session itself, without a reply that names a reason (action drop, or the client left). */
function ended(session: Session, event: PostfixEvent, at: number, listed: Listed): Outcome | undefined {
  const gate = session.denylisted ? 'operator-reject' : session.violation;
  if (gate !== null) return refused(session, gate, event, at, listed);
  if (!session.leftGreetWait) return undefined;
  return { ...refused(session, 'greet-wait', event, at, listed), kind: 'hung-up' };
}

function refused(
  session: Session,
  gate: PostscreenGate,
  { dnsbl, code, enhanced }: PostfixEvent,
  at: number,
  listed: Listed,
): Extract<Outcome, { kind: 'refused' }> {
  const zones = [...new Set([...(dnsbl === null ? [] : [dnsbl]), ...listed().map(({ zone }) => zone)])];
  const { ip, port, connectedAt } = session;
  const refusal = { ip, port, connectedAt, at, gate, code, enhanced, zones };
  return { kind: 'refused', refusal, findings: findingsOf(session, listed, false) };
}

/** The reply texts of postscreen(8); with soft_bounce the codes begin with 4 and only the text distinguishes them. */
function rejectGate(session: Session, { code, text, dnsbl }: PostfixEvent): PostscreenGate {
  if (code === null) return 'overload';
  if (session.denylisted || (text === 'Service currently unavailable' && code >= 500))
    return 'operator-reject';
  if (dnsbl !== null) return 'dnsbl';
  if (text === 'Service currently unavailable') return session.vetoed ? 'veto' : 'first-contact';
  return session.pregreet ? 'pregreet' : 'protocol';
}

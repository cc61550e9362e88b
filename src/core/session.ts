import type { PostfixEvent } from './postfix-event.ts';

/** Which test of postscreen turned a session away. */
export const GATES = [
  'dnsbl',
  'pregreet',
  'protocol',
  'first-contact',
  'veto',
  'greet-wait',
  'overload',
  'operator-reject',
] as const;

export type Gate = (typeof GATES)[number];

/** One session that postscreen turned away. */
export interface Refusal {
  readonly ip: string;
  readonly port: number;
  /** Log time of its CONNECT in ms; null when the log begins later. */
  readonly connectedAt: number | null;
  readonly at: number;
  readonly gate: Gate;
  /** Null with action drop or when the client left before RCPT: then Postfix logs no reply. */
  readonly code: number | null;
  readonly enhanced: string | null;
  /** DNSBL zones that list the client: the one of the reply first, then the others that dnsblog named. */
  readonly zones: readonly string[];
}

export type Outcome =
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'passed'; readonly ip: string; readonly at: number; readonly allowlisted: boolean }
  /** The client left during the greet wait with nothing held against it. */
  | { readonly kind: 'gave-up'; readonly refusal: Refusal };

export interface Sessions {
  /** Takes the next event of the log, `at` being its log time in ms; says when a session's fate is known. */
  take(event: PostfixEvent, at: number): Outcome | undefined;
  readonly size: number;
}

export interface SessionLimits {
  readonly open: number;
  readonly ageMs: number;
}

/** Longer than a session can take: 20 commands of 300 s each would, but Postfix gives up on a stalled client first. */
export const SESSION_LIMITS: SessionLimits = { open: 100_000, ageMs: 15 * 60_000 };

interface Session {
  readonly ip: string;
  readonly port: number;
  readonly connectedAt: number | null;
  /** Log time of its first line. */
  readonly since: number;
  readonly stamp: string | null;
  violation: 'dnsbl' | 'pregreet' | 'protocol' | null;
  denylisted: boolean;
  vetoed: boolean;
  leftGreetWait: boolean;
  /** Its fate was told, or it ended: nothing more comes of it. Kept so that a line printed twice is not a session. */
  over: boolean;
}

interface Listing {
  readonly since: number;
  readonly zones: Set<string>;
}

/**
 * Puts the lines of each `[ip]:port` together. By address and port, not by process id: after a reload the old
 * postscreen process hands its sessions to a child. Sessions without an end, which a stopping container leaves
 * behind, expire by log time; the oldest leave first when there are too many.
 */
export function createSessions(limits: SessionLimits = SESSION_LIMITS): Sessions {
  const sessions = new Map<string, Session>();
  const listings = new Map<string, Listing>();

  function take(event: PostfixEvent, at: number): Outcome | undefined {
    if (event.ip === null || event.kind.startsWith('smtpd') || event.kind.startsWith('milter'))
      return undefined;
    if (event.kind === 'dnsbl_listed') {
      const listing = listings.get(event.ip) ?? { since: at, zones: new Set() };
      if (event.dnsbl !== null && listing.zones.size < 20) listing.zones.add(event.dnsbl);
      remember(listings, event.ip, listing, at, limits);
      return undefined;
    }
    if (event.port === null) return undefined;
    const session = find(event, event.ip, event.port, at);
    if (session === undefined || session.over) return undefined;
    return advance(session, event, at, [...(listings.get(event.ip)?.zones ?? [])]);
  }

  function find(event: PostfixEvent, ip: string, port: number, at: number): Session | undefined {
    const key = `[${ip}]:${port}`;
    const known = sessions.get(key);
    const begins = event.kind === 'connect';
    const repeated = begins && known !== undefined && known.stamp !== null && known.stamp === event.stamp;
    if (known !== undefined && (!begins || repeated)) return known;
    if (event.kind === 'disconnect') return undefined;
    const session = newSession(ip, port, at, begins, event.stamp);
    sessions.delete(key);
    remember(sessions, key, session, at, limits);
    return session;
  }

  return {
    take,
    get size() {
      return sessions.size + listings.size;
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
    denylisted: false,
    vetoed: false,
    leftGreetWait: false,
    over: false,
  };
}

/** Adds to a map that is in order of arrival, and drops what is too old or too many from its old end. */
function remember<T extends { readonly since: number }>(
  map: Map<string, T>,
  key: string,
  value: T,
  now: number,
  limits: SessionLimits,
): void {
  map.set(key, value);
  for (const [oldest, { since }] of map) {
    if (map.size <= limits.open && now - since <= limits.ageMs) break;
    map.delete(oldest);
  }
}

function advance(
  session: Session,
  event: PostfixEvent,
  at: number,
  listed: readonly string[],
): Outcome | undefined {
  switch (event.kind) {
    case 'allowlisted':
    case 'pass_new':
    case 'pass_old':
      session.over = true;
      return { kind: 'passed', ip: session.ip, at, allowlisted: event.kind === 'allowlisted' };
    case 'denylisted':
      session.denylisted = true;
      return undefined;
    case 'allowlist_veto':
      session.vetoed = true;
      return undefined;
    case 'dnsbl_rank':
      session.violation = 'dnsbl';
      return undefined;
    case 'pregreet':
    case 'protocol':
      session.violation = event.kind;
      return undefined;
    case 'hangup':
      session.leftGreetWait = event.text === 'before';
      return undefined;
    case 'reject':
      session.over = true;
      return { kind: 'refused', refusal: refusal(session, rejectGate(session, event), event, at, listed) };
    case 'disconnect':
      session.over = true;
      return ended(session, event, at, listed);
    default:
      return undefined;
  }
}

/** postscreen ended the session itself, without a reply that names a reason (action drop, or the client left). */
function ended(
  session: Session,
  event: PostfixEvent,
  at: number,
  listed: readonly string[],
): Outcome | undefined {
  const gate = session.denylisted ? 'operator-reject' : session.violation;
  if (gate !== null) return { kind: 'refused', refusal: refusal(session, gate, event, at, listed) };
  if (!session.leftGreetWait) return undefined;
  return { kind: 'gave-up', refusal: refusal(session, 'greet-wait', event, at, listed) };
}

function refusal(
  session: Session,
  gate: Gate,
  event: PostfixEvent,
  at: number,
  listed: readonly string[],
): Refusal {
  const zones =
    event.dnsbl === null ? listed : [event.dnsbl, ...listed.filter((zone) => zone !== event.dnsbl)];
  const { ip, port, connectedAt } = session;
  return { ip, port, connectedAt, at, gate, code: event.code, enhanced: event.enhanced, zones };
}

/** The reply texts of postscreen(8); with soft_bounce the codes begin with 4 and only the text tells. */
function rejectGate(session: Session, { code, text, dnsbl }: PostfixEvent): Gate {
  if (code === null) return 'overload';
  if (session.denylisted || (text === 'Service currently unavailable' && code >= 500))
    return 'operator-reject';
  if (dnsbl !== null) return 'dnsbl';
  if (text === 'Service currently unavailable') return session.vetoed ? 'veto' : 'first-contact';
  return session.violation === 'pregreet' ? 'pregreet' : 'protocol';
}

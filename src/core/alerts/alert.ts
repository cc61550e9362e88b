import { type Decision, REASONS } from '../policy/policy.ts';
import { GATES } from '../postscreen/gate.ts';
import type { OtherRefusal } from '../postscreen/later-gate.ts';
import type { Refusal } from '../postscreen/session.ts';
import type { Evidence } from '../senders/sender-index.ts';
import type { Told } from './burst.ts';
import { type Digest, digestText } from './digest.ts';

/** `count` stands where one line tells of several causes (DESIGN: nothing silent, but bounded). */
export interface AlertFields {
  started: {
    version: string;
    mode: 'enforce' | 'observe';
    container: string;
    table: string;
    senders: number;
    networks: number;
    entries: number;
  };
  'sender-refused': {
    sender: string;
    client: string;
    port: number;
    gate: string;
    code: number | null;
    enhanced: string | null;
    zones: readonly string[];
    evidence: Evidence;
    decision: 'allow' | 'keep' | 'wait' | 'refuse';
    reason: string;
    at: string;
    /** Not there when the line stands for one. */
    count?: number;
  };
  'sender-allowed': {
    sender: string;
    networks: number;
    cause: string;
    since: string;
    effect: 'table-written' | 'observed' | 'not-wired';
  };
  'sender-recovered': { sender: string; client: string; seconds: number };
  'other-gate': {
    sender: string;
    /** The latest. */
    client: string;
    gate: string;
    code: number | null;
    enhanced: string | null;
    text: string | null;
    /** Of the gate unknown-user: the address that was claimed last, as the log has it, made safe; else null. */
    recipient: string | null;
    count: number;
    remedy: string;
    docs: string;
  };
  'sender-still-refused': { sender: string; client: string; gate: string; why: string; at: string };
  'dnsbl-fault': { zone: string; reason: string; remedy: string };
  'dnsbl-recovered': { zone: string; seconds: number };
  /** `family`: whose clients are hidden, `all`, `IPv4` or `IPv6`. */
  'clients-hidden': { client: string; family: string; remedy: string };
  'clients-visible': { family: string; seconds: number };
  'entry-expired': { sender: string; since: string; lastSeen: string };
  'entry-revoked': { sender: string; since: string; reason: string | null };
  'questions-dropped': { client: string; count: number };
  /** `sender` null: it is not watched any more. */
  'sender-vetoed': {
    sender: string | null;
    client: string;
    zone: string;
    at: string;
    /** Not there when the line stands for one. */
    count?: number;
  };
  'veto-ended': { client: string; zone: string; seconds: number; why: string };
  'veto-unanswered': { zone: string; reason: string; remedy: string };
  'veto-answered': { zone: string; seconds: number };
  'senders-refreshed': {
    /** By sender: CIDRs. */
    added: Readonly<Record<string, readonly string[]>>;
    removed: Readonly<Record<string, readonly string[]>>;
    /** Senders that answer again. */
    recovered: readonly string[];
  };
  'refresh-failed': { senders: readonly string[]; count: number; reason: string };
  'sender-suspicious': { sender: string; reason: string; remedy: string };
  'reload-done': { senders: readonly string[]; ms: number; attempts: number };
  'reload-failed': { reason: string; retrySeconds: number };
  'reload-recovered': { seconds: number; attempts: number };
  'table-invalid': { reason: string; line: number | null; remedy: string };
  'table-valid': { seconds: number };
  'table-restored': { reason: 'missing' | 'altered' };
  'not-wired': { reason: string; line: string; remedy: string };
  wired: { seconds: number };
  'list-ignored': { item: string; reason: string; remedy: string };
  'mailserver-lost': { container: string; reason: string; remedy: string };
  'mailserver-back': { container: string; seconds: number };
  'state-lost': {
    reason: 'missing' | 'damaged' | 'newer';
    problem: string;
    /** Where it was put; null: nowhere, since there is none or it could not be moved. */
    aside: string | null;
    entries: number;
    remedy: string;
  };
  'state-unsaved': { reason: string; remedy: string };
  'state-saved': { seconds: number };
  'work-hangs': { work: string; reason: string; remedy: string };
  'work-resumed': { work: string; seconds: number };
  digest: Digest;
  stopping: { signal: string; entries: number };
}

export type AlertKind = keyof AlertFields;
type AlertLevel = 'info' | 'warn' | 'error';

interface AlertRow<K extends AlertKind> {
  readonly level: AlertLevel;
  /** When it is raised, for the README. */
  readonly when: string;
  /** The alerts that end what this one reports; every alert of level error has one. */
  readonly endedBy?: readonly AlertKind[];
  readonly text: (fields: AlertFields[K]) => string;
}

/** Each alert kind with its level, its moment and its text: the only place that decides them. */
export const ALERTS: { readonly [K in AlertKind]: AlertRow<K> } = {
  started: {
    level: 'info',
    when: 'the daemon begins',
    text: (f) =>
      `screenpass ${f.version} watches ${f.senders} senders in the log of ${f.container} (${f.mode})`,
  },
  'sender-refused': {
    level: 'warn',
    when: 'postscreen turned a watched sender away; says at which gate and what was decided; more than 60 a minute of one sender and gate are told together, with `count`',
    text: (f) =>
      `postscreen refused ${f.sender} ${f.count === undefined ? 'at' : `${f.count} times more, last at`} ${f.client} (${f.gate}${f.zones.length > 0 ? `: ${f.zones.join(', ')}` : ''}): ` +
      `${f.decision}, ${f.reason}`,
  },
  'sender-allowed': {
    level: 'info',
    when: 'the networks of a sender stand in the table (or would, in observe mode)',
    text: (f) =>
      ({
        'table-written': `${f.sender} is allowed now: ${f.networks} networks are in the table`,
        observed: `${f.sender} would be allowed: ${f.networks} networks; observe mode writes nothing`,
        'not-wired': `${f.sender}: ${f.networks} networks are in the table, but Postfix does not use the table yet`,
      })[f.effect],
  },
  'sender-recovered': {
    level: 'info',
    when: 'the first connection of a refused sender that the table let in',
    text: (f) => `${f.sender} gets through again: ${f.client} passed ${f.seconds} s after the first refusal`,
  },
  'other-gate': {
    level: 'warn',
    when: 'another gate than postscreen refused a watched sender: at once, then at most once an hour for each sender and gate',
    text: (f) => {
      const reply = [f.code, f.enhanced, f.text].filter((part) => part !== null).join(' ');
      return (
        `${f.gate} refused ${f.sender} ${f.count > 1 ? `${f.count} times, last at` : 'at'} ${f.client}` +
        `${reply === '' ? '' : ` (${reply})`}${f.recipient === null ? '' : ` for ${f.recipient}`}; ` +
        `the table cannot help there. ${f.remedy}`
      );
    },
  },
  'sender-still-refused': {
    level: 'error',
    when: 'postscreen turned a sender away although Postfix uses its entry; once until the sender gets through, and at most once an hour',
    endedBy: ['sender-recovered', 'entry-expired', 'entry-revoked'],
    text: (f) => `postscreen still refuses ${f.sender} at ${f.client} (${f.gate}): ${f.why}`,
  },
  'dnsbl-fault': {
    level: 'error',
    when: 'a DNSBL zone refuses senders that have nothing to do with each other, or answers with an error; entries made meanwhile live one day',
    endedBy: ['dnsbl-recovered'],
    text: (f) => `the DNSBL ${f.zone} is not to be trusted now: ${f.reason}. ${f.remedy}`,
  },
  'dnsbl-recovered': {
    level: 'info',
    when: 'nothing was seen of the fault of a DNSBL zone for an hour',
    text: (f) => `the DNSBL ${f.zone} is trusted again: no fault was seen for an hour`,
  },
  'clients-hidden': {
    level: 'error',
    when: 'Postfix sees a private address in place of its clients, of all or of one address family, so that nothing can be allowed for them',
    endedBy: ['clients-visible'],
    text: (f) =>
      f.family === 'all'
        ? `Postfix does not see its clients: it sees ${f.client}. ${f.remedy}`
        : `Postfix does not see its ${f.family} clients: it sees ${f.client} in their place, beside other clients with public addresses. ${f.remedy}`,
  },
  'clients-visible': {
    level: 'info',
    when: 'Postfix sees public addresses of its clients again',
    text: (f) =>
      `Postfix sees the addresses of its clients again (${f.family === 'all' ? 'IPv4 and IPv6' : f.family}), after ${f.seconds} s`,
  },
  'entry-revoked': {
    level: 'info',
    when: 'the administrator took an entry away',
    text: (f) => `the entry of ${f.sender} was revoked${f.reason === null ? '' : ` (${f.reason})`}`,
  },
  'entry-expired': {
    level: 'info',
    when: 'a sender was not seen for SCREENPASS_TTL and left the table',
    text: (f) => `the entry of ${f.sender} has expired: last seen ${f.lastSeen}`,
  },
  'questions-dropped': {
    level: 'warn',
    when: 'DNS was not asked whose a refused address is, because too many refusals wait for an answer: at once, then once an hour at most',
    text: (f) =>
      `DNS was not asked about ${f.count} ${f.count === 1 ? 'refusal of an unknown address' : 'refusals of unknown addresses, the last'} ` +
      `(${f.client}): too many wait for an answer. A watched sender among them is looked up when it is refused again. ` +
      'If this lasts, check that DNS answers: screenpass doctor',
  },
  'sender-vetoed': {
    level: 'warn',
    when: 'a zone of SCREENPASS_VETO_DNSBL lists an address of a watched sender that postscreen refused, or that the table let in; it stays out of the table while it is listed; more than 20 an hour of one zone are reported together, with `count`',
    text: (f) =>
      `${f.zone} lists ${f.client}${f.sender === null ? '' : ` of ${f.sender}`}` +
      `${f.count === undefined ? ': it is' : ` and ${f.count - 1} more addresses: they are`} kept out of the table. ` +
      'The zone is asked again each day',
  },
  'veto-ended': {
    level: 'info',
    when: 'no zone of SCREENPASS_VETO_DNSBL lists a vetoed address any more, or there are too many vetoed addresses',
    text: (f) => `${f.client} is not vetoed any more after ${f.seconds} s (${f.zone}): ${f.why}`,
  },
  'veto-unanswered': {
    level: 'error',
    when: 'a zone of SCREENPASS_VETO_DNSBL did not answer for a minute, or answers with an error; no address is opened before it does',
    endedBy: ['veto-answered'],
    text: (f) => `the veto zone ${f.zone} does not say what it lists (${f.reason}). ${f.remedy}`,
  },
  'veto-answered': {
    level: 'info',
    when: 'the zone answers again',
    text: (f) => `the veto zone ${f.zone} answers again after ${f.seconds} s`,
  },
  'senders-refreshed': {
    level: 'info',
    when: 'senders list other networks than before, or answer again; says which, by sender',
    text: (f) =>
      `senders were asked for their networks: ${changesText(f.added, f.removed)}` +
      (f.recovered.length > 0 ? `; answering again: ${f.recovered.join(', ')}` : ''),
  },
  'refresh-failed': {
    level: 'warn',
    when: 'senders could not be asked; what was known of them stays, and they are asked again each hour',
    text: (f) =>
      `${f.count} senders could not be asked for their networks, which stay as they are: ${f.reason}`,
  },
  'sender-suspicious': {
    level: 'warn',
    when: 'a sender lists what it should not, or changed too much at once; what was known of it stays',
    text: (f) => `${f.sender} is not believed and keeps its networks: ${f.reason}. ${f.remedy}`,
  },
  'reload-done': {
    level: 'info',
    when: 'Postfix is proven to have read the table',
    text: (f) => `Postfix reloaded in ${f.ms} ms and uses the table: ${f.senders.join(', ') || 'no entries'}`,
  },
  'reload-failed': {
    level: 'error',
    when: 'no reload was proven for a minute; it is tried again until one is',
    endedBy: ['reload-recovered'],
    text: (f) => `Postfix did not reload: ${f.reason}; next try in ${f.retrySeconds} s`,
  },
  'reload-recovered': {
    level: 'info',
    when: 'Postfix reloads again, or nothing is left to reload',
    text: (f) => `Postfix can be reloaded again after ${f.seconds} s and ${f.attempts} failed tries`,
  },
  'table-invalid': {
    level: 'error',
    when: 'Postfix does not read the table as meant, it cannot be read or replaced, or it has a second block of screenpass; a table that Postfix would not take is never put in place',
    endedBy: ['table-valid'],
    text: (f) => `the table has a fault: ${f.reason}. ${f.remedy}`,
  },
  'table-valid': {
    level: 'info',
    when: 'what `table-invalid` reported is over',
    text: (f) => `The fault of the table is over, after ${f.seconds} s`,
  },
  'table-restored': {
    level: 'warn',
    when: 'our part of the table was missing or altered and is restored',
    text: (f) =>
      ({
        missing: 'the table or our part of it was missing and is there again',
        altered: 'our part of the table had been altered and is as it should be again',
      })[f.reason],
  },
  'not-wired': {
    level: 'error',
    when: 'Postfix does not consult the table, so nothing that screenpass writes has an effect',
    endedBy: ['wired'],
    text: (f) => `postscreen does not use the table: ${f.reason}. ${f.remedy}`,
  },
  wired: {
    level: 'info',
    when: 'Postfix consults the table again',
    text: (f) => `postscreen uses the table again, after ${f.seconds} s`,
  },
  'list-ignored': {
    level: 'warn',
    when: 'postscreen ignores the remainder of its access list for some clients, of which none is known to be an opened sender',
    text: (f) =>
      `postscreen ignores the remainder of its access list for some clients: ${f.item}: ${f.reason}. ${f.remedy}`,
  },
  'mailserver-lost': {
    level: 'warn',
    when: 'the log of the mail container cannot be followed',
    endedBy: ['mailserver-back'],
    text: (f) => `cannot follow ${f.container}: ${f.reason}. ${f.remedy}`,
  },
  'mailserver-back': {
    level: 'info',
    when: 'the log is followed again, or the mail container runs anew: once for each of its runs',
    text: (f) => `following ${f.container} again after ${f.seconds} s`,
  },
  'state-lost': {
    level: 'error',
    when: 'the saved state is gone or cannot be used; what it held beyond the table is taken from the log again',
    endedBy: ['state-saved'],
    text: (f) =>
      `the saved state cannot be used: ${f.problem}${f.aside === null ? '' : `; it is kept as ${f.aside}`}. ` +
      `${f.entries} entries come from the table. ${f.remedy}`,
  },
  'state-unsaved': {
    level: 'error',
    when: 'the state could not be saved; it is tried again until it is',
    endedBy: ['state-saved'],
    text: (f) => `the state cannot be saved: ${f.reason}. ${f.remedy}`,
  },
  'state-saved': {
    level: 'info',
    when: 'the state is saved again, for the first time after it was lost or could not be saved',
    text: (f) => `the state is saved again after ${f.seconds} s`,
  },
  'work-hangs': {
    level: 'error',
    when: 'nothing has taken the lines of stdout for 10 s (`work` is `stdout`), an operation on the `table` or the `state` has not ended for a minute, or the `writer` or the handling of the `log` has not',
    endedBy: ['work-resumed'],
    text: (f) => `${f.reason}. ${f.remedy}`,
  },
  'work-resumed': {
    level: 'info',
    when: 'what hung has ended',
    text: (f) => `${f.work} works again, after ${f.seconds} s`,
  },
  digest: {
    level: 'info',
    when: 'SCREENPASS_DIGEST: what happened on the days (UTC) since the last one',
    text: digestText,
  },
  stopping: {
    level: 'info',
    when: 'the daemon was asked to stop and has finished the write in hand',
    text: (f) => `stopped by ${f.signal}; ${f.entries} entries stay in the table`,
  },
};

function changesText(
  added: Readonly<Record<string, readonly string[]>>,
  removed: Readonly<Record<string, readonly string[]>>,
): string {
  const changed = [...new Set([...Object.keys(added), ...Object.keys(removed)])];
  if (changed.length === 0) return 'no change';
  return changed.map((id) => `${id} +${added[id]?.length ?? 0} -${removed[id]?.length ?? 0}`).join(', ');
}

/** A refusal of a watched sender and what was decided about it: the facts of a sender-refused. */
export interface DecidedRefusal {
  readonly sender: string;
  /** The mail container whose log has it. */
  readonly container: string;
  readonly refusal: Refusal;
  readonly evidence: Evidence;
  readonly decision: Decision;
}

/**
 * Id and fields of a sender-refused that may stand for several: the id of the first, the fields of the last. The id is
 * the same when the same session is read again.
 */
export function refusalAlert({
  first,
  last,
  count,
}: Told<DecidedRefusal>): [id: string, fields: AlertFields['sender-refused']] {
  const { sender, evidence, decision } = last;
  const { ip: client, port, gate, code, enhanced, zones, at } = last.refusal;
  const refused = { sender, client, port, gate, code, enhanced, zones, evidence };
  const decided = { decision: decision.kind, reason: REASONS[decision.reason] };
  const fields = { ...refused, ...decided, at: new Date(at).toISOString() };
  return [sessionId(first), count === 1 ? fields : { ...fields, count }];
}

function sessionId({ container, refusal: { ip, port, connectedAt, at } }: DecidedRefusal): string {
  return `${container.slice(0, 12)} [${ip}]:${port} ${new Date(connectedAt ?? at).toISOString()}`;
}

/** Id and fields of other-gate. The id names the first refusal that the report stands for. */
export function otherGateAlert(
  { first, last, count }: Told<OtherRefusal>,
  recipient: string | null,
): [id: string, fields: AlertFields['other-gate']] {
  const { sender, client, gate, code, enhanced, text } = last;
  const { remedy, docs } = GATES[gate];
  const id = `${sender} ${gate} ${new Date(first.at).toISOString()} ${first.mark}`;
  return [id, { sender, client, gate, code, enhanced, text, recipient, count, remedy, docs }];
}

// All alerts: their kinds, fields, levels and texts. Not when one is raised (src/daemon), nor how it is written (src/edge).
import { counted, sentences } from '../base/wording.ts';
import { type Decision, REASONS } from '../policy/policy.ts';
import { GATES } from '../postscreen/gate.ts';
import type { OtherRefusal } from '../postscreen/later-gate.ts';
import type { Refusal } from '../postscreen/session.ts';
import type { Evidence } from '../senders/sender-index.ts';
import type { EventGroup } from './burst.ts';
import { type Digest, digestText } from './digest.ts';

/** `count`: how many causes one line reports together. A `remedy` is an action; null: there is nothing to do. */
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
    /** Absent when the line reports one. */
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
    /** Of the gate unknown-user: the last recipient, as the log has it, made safe; else null. */
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
  /** `sender` null: it is no longer watched. */
  'sender-vetoed': {
    sender: string | null;
    client: string;
    zone: string;
    at: string;
    /** Absent when the line reports one. */
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
  'sender-suspicious': { sender: string; reason: string; remedy: string | null };
  'reload-done': { senders: readonly string[]; ms: number; attempts: number };
  'reload-failed': { reason: string; retrySeconds: number };
  'reload-recovered': { seconds: number; attempts: number };
  'table-invalid': { reason: string; line: number | null; remedy: string | null };
  'table-valid': { seconds: number };
  'table-restored': { reason: 'missing' | 'altered' };
  'not-wired': { reason: string; line: string; remedy: string };
  wired: { seconds: number };
  'list-ignored': { item: string; reason: string; remedy: string };
  'mailserver-lost': { container: string; reason: string; remedy: string | null };
  'mailserver-back': { container: string; seconds: number };
  'state-lost': {
    reason: 'missing' | 'damaged' | 'newer';
    problem: string;
    /** Where the file was moved; null: there is none, or it could not be moved. */
    aside: string | null;
    entries: number;
    remedy: string | null;
  };
  'state-unsaved': { reason: string; remedy: string | null };
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
  /** Its sentences; null: there is nothing to say. */
  readonly text: (fields: AlertFields[K]) => readonly (string | null)[];
}

/** Each alert kind with its level, its moment and its text: what happened, what screenpass did, what the reader must do. */
export const ALERTS: { readonly [K in AlertKind]: AlertRow<K> } = {
  started: {
    level: 'info',
    when: 'the daemon starts',
    text: (f) => [
      `screenpass ${f.version} started in ${f.mode} mode`,
      `It watches ${counted(f.senders, 'sender')} in the log of ${f.container}`,
    ],
  },
  'sender-refused': {
    level: 'warn',
    when: 'postscreen refused a watched sender; has the gate and the decision; more than 60 a minute of one sender and gate are reported together, with `count`',
    text: (f) => {
      const zones = f.zones.length > 0 ? [`DNSBL ${f.zones.join(', ')}`] : [];
      const cause = f.gate === 'dnsbl' && zones.length > 0 ? zones : [`gate ${f.gate}`, ...zones];
      const from = `${f.client} (${[f.sender, ...cause].join(', ')})`;
      return [
        f.count === undefined
          ? `postscreen refused ${from}`
          : `postscreen refused ${f.sender} ${counted(f.count, 'more time')}, the last time ${from}`,
        `${DECIDED[f.decision]}: ${f.reason}`,
        f.decision === 'allow' ? retryText(f.code) : null,
      ];
    },
  },
  'sender-allowed': {
    level: 'info',
    when: 'the networks of a sender are in the table (in observe mode: would be)',
    text: (f) => {
      const networks = counted(f.networks, 'network');
      return {
        'table-written': [`${f.sender} is now allowed`, `screenpass wrote ${networks} to the table`],
        observed: [
          `${f.sender} would be allowed, with ${networks}`,
          'screenpass is in observe mode and wrote nothing',
        ],
        'not-wired': [
          `screenpass wrote ${networks} of ${f.sender} to the table, but postscreen does not use the table`,
          `Run ${DOCTOR} and apply its remedy`,
        ],
      }[f.effect];
    },
  },
  'sender-recovered': {
    level: 'info',
    when: 'a refused sender connected for the first time after the table let it in',
    text: (f) => [
      `${f.sender} gets through again: ${f.client} passed ${f.seconds} s after the first refusal`,
    ],
  },
  'other-gate': {
    level: 'warn',
    when: 'another gate than postscreen refused a watched sender: at once, then at most once an hour for each sender and gate',
    text: (f) => {
      const reply = [f.code, f.enhanced, f.text].filter((part) => part !== null).join(' ');
      const last = f.count > 1 ? `${f.sender} ${f.count} times, the last time ` : '';
      const recipient = f.recipient === null ? '' : ` for ${f.recipient}`;
      return [
        `The gate ${f.gate} refused ${last}${f.client} (${f.sender})${recipient}${reply === '' ? '' : `: ${reply}`}`,
        'screenpass changed nothing, since an entry in the table does not affect this gate',
        f.remedy,
      ];
    },
  },
  'sender-still-refused': {
    level: 'error',
    when: 'postscreen refused a sender although Postfix uses its entry; once until the sender gets through, and at most once an hour',
    endedBy: ['sender-recovered', 'entry-expired', 'entry-revoked'],
    text: (f) => [`postscreen refused ${f.client} (${f.sender}, gate ${f.gate}), which is allowed: ${f.why}`],
  },
  'dnsbl-fault': {
    level: 'error',
    when: 'a DNSBL zone refuses unrelated senders, or answers with an error; entries made meanwhile expire after one day',
    endedBy: ['dnsbl-recovered'],
    text: (f) => [
      `The DNSBL ${f.zone} gives wrong answers: ${f.reason}`,
      'Entries that it causes expire after one day',
      f.remedy,
    ],
  },
  'dnsbl-recovered': {
    level: 'info',
    when: 'no fault of the DNSBL zone was seen for an hour',
    text: (f) => [`The DNSBL ${f.zone} is trusted again: no fault was seen for an hour`],
  },
  'clients-hidden': {
    level: 'error',
    when: 'Postfix sees a private address in place of its clients, of all or of one address family, so that nothing can be allowed for them',
    endedBy: ['clients-visible'],
    text: (f) => [
      f.family === 'all'
        ? `Postfix does not see the addresses of its clients: it sees ${f.client}`
        : `Postfix does not see the addresses of its ${f.family} clients: it sees ${f.client} in their place, beside other clients with public addresses`,
      'screenpass allows nothing for them',
      f.remedy,
    ],
  },
  'clients-visible': {
    level: 'info',
    when: 'Postfix sees public addresses of its clients again',
    text: (f) => [
      `Postfix sees the addresses of its clients again (${f.family === 'all' ? 'IPv4 and IPv6' : f.family}), after ${f.seconds} s`,
    ],
  },
  'entry-revoked': {
    level: 'info',
    when: 'the administrator revoked an entry',
    text: (f) => [`The entry of ${f.sender} was revoked${f.reason === null ? '' : ` (${f.reason})`}`],
  },
  'entry-expired': {
    level: 'info',
    when: 'a sender was not seen for SCREENPASS_TTL and was removed from the table',
    text: (f) => [
      `The entry of ${f.sender} expired, since the sender was last seen at ${f.lastSeen}`,
      'If postscreen refuses the sender again, it is allowed again',
    ],
  },
  'questions-dropped': {
    level: 'warn',
    when: 'DNS was not asked which sender a refused address belongs to, because too many refusals wait for an answer: at once, then once an hour at most',
    text: (f) => [
      `screenpass did not ask DNS about ${f.count === 1 ? 'the refusal of an unknown address' : `${f.count} refusals of unknown addresses, the last time`} ` +
        `(${f.client}): too many wait for an answer`,
      'A watched sender among them is looked up when it is refused again',
      `If this lasts, check that DNS answers: ${DOCTOR}`,
    ],
  },
  'sender-vetoed': {
    level: 'warn',
    when: 'a zone of SCREENPASS_VETO_DNSBL lists an address of a watched sender that postscreen refused, or that the table let in; it stays out of the table while it is listed; more than 20 an hour of one zone are reported together, with `count`',
    text: (f) => [
      `${f.zone} lists ${f.client}${f.sender === null ? '' : ` (${f.sender})`}` +
        `${f.count === undefined ? '' : ` and ${counted(f.count - 1, 'more address', 'more addresses')}`}`,
      `screenpass keeps ${f.count === undefined ? 'it' : 'them'} out of the table and asks the zone again each day`,
    ],
  },
  'veto-ended': {
    level: 'info',
    when: 'no zone of SCREENPASS_VETO_DNSBL lists a vetoed address any more, or there are too many vetoed addresses',
    text: (f) => [`${f.client} is no longer vetoed after ${f.seconds} s (${f.zone}): ${f.why}`],
  },
  'veto-unanswered': {
    level: 'error',
    when: 'a zone of SCREENPASS_VETO_DNSBL did not answer for a minute, or answers with an error; no address is allowed before it answers',
    endedBy: ['veto-answered'],
    text: (f) => [
      `The veto zone ${f.zone} gives no answer that can be used (${f.reason})`,
      'screenpass asks it again each minute and allows no address before it answers',
      f.remedy,
    ],
  },
  'veto-answered': {
    level: 'info',
    when: 'the zone answers again',
    text: (f) => [`The veto zone ${f.zone} answers again after ${f.seconds} s`],
  },
  'senders-refreshed': {
    level: 'info',
    when: 'senders publish other networks than before, or answer again; has the changes by sender',
    text: (f) => [
      `screenpass refreshed the networks of the senders: ${changesText(f.added, f.removed)}`,
      f.recovered.length > 0 ? `These answer again: ${f.recovered.join(', ')}` : null,
    ],
  },
  'refresh-failed': {
    level: 'warn',
    when: 'senders gave no answer about their networks; their known networks stay, and screenpass asks again each hour',
    text: (f) => [
      `${counted(f.count, 'sender')} gave no answer about ${f.count === 1 ? 'its' : 'their'} networks: ${f.reason}`,
      'screenpass keeps the known networks and asks again each hour',
      `If this lasts, check that DNS answers: ${DOCTOR}`,
    ],
  },
  'sender-suspicious': {
    level: 'warn',
    when: 'a sender publishes networks that it should not, or changed too many at once; its known networks stay',
    text: (f) => [
      `${f.sender} published a suspicious list: ${f.reason}`,
      'screenpass keeps the known networks of the sender and asks again at the next refresh',
      f.remedy,
    ],
  },
  'reload-done': {
    level: 'info',
    when: 'Postfix is proven to use the table as it is now',
    text: (f) => [
      `Postfix reloaded in ${f.ms} ms and uses the table: ${f.senders.join(', ') || 'no entries'}`,
    ],
  },
  'reload-failed': {
    level: 'error',
    when: 'no reload was proven for a minute; screenpass retries until one is',
    endedBy: ['reload-recovered'],
    text: (f) => [
      `Postfix did not reload: ${f.reason}`,
      `screenpass retries in ${f.retrySeconds} s`,
      `If this lasts, run ${DOCTOR}`,
    ],
  },
  'reload-recovered': {
    level: 'info',
    when: 'Postfix reloads again, or there is nothing left to reload',
    text: (f) => [
      `Postfix can be reloaded again after ${f.seconds} s and ${counted(f.attempts, 'failed attempt')}`,
    ],
  },
  'table-invalid': {
    level: 'error',
    when: 'Postfix does not read the table as intended, the table cannot be read or replaced, or it has a second block of screenpass; a table that Postfix would not accept is never put in place',
    endedBy: ['table-valid'],
    text: (f) => [`The table has a fault: ${f.reason}`, f.remedy],
  },
  'table-valid': {
    level: 'info',
    when: 'what `table-invalid` reported is over',
    text: (f) => [`The table is valid again after ${f.seconds} s`],
  },
  'table-restored': {
    level: 'warn',
    when: 'the block of screenpass was missing or altered, and screenpass restored it',
    text: (f) => [
      {
        missing: 'The table, or the block of screenpass in it, was missing',
        altered: 'The block of screenpass in the table was altered',
      }[f.reason],
      'screenpass restored it',
    ],
  },
  'not-wired': {
    level: 'error',
    when: 'postscreen does not use the table, so nothing that screenpass writes has an effect',
    endedBy: ['wired'],
    text: (f) => [`postscreen does not use the table: ${f.reason}`, f.remedy],
  },
  wired: {
    level: 'info',
    when: 'postscreen uses the table again',
    text: (f) => [`postscreen uses the table again after ${f.seconds} s`],
  },
  'list-ignored': {
    level: 'warn',
    when: 'postscreen ignores the remainder of its access list for some clients, none of which is known to be an allowed sender',
    text: (f) => [
      `postscreen ignores the remainder of its access list for some clients: ${f.item}: ${f.reason}`,
      f.remedy,
    ],
  },
  'mailserver-lost': {
    level: 'warn',
    when: 'the log of the mail container cannot be followed',
    endedBy: ['mailserver-back'],
    text: (f) => [
      `screenpass cannot follow the log of ${f.container}: ${f.reason}`,
      'It retries until it can',
      f.remedy,
    ],
  },
  'mailserver-back': {
    level: 'info',
    when: 'the log is followed again, or the mail container was started again: once for each of its runs',
    text: (f) => [`screenpass follows the log of ${f.container} again after ${f.seconds} s`],
  },
  'state-lost': {
    level: 'error',
    when: 'the saved state is missing or cannot be used; screenpass restores it from the table and the log',
    endedBy: ['state-saved'],
    text: (f) => [
      `The saved state cannot be used: ${f.problem}${f.aside === null ? '' : `; it is kept as ${f.aside}`}`,
      `screenpass restored ${counted(f.entries, 'entry', 'entries')} from the table and reads the rest from the log`,
      f.remedy,
    ],
  },
  'state-unsaved': {
    level: 'error',
    when: 'the state could not be saved; screenpass retries until it is',
    endedBy: ['state-saved'],
    text: (f) => [
      `The state cannot be saved: ${f.reason}`,
      'screenpass works on and retries; after a restart it reads the log again from the last save on',
      f.remedy,
    ],
  },
  'state-saved': {
    level: 'info',
    when: 'the state is saved again, for the first time after it was lost or could not be saved',
    text: (f) => [`The state is saved again after ${f.seconds} s`],
  },
  'work-hangs': {
    level: 'error',
    when: 'nothing has taken the lines of stdout for 10 s (`work` is `stdout`), an operation on the `table` or the `state` has not ended for a minute, or the `writer` or the handling of the `log` has not',
    endedBy: ['work-resumed'],
    text: (f) => [f.reason, f.remedy],
  },
  'work-resumed': {
    level: 'info',
    when: 'what hung has ended',
    text: (f) => [`What hung (${f.work}) works again after ${f.seconds} s`],
  },
  digest: {
    level: 'info',
    when: 'SCREENPASS_DIGEST: what happened on the days (UTC) since the last digest',
    text: (f) => [digestText(f)],
  },
  stopping: {
    level: 'info',
    when: 'the daemon was stopped and has finished its current write',
    text: (f) => [
      `${f.signal} stopped screenpass`,
      `${counted(f.entries, 'entry stays', 'entries stay')} in the table`,
    ],
  },
};

/** The text of an alert, in one line. */
export function alertText<K extends AlertKind>(kind: K, fields: AlertFields[K]): string {
  return sentences(...ALERTS[kind].text(fields));
}

const DOCTOR = 'docker exec screenpass screenpass doctor';

/** Valid in observe mode as well; what was written is in `sender-allowed`. */
const DECIDED = {
  allow: 'screenpass decided to allow the sender',
  keep: 'screenpass changed nothing',
  wait: 'screenpass waits',
  refuse: 'screenpass did not allow it',
} as const;

/** A client that got a 4xx, or no reply, tries again by itself (RFC 5321 section 4.5.4.1). */
function retryText(code: number | null): string {
  return code !== null && code >= 500
    ? 'The sender must send the message again'
    : 'The sender will retry within minutes';
}

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
 * Id and fields of a sender-refused that may report several: the id of the first, the fields of the last. The id is
 * the same when the same session is read again.
 */
export function refusalAlert({
  first,
  last,
  count,
}: EventGroup<DecidedRefusal>): [id: string, fields: AlertFields['sender-refused']] {
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

/** Id and fields of other-gate. The id names the first refusal of the group. */
export function otherGateAlert(
  { first, last, count }: EventGroup<OtherRefusal>,
  recipient: string | null,
): [id: string, fields: AlertFields['other-gate']] {
  const { sender, client, gate, code, enhanced, text } = last;
  const { remedy, docs } = GATES[gate];
  const id = `${sender} ${gate} ${new Date(first.at).toISOString()} ${first.mark}`;
  return [id, { sender, client, gate, code, enhanced, text, recipient, count, remedy, docs }];
}

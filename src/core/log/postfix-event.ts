import { isIP } from 'node:net';
import { formatAddress, parseAddress } from '../net/network.ts';
import { readClaims, readSmtpdClaims } from './claims.ts';
import { isUnavailable, readListWarning } from './list-warning.ts';
import { type PostfixLine, parseLogLine } from './log-line.ts';

export type EventKind =
  | 'connect'
  | 'pass_new'
  | 'pass_old'
  | 'allowlisted'
  | 'denylisted'
  | 'allowlist_veto'
  | 'dnsbl_rank'
  | 'dnsbl_listed'
  | 'pregreet'
  | 'hangup'
  | 'protocol'
  | 'reject'
  | 'data_without_rcpt'
  | 'disconnect'
  | 'list_ignored'
  | 'table_unavailable'
  | 'cache_or_info'
  | 'smtpd_reject'
  | 'milter_reject'
  | 'reload'
  | 'other';

/**
 * What one Postfix line says; null where the line has no such value. `helo` is null when the client gave none
 * (`helo=<>`), while an empty `sender` is the null sender. The client address and port, `code`,
 * `enhanced`, `dnsbl` and `text` are Postfix's own words. `helo`, `sender` and `recipient` are the client's claims:
 * they are for people to read and must never decide anything.
 */
export interface PostfixEvent {
  readonly program: string;
  readonly kind: EventKind;
  /** Canonical address; null when the line has none or an unreadable one. */
  readonly ip: string | null;
  readonly port: number | null;
  readonly code: number | null;
  readonly enhanced: string | null;
  readonly dnsbl: string | null;
  readonly rank: number | null;
  readonly helo: string | null;
  readonly sender: string | null;
  readonly recipient: string | null;
  /**
   * reject, smtpd_reject, milter_reject: the reply's text, which can repeat what the client said; of a line that
   * Postfix cut, only what comes before that. hangup: `before` or `after` the SMTP handshake. Of master's lines:
   * `started` for its start. Of smtpd's warnings, and of postscreen's about its access list: their words.
   */
  readonly text: string | null;
  /** Of the message that the line is about; null for none (`NOQUEUE`), and in warnings and worse. */
  readonly queueId: string | null;
  /** The mail host's own stamp, as text. */
  readonly stamp: string | null;
}

/** Postfix cuts each message silently at this many bytes, so what stands at the end of such a line is not certain. */
export const CUT_AT = 2000;

const CLIENT = String.raw`\[([^\] ]{1,45})\]:(\d{1,5})`;
/** The port only with smtpd_client_port_logging. */
const SMTPD_CLIENT = String.raw`[^ \[\]]*\[([^\]]{1,45})\](?::(\d{1,5}))?`;
const STATUS = String.raw`([245]\.\d{1,3}\.\d{1,3})`;

/** One message of postscreen: its first letters, and its form with address, port and what else is to be known. */
const POSTSCREEN: readonly (readonly [EventKind, letters: string, RegExp])[] = [
  ['connect', 'C', new RegExp(`^CONNECT from ${CLIENT}(?: to \\[[^\\] ]{1,45}\\]:\\d{1,5})?$`)],
  ['pass_new', 'P', new RegExp(`^PASS NEW ${CLIENT}$`)],
  ['pass_old', 'P', new RegExp(`^PASS OLD ${CLIENT}$`)],
  ['allowlisted', 'AW', new RegExp(`^(?:ALLOW|WHITE)LISTED ${CLIENT}$`)],
  ['denylisted', 'DB', new RegExp(`^(?:DENY|BLACK)LISTED ${CLIENT}$`)],
  ['allowlist_veto', 'AW', new RegExp(`^(?:ALLOW|WHITE)LIST VETO ${CLIENT}$`)],
  ['disconnect', 'D', new RegExp(`^DISCONNECT ${CLIENT}$`)],
  ['pregreet', 'P', new RegExp(`^PREGREET \\d{1,10} after [\\d.]{1,20} from ${CLIENT}: `)],
  [
    'hangup',
    'H',
    new RegExp(`^HANGUP after [\\d.]{1,20} from ${CLIENT} in tests (before|after) SMTP handshake$`),
  ],
  [
    'protocol',
    'CBN',
    new RegExp(`^(?:COMMAND PIPELINING|BARE NEWLINE|NON-SMTP COMMAND) from ${CLIENT}(?::? |$)`),
  ],
  ['protocol', 'C', new RegExp(`^COMMAND (?:TIME|LENGTH|COUNT) LIMIT from ${CLIENT}(?: after [A-Z]+|)$`)],
  ['data_without_rcpt', 'DB', new RegExp(`^(?:DATA|BDAT) without valid RCPT from ${CLIENT}$`)],
  [
    'reject',
    'Nr',
    new RegExp(
      `^(?:NOQUEUE: )?reject: (?:CONNECT|connect) from ${CLIENT}: ` +
        '(too many connections|all (?:server|screening) ports busy)$',
    ),
  ],
];

/**
 * What postscreen also logs, of no session's fate: messages of postscreen(8) and, with `-v`, of its library, whose
 * functions put their names in front. What is none of these and no message above is a wording that is not known.
 */
const POSTSCREEN_INFO: readonly RegExp[] = [
  /^(?:entering|leaving) STRESS mode with \d+ connections$/,
  /^table \S+ has changed - finishing in the background$/,
  /^cache \S+ (?:full|partial) cleanup: /,
  /^\[[^\] ]+\]:?\d+: (?:discarding EHLO keywords|replacing command)/,
  /^using backwards-compatible default setting /,
  /^close database .* \(possible Berkeley DB bug\)$/,
  /^PENALTY \d+ for /,
  // Written by rsyslog in place of the repeated lines.
  /^message repeated \d+ times: \[/,
  /^[<>] \[/,
  /^(?:skip|flags for|DROP|ENFORCE|FAIL|UNPASS|SKIP|PASS [a-z]+ test) /,
  /^[a-z\d]+_\w*: /,
];
/** Short: upper-case hexadecimal; long (enable_long_queue_ids): digits and letters without vowels (postconf(5)). */
const QUEUE_ID = /^([0-9A-F]{5,20}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,20}): /;
const DNSBL_RANK = new RegExp(`^DNSBL rank (-?\\d{1,9}) for ${CLIENT}$`);
const RCPT_REJECT = new RegExp(`^NOQUEUE: reject: RCPT from ${CLIENT}: ([45]\\d\\d) ${STATUS} `);
const DNSBL_LISTED = /^addr ([^ ]{1,45}) listed by domain ([^ ]{1,255}) as ([^ ]{1,45})$/;
const SMTPD_REJECT = new RegExp(
  `^[0-9A-Za-z]{1,40}: (reject|milter-reject): [A-Z-]{1,20} from ${SMTPD_CLIENT}: (?:(\\d{3}) )?${STATUS} `,
);
/** smtpd's own DNSBL texts: the word before the bracket tells what was listed. */
const SMTPD_DNSBL = /^Service unavailable; [A-Z][a-z]+ [a-z]+ \[[^\]]*\] blocked using ([^ ;]{1,255})/;

/**
 * Reads one log line (one character a byte, no line end). Undefined: not a line of a Postfix program.
 * Any text gives a result in time linear to its length; nothing throws.
 */
export function parseEvent(text: string): PostfixEvent | undefined {
  const line = parseLogLine(text);
  if (line === undefined) return undefined;
  const found = readBody(line);
  // Field by field: spreading objects of many shapes costs more than all the matching.
  return {
    program: line.program,
    kind: found.kind,
    ip: found.ip ?? null,
    port: found.port ?? null,
    code: found.code ?? null,
    enhanced: found.enhanced ?? null,
    dnsbl: found.dnsbl ?? null,
    rank: found.rank ?? null,
    helo: found.helo ?? null,
    sender: found.sender ?? null,
    recipient: found.recipient ?? null,
    text: found.text ?? null,
    queueId: line.severity === null ? (QUEUE_ID.exec(line.body)?.[1] ?? null) : null,
    stamp: line.stamp,
  };
}

/** Postfix has read its configuration and its tables anew. */
export function readsAfresh({ program, kind, text }: PostfixEvent): boolean {
  return kind === 'reload' || (program === 'master' && text === 'started');
}

type Found = Partial<PostfixEvent> & { kind: EventKind };

function readBody({ program, severity, body }: PostfixLine): Found {
  switch (program) {
    case 'postscreen':
      if (severity !== null) return severity === 'warning' ? readWarning(body) : { kind: 'cache_or_info' };
      return readPostscreen(body) ?? { kind: isInfo(body) ? 'cache_or_info' : 'other' };
    case 'dnsblog':
      return (severity === null && readDnsblog(body)) || { kind: 'cache_or_info' };
    case 'smtpd':
      if (severity === 'warning') return { kind: 'other', text: body };
      return (severity === null && readSmtpd(program, body)) || { kind: 'other' };
    case 'cleanup':
      return (severity === null && readSmtpd(program, body)) || { kind: 'other' };
    case 'master':
      return readMaster(body);
    default:
      return { kind: 'other' };
  }
}

/** postscreen's own: only of its access list there is something to know. */
function readWarning(body: string): Found {
  if (readListWarning(body) !== undefined) return { kind: 'list_ignored', text: body };
  return isUnavailable(body) ? { kind: 'table_unavailable', text: body } : { kind: 'cache_or_info' };
}

function readMaster(body: string): Found {
  if (body.startsWith('reload -- version ')) return { kind: 'reload' };
  return { kind: 'other', text: body.startsWith('daemon started -- version ') ? 'started' : null };
}

function isInfo(body: string): boolean {
  return POSTSCREEN_INFO.some((form) => form.test(body));
}

function readPostscreen(body: string): Found | undefined {
  if (body.startsWith('NOQUEUE: reject: RCPT ')) return readRcptReject(body);
  const rank = body.startsWith('DNSBL ') ? DNSBL_RANK.exec(body) : null;
  if (rank !== null) return { kind: 'dnsbl_rank', rank: Number(rank[1]), ...client(rank[2], rank[3]) };
  for (const [kind, letters, pattern] of POSTSCREEN) {
    const match = letters.includes(body.charAt(0)) ? pattern.exec(body) : null;
    if (match !== null) return { kind, ...client(match[1], match[2]), text: match[3] ?? null };
  }
  return undefined;
}

/**
 * `NOQUEUE: reject: RCPT from [A]:P: CODE ENH TEXT; from=<S>, to=<R>, proto=P, helo=<H>`. Everything before the
 * first `; from=<` is Postfix's. HELO is the last field and cannot hold a blank, so the last `, proto=` before it
 * is Postfix's too; the border between sender and recipient can be forged by either.
 */
function readRcptReject(body: string): Found | undefined {
  const match = RCPT_REJECT.exec(body);
  if (match === null) return undefined;
  const [whole, ip, port, code, enhanced = null] = match;
  const from = body.indexOf('; from=<', whole.length - 1);
  const text = body.slice(whole.length, from < 0 ? undefined : from);
  const blocked = text.indexOf('blocked using ');
  const dnsbl = blocked < 0 ? null : text.slice(blocked + 'blocked using '.length);
  const claims = from < 0 || body.length >= CUT_AT ? {} : readClaims(body.slice(from + '; from=<'.length));
  return { kind: 'reject', ...client(ip, port), code: Number(code), enhanced, dnsbl, text, ...claims };
}

function readDnsblog(body: string): Found | undefined {
  const match = DNSBL_LISTED.exec(body);
  if (match === null) return undefined;
  const [, ip, dnsbl = null, text = null] = match;
  return { kind: 'dnsbl_listed', ip: readIp(ip), dnsbl, text };
}

function readSmtpd(program: string, body: string): Found | undefined {
  const match = body.includes('reject: ') ? SMTPD_REJECT.exec(body) : null;
  if (match === null) return undefined;
  const [whole, verb, ip, port, code, enhanced = null] = match;
  if (verb === 'reject' && (program !== 'smtpd' || code === undefined)) return undefined;
  const { text, claims } = readSmtpdClaims(body.slice(whole.length));
  const cut = body.length >= CUT_AT;
  return {
    kind: verb === 'reject' ? 'smtpd_reject' : 'milter_reject',
    ip: readIp(ip),
    port: readPort(port),
    code: code === undefined ? null : Number(code),
    enhanced,
    dnsbl: SMTPD_DNSBL.exec(text)?.[1] ?? null,
    text: cut ? text.split('<', 1).join() : text,
    ...(cut ? {} : claims),
  };
}

function client(ip: string | undefined, port: string | undefined): Pick<PostfixEvent, 'ip' | 'port'> {
  return { ip: readIp(ip), port: readPort(port) };
}

/** What no TCP port can be is damage. */
function readPort(text: string | undefined): number | null {
  return text !== undefined && Number(text) <= 65_535 ? Number(text) : null;
}

/** The address in its one form; null for what is none: a redaction, damage, or one with a zone. */
export function readIp(text: string | undefined): string | null {
  if (text === undefined) return null;
  // Nearly all are, and IPv4 has no other form.
  if (isIP(text) === 4) return text;
  const address = parseAddress(text);
  return address === undefined ? null : formatAddress(address);
}

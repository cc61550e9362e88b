// The reader of lines as it was before it read bytes: regular expressions over text, and no code of src's reader. It is
// the oracle to which line-reader.test.ts holds the reader of src; a form is added to both.
import { isIP } from 'node:net';
import type { EventKind } from '../../../src/core/log/line-table.ts';
import { isUnavailable, readListWarning } from '../../../src/core/log/list-warning.ts';
import { postfixProgram } from '../../../src/core/log/log-line.ts';
import type { PostfixEvent } from '../../../src/core/log/postfix-event.ts';
import { formatAddress, parseAddress } from '../../../src/core/net/network.ts';

/** The header that syslog or Postfix's own log writer puts before each message, and what follows it. */
interface TaggedLine {
  /** What stands before the process id. */
  readonly tag: string;
  /** The stamp that the mail host wrote, as text; null when the header has none. */
  readonly stamp: string | null;
  readonly severity: 'warning' | 'error' | 'fatal' | 'panic' | null;
  /** The message, one character a byte. */
  readonly body: string;
}

interface PostfixLine extends Omit<TaggedLine, 'tag'> {
  /** Process name: the last component of the tag, e.g. `postscreen` of `postfix/smtpd-proxyprotocol/postscreen`. */
  readonly program: string;
}

const RFC3339 = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)`;
const CLASSIC = String.raw`[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d`;
const COMPOSE_NAME = String.raw`[A-Za-z0-9][\w.-]{0,127} {0,127}\| `;
const SUPERVISORD_DEBUG = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} DEBG '[^']{1,64}' std(?:out|err) output: `;

/**
 * Optional in front: compose's name, the Engine's stamp, supervisord's debug header. Then the mail host's stamp
 * (rsyslog decides which form), host, tag. Anchored: the words of a Postfix line also occur inside
 * other programs' lines, put there by strangers.
 */
const HEADER = new RegExp(
  `^(?:${COMPOSE_NAME})?(?:(${RFC3339}) )?(?:${SUPERVISORD_DEBUG})?` +
    `(?:(${RFC3339}|${CLASSIC}) )?[^ ]{1,255} ([^ \\[\\]]{1,255})\\[\\d{1,10}\\]: (?:(warning|error|fatal|panic): )?`,
);

/** Reads a line of any program, without its line end, one character a byte (latin1). Undefined: no such header. */
function parseTaggedLine(text: string): TaggedLine | undefined {
  const header = HEADER.exec(text);
  if (header === null) return undefined;
  const [whole, first = null, second = null, tag = '', severity = null] = header;
  const body = text.slice(whole.length);
  return { tag, stamp: second ?? first, severity: severity as TaggedLine['severity'], body };
}

/** The same for the lines of Postfix alone. */
function parseLogLine(text: string): PostfixLine | undefined {
  const line = parseTaggedLine(text);
  if (line === undefined) return undefined;
  const { tag, stamp, severity, body } = line;
  const program = postfixProgram(tag);
  return program === undefined ? undefined : { program, stamp, severity, body };
}

/** Postfix cuts each message silently at this many bytes, so what stands at the end of such a line is not certain. */
const CUT_AT = 2000;

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
export function readEventByText(text: string): PostfixEvent | undefined {
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
function readIp(text: string | undefined): string | null {
  if (text === undefined) return null;
  // Nearly all are, and IPv4 has no other form.
  if (isIP(text) === 4) return text;
  const address = parseAddress(text);
  return address === undefined ? null : formatAddress(address);
}

/** What the client claims, at the end of a reject line; null where it cannot be told from forged text. */
interface Claims {
  readonly helo: string | null;
  readonly sender: string | null;
  readonly recipient: string | null;
}

/**
 * postscreen puts a comma between the fields, smtpd does not. No blank can stand in HELO, so of several such ends
 * only the real one matches.
 */
const LAST_FIELDS = /(?:,|;|) proto=E?SMTP(?:,? helo=<([^ ]*)>)?$/;

/** Nearly all claims. */
const ASCII = /^[ -~]*$/;

const NONE: Claims = { helo: null, sender: null, recipient: null };

/** Reads what follows postscreen's `; from=<`: `S>, to=<R>, proto=P, helo=<H>`. */
function readClaims(rest: string): Claims {
  const end = LAST_FIELDS.exec(rest);
  if (end?.[1] === undefined) return NONE;
  const { head, recipient } = cutRecipient(rest.slice(0, end.index), ['>, to=<']);
  return {
    helo: decode(end[1]) || null,
    sender: head.endsWith('>') ? decode(head.slice(0, -1)) : null,
    recipient,
  };
}

/** Reads `...to=<R>` from the end; `head` keeps the `>` that closes the sender. */
function cutRecipient(
  envelope: string,
  marks: readonly string[],
): { head: string; recipient: string | null } {
  const at = Math.max(...marks.map((mark) => envelope.lastIndexOf(mark)));
  if (at < 0 || !envelope.endsWith('>')) return { head: envelope, recipient: null };
  const recipient = envelope.slice(envelope.indexOf('<', at) + 1, -1);
  return { head: envelope.slice(0, at + 1), recipient: decode(recipient) };
}

/**
 * Reads what follows smtpd's status: `TEXT; from=<S> to=<R> proto=P helo=<H>`, of which S and R depend on the SMTP
 * stage. TEXT often repeats an address of the client's, so the fields are read from the end.
 */
function readSmtpdClaims(rest: string): { readonly text: string; readonly claims: Claims } {
  const fields = withoutLogin(rest);
  const end = LAST_FIELDS.exec(fields);
  if (end === null) return { text: rest, claims: NONE };
  const helo = decode(end[1] ?? '') || null;
  const { head, recipient } = cutRecipient(fields.slice(0, end.index), ['> to=<', '; to=<']);
  const from = head.lastIndexOf('; from=<');
  if (from < 0 || !head.endsWith('>')) {
    return { text: head.replace(/;$/, ''), claims: { helo, sender: null, recipient } };
  }
  const sender = decode(head.slice(from + '; from=<'.length, -1));
  return { text: head.slice(0, from), claims: { helo, sender, recipient } };
}

/** Takes `sasl_method=... sasl_username=...` off the end. */
function withoutLogin(fields: string): string {
  let end = fields.length;
  for (let blank = fields.lastIndexOf(' '); blank > 0; blank = fields.lastIndexOf(' ', blank - 1)) {
    if (!fields.startsWith('sasl_', blank + 1)) break;
    end = blank;
  }
  return fields.slice(0, end);
}

/** Lines are read a byte a character, so that nothing but LF ends one; claims are UTF-8 when smtputf8_enable is on. */
function decode(bytes: string): string {
  if (ASCII.test(bytes)) return bytes;
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/**
 * The forms of the log lines that mean something, by program, each once: `parse`, `replay`, the daemon, and the look that
 * decides whether a line becomes text at all read by these rows. How a row is written is explained in line-form.ts and
 * line-parts.ts; the first form of a program that a message has is the one that counts.
 */

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

type Rows<Kind extends string> = readonly (readonly [kind: Kind, form: string])[];

const CLIENT = '[{ip}]:{port}';
const SEVERE = 'warning: |error: |fatal: |panic: ';
const MILTER =
  '{id}: milter-reject: {stage} from {host}[{peer}]{colon_port}: {code_blank}{enhanced} {smtpd_reply}';
const LISTED = 'addr {bare_ip} listed by domain {zone} as {answer}';

/** Lines of Postfix, by process name. */
export const POSTFIX: Readonly<Record<string, Rows<EventKind>>> = {
  postscreen: [
    ['connect', `CONNECT from ${CLIENT}( to [{to_ip}]:{to_port}|)`],
    ['disconnect', `DISCONNECT ${CLIENT}`],
    ['dnsbl_rank', `DNSBL rank {rank} for ${CLIENT}`],
    ['reject', `NOQUEUE: reject: RCPT from ${CLIENT}: {code} {enhanced} {reply}`],
    ['pass_old', `PASS OLD ${CLIENT}`],
    ['pass_new', `PASS NEW ${CLIENT}`],
    ['hangup', `HANGUP after {time} from ${CLIENT} in tests {text=before|after} SMTP handshake`],
    ['pregreet', `PREGREET {count} after {time} from ${CLIENT}: {rest}`],
    ['allowlisted', `(ALLOW|WHITE)LISTED ${CLIENT}`],
    ['denylisted', `(DENY|BLACK)LISTED ${CLIENT}`],
    ['allowlist_veto', `(ALLOW|WHITE)LIST VETO ${CLIENT}`],
    ['protocol', `(COMMAND PIPELINING|BARE NEWLINE|NON-SMTP COMMAND) from ${CLIENT}(| {rest}|: {rest})`],
    ['protocol', `COMMAND (TIME|LENGTH|COUNT) LIMIT from ${CLIENT}(| after {upper})`],
    ['data_without_rcpt', `(DATA|BDAT) without valid RCPT from ${CLIENT}`],
    [
      'reject',
      `(NOQUEUE: |)reject: (CONNECT|connect) from ${CLIENT}: ` +
        '{text=too many connections|all server ports busy|all screening ports busy}',
    ],
    ['list_ignored', 'warning: {list_warning}'],
    ['table_unavailable', 'warning: {unavailable}'],
    ['cache_or_info', `(${SEVERE}){rest}`],
    // Of no session's fate: messages of postscreen(8) and, with `-v`, of its library, whose functions put their names
    // in front.
    ['cache_or_info', '(entering|leaving) STRESS mode with {digits} connections'],
    ['cache_or_info', 'table {word} has changed - finishing in the background'],
    ['cache_or_info', 'cache {word} (full|partial) cleanup: {rest}'],
    ['cache_or_info', '[{word_in_brackets}](:|){digits}: (discarding EHLO keywords|replacing command){rest}'],
    ['cache_or_info', 'using backwards-compatible default setting {rest}'],
    ['cache_or_info', 'close database {to_last} (possible Berkeley DB bug)'],
    ['cache_or_info', 'PENALTY {digits} for {rest}'],
    // Written by rsyslog in place of the repeated lines.
    ['cache_or_info', 'message repeated {digits} times: [{rest}'],
    ['cache_or_info', '(<|>) [{rest}'],
    ['cache_or_info', '(skip|flags for|DROP|ENFORCE|FAIL|UNPASS|SKIP|PASS {lower} test) {rest}'],
    ['cache_or_info', '{lower_or_digit}_{identifier}: {rest}'],
  ],
  dnsblog: [
    ['dnsbl_listed', LISTED],
    ['cache_or_info', '{queue_id}: {rest}'],
    ['cache_or_info', '{rest}'],
  ],
  smtpd: [
    [
      'smtpd_reject',
      '{id}: reject: {stage} from {host}[{peer}]{colon_port}: {reply_code} {enhanced} {smtpd_reply}',
    ],
    ['milter_reject', MILTER],
    ['other', 'warning: {text}'],
  ],
  cleanup: [['milter_reject', MILTER]],
  master: [
    ['reload', `(${SEVERE}|)reload -- version {rest}`],
    ['other', `(${SEVERE}|)daemon {text=started} -- version {rest}`],
  ],
};

/** Of every process of Postfix, behind its own: what such a line says is not read, but for the message that it is about. */
export const ANY_POSTFIX: Rows<EventKind> = [
  ['other', '{queue_id}: {rest}'],
  ['other', '{rest}'],
];

/**
 * Lines of programs that refuse mail without a line of Postfix about it, by tag. Amavis: the start of its log template
 * (2.13), without BANNED, in which names of the client's files are before the address. Fail2Ban: its syslog format (1.0),
 * which reaches the mail log with `logtarget = SYSLOG[facility=mail]`; a ban that it restores after its own restart holds
 * like a new one.
 */
export const FILTERS: Readonly<Record<string, Rows<'blocked'>>> = {
  amavis: ['INFECTED ({virus})', '{verdict}'].map(
    (verdict) =>
      [
        'blocked',
        `({amavis_id}) Blocked ${verdict} {{handling}},( {policy}|)( LOCAL|) [{ip}]:{to_port} {rest}`,
      ] as const,
  ),
  'fail2ban.actions': [['blocked', 'NOTICE [{jail}] (Restore |)Ban {bare_ip}']],
};

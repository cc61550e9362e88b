/** A line of the log as the Engine keeps it, and the outside of a line as text: is it the mail host's, with which stamp. */

const RFC3339 = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)`;
const CLASSIC = String.raw`[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d`;
const COMPOSE_NAME = String.raw`[A-Za-z0-9][\w.-]{0,127} {0,127}\| `;

/**
 * How a line begins that comes from the mail container now: the Engine's own stamp is cut off already, so the first is
 * the mail host's, written by its syslog. A tag with a process of Postfix's begins with a name that Postfix or
 * docker-mailserver gives it (postfix, postfix/submission, postfix-out, smtp-proxyprotocol).
 */
const LIVE_HEADER = new RegExp(
  `^(?:${RFC3339}|${CLASSIC}) [^ \\[\\]|]{1,255} (?:(?:postfix|smtp|submission)[^ \\[\\]]{0,255}|[^ \\[\\]/]{1,255})\\[\\d{1,10}\\]: `,
);

/**
 * Whether a line of the live log is one of the mail host's syslog. What is in front of a header in a file (compose's
 * name, a second stamp, supervisord's words) is put there by programs that print files, and no line of the log has it.
 */
export function isLiveLine(text: string): boolean {
  return LIVE_HEADER.test(text);
}

const FIRST_STAMP = new RegExp(`^(?:${COMPOSE_NAME})?(${RFC3339}|${CLASSIC}) `);

/** The stamp with which a line begins: the Engine's if there is one, else the mail host's; null when it begins otherwise. */
export function firstStamp(text: string): string | null {
  return FIRST_STAMP.exec(text)?.[1] ?? null;
}

const POSTFIX_PROGRAMS = new Set(
  (
    'anvil bounce cleanup defer discard dnsblog error flush lmtp local master nqmgr oqmgr pickup pipe postalias ' +
    'postdrop postfix postfix-script postkick postlog postlogd postmap postmulti postqueue postscreen postsuper ' +
    'proxymap qmgr qmqpd scache sendmail showq smtp smtpd spawn tlsmgr tlsproxy trace trivial-rewrite verify virtual'
  ).split(' '),
);

/**
 * The process of a tag; undefined when it is none of Postfix's. The tag is `syslog_name/process`, and administrators
 * choose syslog_name freely (postconf(5)), so a known process name is enough.
 */
export function postfixProgram(tag: string): string | undefined {
  const slash = tag.lastIndexOf('/');
  const program = tag.slice(slash + 1);
  if (slash < 0 || program === '') return undefined;
  return tag.startsWith('postfix') || POSTFIX_PROGRAMS.has(program) ? program : undefined;
}
export type StreamName = 'stdout' | 'stderr';

/** One line of the container's output as the Engine keeps it. */
export interface LogLine {
  readonly stream: StreamName;
  /** The Engine's stamp: RFC 3339 in UTC, always nine decimals, so that text order is time order. */
  readonly stamp: string;
  /** Without line end, one character a byte, at most 64 KiB; empty also where the daemon would make nothing of it. */
  readonly text: string;
}

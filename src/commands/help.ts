// What --help says of each command and of the settings. The commands and their options are in program.ts.
import { SETTINGS } from '../config/settings.ts';
import { wrapped } from '../core/base/wording.ts';

/** What `--help` says of a command. */
interface Help {
  /** One line for the list of commands. */
  readonly does: string;
  /** What it prints on stdout, and what else the reader must know. */
  readonly prints: string;
  readonly example: string;
  /** What its exit codes mean; 2 is wrong usage and settings everywhere. */
  readonly exits: Readonly<Partial<Record<0 | 1 | 2 | 3, string>>>;
}

const NO_DAEMON = 'no daemon answers';
const WRONG = 'wrong usage or settings';

/** Each command, in the order of the README. */
export const HELP = {
  run: {
    does: 'follow the mail container and let refused senders through (the default)',
    prints: 'Prints alerts and its own log, one JSON object a line, until SIGTERM or SIGINT ends it.',
    example: 'docker compose up -d screenpass',
    exits: { 0: 'stopped', 3: 'a file, the port of SCREENPASS_HTTP or the control socket cannot be used' },
  },
  doctor: {
    does: 'check the whole installation, with a remedy for each problem',
    prints:
      'Prints a line for each check (ok, warn, FAIL, or ? if it could not be made), with the remedy below it. Changes nothing.',
    example: 'docker exec screenpass screenpass doctor',
    exits: {
      0: 'nothing failed (there may be warnings)',
      1: 'a check failed',
      3: 'the Engine did not answer',
    },
  },
  probe: {
    does: 'find the watched senders that postscreen would refuse now, by a sample of their addresses',
    prints:
      'Prints a line for each sender and a summary. All senders may take a minute, one takes seconds. Changes nothing.',
    example: 'docker exec screenpass screenpass probe amazon-ses',
    exits: {
      0: 'none would be refused',
      1: 'one would be refused',
      3: 'Engine, Postfix or DNS gave no answer that was needed',
    },
  },
  parse: {
    does: 'print each Postfix line of a log as an object',
    prints:
      'Prints a line for each line of Postfix, with its number in the log. The log may be gzip. Changes nothing.',
    example: 'docker logs mailserver 2>&1 | docker exec -i screenpass screenpass parse --json',
    exits: { 0: 'done', 1: 'the log has no line of Postfix', 3: 'the log cannot be read to its end' },
  },
  replay: {
    does: 'report the refusals of an old log, and what screenpass or other settings would have changed',
    prints:
      'Prints tables: who was refused, what screenpass would have done, and what if. The log may be gzip. Changes nothing and asks no server.',
    example: 'docker logs mailserver 2>&1 | docker exec -i screenpass screenpass replay --dnsbl-threshold 5',
    exits: { 0: 'done', 1: 'the log has no line of Postfix', 3: 'the log cannot be read to its end' },
  },
  import: {
    does: 'judge your own list: what screenpass can replace, and what is wrong',
    prints:
      'Prints what is wrong, what each line does, and the settings that replace it. Changes nothing and asks no server.',
    example: 'docker exec -i screenpass screenpass import - < /etc/postfix/postscreen_spf_whitelist.cidr',
    exits: { 0: 'the list is right', 1: 'something is wrong, or it is no list', 3: 'it cannot be read' },
  },
  check: {
    does: 'show the sender of each address, the evidence, and the decision about a refusal',
    prints: 'Prints a line for each address. Asks DNS about addresses that no list has. Changes nothing.',
    example: 'docker exec screenpass screenpass check 54.240.27.75',
    exits: { 0: 'done', 1: 'one would not be allowed', 3: 'DNS or a file gave no answer' },
  },
  senders: {
    does: 'list the known senders, with the number and age of their networks',
    prints:
      'Prints a line for each sender; + after the number: the sender also has addresses that no list has.',
    example: 'docker exec screenpass screenpass senders | grep suspicious',
    exits: { 0: 'done', 3: 'the state cannot be read' },
  },
  status: {
    does: 'show the state of the running daemon',
    prints: 'Prints a line for each part of the state; health is the result of all.',
    example: 'docker exec screenpass screenpass status',
    exits: { 0: 'healthy', 1: 'not healthy', 3: NO_DAEMON },
  },
  health: {
    does: 'check the running daemon, for HEALTHCHECK',
    prints: 'Prints nothing if the daemon is healthy, else the problem, on stderr.',
    example: 'docker exec screenpass screenpass health && echo healthy',
    exits: { 0: 'healthy', 1: 'not healthy, or no daemon answers' },
  },
  list: {
    does: 'list the entries, with their cause and whether Postfix uses them',
    prints: 'Prints a line for each entry, or "no entries".',
    example: 'docker exec screenpass screenpass list',
    exits: { 0: 'done', 3: NO_DAEMON },
  },
  allow: {
    does: 'allow a watched sender or a network without a refusal',
    prints: 'Prints the entry. Reserved, too wide and SCREENPASS_NEVER networks are never allowed.',
    example:
      'docker exec screenpass screenpass allow 185.199.108.0/22 --ttl 7d --reason "migration of a partner"',
    exits: { 0: 'done', 2: `it may not be allowed, or ${WRONG}`, 3: NO_DAEMON },
  },
  revoke: {
    does: 'revoke an entry',
    prints: 'Prints what was revoked, and what would allow it again.',
    example: 'docker exec screenpass screenpass revoke amazon-ses',
    exits: { 0: 'done', 2: `there is no such entry, or ${WRONG}`, 3: NO_DAEMON },
  },
  refresh: {
    does: 'ask the senders for their networks now, through the running daemon',
    prints: 'Prints what changed, and the senders that did not answer or are suspicious. Takes up to 90 s.',
    example: 'docker exec screenpass screenpass refresh --accept zoho',
    exits: {
      0: 'done',
      1: 'a sender is suspicious',
      2: `no sender has this id, or ${WRONG}`,
      3: 'a sender did not answer, or no daemon answers',
    },
  },
  spf: {
    does: "show the result of SPF's check_host (RFC 7208)",
    prints: 'Prints the result, the term that gave it, and the number of lookups.',
    example:
      'docker exec screenpass screenpass spf --ip 54.240.27.75 --sender a@amazonses.com --helo a27-75.smtp-out.amazonses.com',
    exits: { 0: 'pass', 1: 'any other result', 3: 'DNS did not answer' },
  },
} satisfies Readonly<Record<string, Help>>;

export type CommandName = keyof typeof HELP;

/** The last lines of a command's help. */
export function usageHelp({ example, exits }: Help): string {
  const codes = Object.entries({ 2: WRONG, ...exits }).map(([code, means]) => `${code} ${means}`);
  return `\nExample: ${example}\n${wrapped(`Exit codes: ${codes.join(', ')}.`, '  ')}`;
}

/** All settings, for `run --help`. */
export function settingsHelp(): string {
  const lines = Object.entries(SETTINGS).map(
    ([name, { default: value, help }]) =>
      `  ${name}\n${wrapped(`      ${help}${value === null ? '' : ` (default ${value})`}`, '      ')}`,
  );
  return `\nSettings (environment; each also from a file named in NAME__FILE):\n${lines.join('\n')}`;
}

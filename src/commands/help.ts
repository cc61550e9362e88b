import { SETTINGS } from '../config/settings.ts';

/** What `--help` says of a command. */
interface Help {
  /** One line for the list of commands. */
  readonly does: string;
  /** What stands on stdout, and what more is to be known. */
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
    does: 'look at the whole installation and say what to put right, and how',
    prints:
      'Prints a line for each check (ok, warn, FAIL, or ? when it could not be made), with the remedy below it. Changes nothing.',
    example: 'docker exec screenpass screenpass doctor',
    exits: {
      0: 'nothing failed (there may be warnings)',
      1: 'a check failed',
      3: 'the Engine did not answer',
    },
  },
  probe: {
    does: 'which watched senders postscreen would refuse now, by a sample of their addresses',
    prints:
      'Prints a line for each sender and a summary. All senders may take a minute, one takes seconds. Changes nothing.',
    example: 'docker exec screenpass screenpass probe amazon-ses',
    exits: {
      0: 'none',
      1: 'one would be refused',
      3: 'Engine, Postfix or DNS gave no answer that was needed',
    },
  },
  parse: {
    does: 'print each Postfix line of a log as an object',
    prints:
      "Prints a line for each line of Postfix's, led by its number in the log. The log may be gzip. Changes nothing.",
    example: 'docker logs mailserver 2>&1 | docker exec -i screenpass screenpass parse --json',
    exits: { 0: 'done', 1: "no line of it is Postfix's", 3: 'the log cannot be read to its end' },
  },
  replay: {
    does: 'what an old log tells, and what screenpass or other settings would have changed',
    prints:
      'Prints tables: who was refused, what screenpass would have done, and what if. The log may be gzip. Changes nothing and asks nobody.',
    example: 'docker logs mailserver 2>&1 | docker exec -i screenpass screenpass replay --dnsbl-threshold 5',
    exits: { 0: 'done', 1: "no line of it is Postfix's", 3: 'the log cannot be read to its end' },
  },
  import: {
    does: 'what screenpass can take over from a list of your own, and what is wrong in it',
    prints:
      'Prints what is wrong, what each line is good for and the settings that take its place. Changes nothing and asks nobody.',
    example: 'docker exec -i screenpass screenpass import - < /etc/postfix/postscreen_spf_whitelist.cidr',
    exits: { 0: 'nothing is wrong in it', 1: 'something is, or it is no list', 3: 'it cannot be read' },
  },
  check: {
    does: 'whose addresses these are, by which evidence, and what policy would do about a refusal',
    prints: 'Prints a line for each address. Asks DNS about addresses in no list. Changes nothing.',
    example: 'docker exec screenpass screenpass check 54.240.27.75',
    exits: { 0: 'done', 1: 'policy would refuse one', 3: 'DNS or a file gave no answer' },
  },
  senders: {
    does: 'the senders that are known, with the number and age of their networks',
    prints: 'Prints a line for each sender; + behind the number: it also has addresses that no list holds.',
    example: 'docker exec screenpass screenpass senders | grep suspicious',
    exits: { 0: 'done', 3: 'the state cannot be read' },
  },
  status: {
    does: 'how the running daemon stands',
    prints: 'Prints a line for each thing to know; health is the sum of them.',
    example: 'docker exec screenpass screenpass status',
    exits: { 0: 'all is well', 1: 'it does not do what it is for', 3: NO_DAEMON },
  },
  health: {
    does: 'the same as an exit code, for HEALTHCHECK',
    prints: 'Prints nothing when all is well, else what is missing, on stderr.',
    example: 'docker exec screenpass screenpass health && echo well',
    exits: { 0: 'all is well', 1: 'it does not do what it is for, or no daemon answers' },
  },
  list: {
    does: 'the entries, each with its cause and whether Postfix uses it',
    prints: 'Prints a line for each entry, or "no entries".',
    example: 'docker exec screenpass screenpass list',
    exits: { 0: 'done', 3: NO_DAEMON },
  },
  allow: {
    does: 'allow a watched sender, or a network, without a refusal',
    prints: 'Prints the entry. Reserved space, SCREENPASS_NEVER and too wide networks stay out.',
    example:
      'docker exec screenpass screenpass allow 185.199.108.0/22 --ttl 7d --reason "migration of a partner"',
    exits: { 0: 'done', 2: `it may not be allowed, or ${WRONG}`, 3: NO_DAEMON },
  },
  revoke: {
    does: 'take an entry away',
    prints: 'Prints what was revoked, and whether something brings it back.',
    example: 'docker exec screenpass screenpass revoke amazon-ses',
    exits: { 0: 'done', 2: `there is no such entry, or ${WRONG}`, 3: NO_DAEMON },
  },
  refresh: {
    does: 'have the running daemon ask the senders for their networks now',
    prints:
      'Prints what changed, and who did not answer or is not believed. Takes up to a minute and a half.',
    example: 'docker exec screenpass screenpass refresh --accept zoho',
    exits: {
      0: 'done',
      1: 'a sender is not believed',
      2: `no sender has this id, or ${WRONG}`,
      3: 'a sender did not answer, or no daemon',
    },
  },
  spf: {
    does: "the result of SPF's check_host (RFC 7208)",
    prints: 'Prints the result, by which term, and how many lookups it took.',
    example:
      'docker exec screenpass screenpass spf --ip 54.240.27.75 --sender a@amazonses.com --helo a27-75.smtp-out.amazonses.com',
    exits: { 0: 'pass', 1: 'any other result', 3: 'DNS did not answer' },
  },
} satisfies Readonly<Record<string, Help>>;

export type CommandName = keyof typeof HELP;

/** The last lines of a command's help. */
export function usageHelp({ example, exits }: Help): string {
  const codes = Object.entries({ 2: WRONG, ...exits }).map(([code, means]) => `${code} ${means}`);
  return `\nExample: ${example}\nExit codes: ${codes.join(', ')}.`;
}

/** All settings, for `run --help`. */
export function settingsHelp(): string {
  const lines = Object.entries(SETTINGS).map(
    ([name, { default: value, help }]) =>
      `  ${name}\n      ${help}${value === null ? '' : ` (default ${value})`}`,
  );
  return `\nSettings (environment; each also from a file named in NAME__FILE):\n${lines.join('\n')}`;
}

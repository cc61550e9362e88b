/** Refusals by gates behind postscreen, from one line each. postscreen's own are in session.ts. */
import { type FilterLine, type PostfixEvent, parseFilterLine, readIp } from '../log/postfix-event.ts';
import type { LaterGate } from './gate.ts';

/** Mail that a gate behind postscreen refused, as one line reports it. */
export interface LaterRefusal {
  readonly ip: string;
  readonly gate: LaterGate;
  readonly code: number | null;
  readonly enhanced: string | null;
  /** Postfix's own words, letters and blanks only and at most 80; null where others spoke. */
  readonly text: string | null;
  /** The line from the mail host's stamp on: the same when supervisord prints it twice (at its debug level). */
  readonly line: string;
}

/** A refusal of a watched sender by a gate behind postscreen, at log time `at` in ms. */
export interface OtherRefusal extends Omit<LaterRefusal, 'ip' | 'line'> {
  readonly sender: string;
  readonly client: string;
  readonly at: number;
  /** A digest of its line: two refusals can have all else in common. */
  readonly mark: string;
}

type Reading = Omit<LaterRefusal, 'ip' | 'line'> & { readonly ip: string | null };

/** Enhanced status codes that mean one gate only, without their class (RFC 3463, 7372, 7505). */
const STATUS: ReadonlyMap<string, LaterGate> = new Map([
  ['7.25', 'client-hostname'],
  ['1.8', 'sender-domain'],
  ['7.27', 'sender-domain'],
  ['1.2', 'recipient-domain'],
  ['1.10', 'recipient-domain'],
  ['1.1', 'unknown-user'],
  ['7.23', 'spf'],
  ['7.24', 'spf'],
]);

/** How smtpd's reply begins where the status is one of many gates, as older versions of Postfix have more often. */
const SMTPD_WORDS: readonly (readonly [string, LaterGate])[] = [
  ['Client host rejected: cannot find your hostname', 'client-hostname'],
  ['Client host rejected: cannot find your reverse hostname', 'client-hostname'],
  ['Service unavailable; ', 'smtpd-dnsbl'],
  ['Helo command rejected: ', 'helo'],
  ['Sender address rejected: Domain not found', 'sender-domain'],
  ['Recipient address rejected: Domain not found', 'recipient-domain'],
  ['Recipient address rejected: User unknown', 'unknown-user'],
  ['Recipient address rejected: Unknown user', 'unknown-user'],
  ['Relay access denied', 'relay-denied'],
  ['Recipient address rejected: Message rejected due to: SPF', 'spf'],
  ['Recipient address rejected: Message deferred due to: SPF', 'spf'],
  ['Recipient address rejected: Delayed by Postgrey', 'postgrey'],
  ['Recipient address rejected: Greylisted', 'postgrey'],
];

/** What the milters of docker-mailserver say: Rspamd and OpenDMARC, their default texts. */
const MILTER_WORDS: readonly (readonly [string, LaterGate])[] = [
  ['Try again later', 'rspamd-greylist'],
  ['Greylisted', 'rspamd-greylist'],
  ['Spam message rejected', 'rspamd-reject'],
  ['Gtube pattern', 'rspamd-reject'],
  ['rejected by DMARC policy for ', 'dmarc'],
];

/** A warning of smtpd about a client of which anvil counted too much; the reply is not logged. */
const LIMIT =
  /^[A-Z][A-Za-z ]{1,60} limit exceeded: \d{1,10} from [^ [\]]{1,255}\[([^ [\]]{1,45})\](?::\d{1,5})? for service /;

/** Programs that refuse mail without a line of Postfix about it. */
const FILTERS: Readonly<Record<string, LaterGate>> = { amavis: 'amavis', 'fail2ban.actions': 'fail2ban' };

const SILENT = { code: null, enhanced: null, text: null };

/**
 * The refusal by a later gate that a line reports; `event` is what parseEvent read in it. Only a line with the mail
 * host's own stamp counts: it came through its syslog. Programs that refuse through Postfix (Rspamd, Postgrey,
 * policyd-spf) are known by Postfix's line alone, or each refusal would count twice.
 */
export function readLaterRefusal(text: string, event: PostfixEvent | undefined): LaterRefusal | undefined {
  const line = event === undefined ? parseFilterLine(text) : undefined;
  const stamp = event?.stamp ?? line?.stamp ?? null;
  const reading = event === undefined ? line && readFilter(line) : readPostfix(event);
  if (stamp === null || reading === undefined || reading.ip === null) return undefined;
  return { ...reading, ip: reading.ip, line: text.slice(text.indexOf(stamp)) };
}

function readPostfix(event: PostfixEvent): Reading | undefined {
  const { kind, ip, code, enhanced } = event;
  switch (kind) {
    case 'smtpd_reject': {
      const words = wordsOf(event.text);
      return { ip, gate: smtpdGate(enhanced, words), code, enhanced, text: ownWords(words) };
    }
    case 'milter_reject':
      return { ip, gate: gateBy(MILTER_WORDS, event.text), code, enhanced, text: null };
    case 'other':
      return event.text === null
        ? undefined
        : { ...SILENT, ip: readIp(LIMIT.exec(event.text)?.[1]), gate: 'rate-limit' };
    default:
      return undefined;
  }
}

function readFilter({ program, ip }: FilterLine): Reading | undefined {
  const gate = FILTERS[program];
  return gate && { ...SILENT, ip, gate };
}

function smtpdGate(enhanced: string | null, words: string | null): LaterGate {
  // Postgrey's text is a setting, its status is not.
  if (enhanced === '4.2.0') return 'postgrey';
  return STATUS.get(enhanced?.slice(2) ?? '') ?? gateBy(SMTPD_WORDS, words);
}

function gateBy(table: readonly (readonly [string, LaterGate])[], words: string | null): LaterGate {
  return table.find(([start]) => words?.startsWith(start))?.[1] ?? 'other-later';
}

/**
 * smtpd's reply from its own first word on. It may begin with `<what the client said>: `, and no client can take that
 * border away, only add others: with more than one, nothing is certain and null is given. What follows the first
 * words can be the client's again (SPF explanations), so only their beginning decides.
 */
function wordsOf(text: string | null): string | null {
  if (text === null || !text.startsWith('<')) return text;
  const [, words, another] = text.split('>: ', 3);
  return words === undefined || another !== undefined ? null : words;
}

function ownWords(words: string | null): string | null {
  return /^[A-Z][A-Za-z ]{1,79}/.exec(words ?? '')?.[0] ?? null;
}

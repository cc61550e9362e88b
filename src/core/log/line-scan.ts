import {
  ascii,
  type Cursor,
  DIGIT,
  type Form,
  form,
  hasAt,
  isOf,
  isOfForm,
  OF_NAME,
  skipSet,
  skipWords,
} from './line-form.ts';
import { postfixProgram } from './log-line.ts';
import { CUT_AT, type EventKind } from './postfix-event.ts';

/**
 * The first and fast look at the lines of a log, while they are bytes: nearly all are of a few plain forms and need
 * not become text. What is not of just such a form is left to the reading of text (postfix-event.ts), the slow twin: a
 * test holds each against the other, for every line of the corpus and for what it becomes when it is mutated.
 */
export interface LineScanner {
  /**
   * What a line is: `bytes` from `from` up to `to`, without its line end. Its event if it is a plain line; `none`: it is
   * none of a Postfix program; `unread`: it is no plain line. `other` and `none` tell nothing, as mayTell says.
   */
  scan(bytes: Buffer, from: number, to: number): Plain | 'none' | 'unread';
  /**
   * Where the values of the plain line stand that was scanned last: begin and end of each in turn, and of its stamp at
   * STAMP_SPAN.
   */
  readonly spans: Int32Array;
  /** Where its stamp ends. */
  readonly stampEnd: number;
  /**
   * False: the line tells neither of a session of postscreen's, nor of a refusal by a later gate, nor that Postfix reads
   * its tables afresh, and nothing has to be read in it. True says nothing.
   */
  mayTell(bytes: Buffer, from: number, to: number): boolean;
}

/** Events of one program and form. What the form does not name is null. The same object for all of them. */
export interface Plain extends Form<EventKind> {
  readonly program: string;
  /** Counted from 0 within the scanner, for those who keep something for each. */
  readonly index: number;
}

/** The forms of plain lines, by program; the most frequent come first. */
export const FORMS: ReadonlyMap<string, readonly Form<EventKind>[]> = new Map([
  [
    'postscreen',
    [
      form('connect', 'CONNECT from [{ip}]:{port} to [{-ip}]:{-port}'),
      form('disconnect', 'DISCONNECT [{ip}]:{port}'),
      form('dnsbl_rank', 'DNSBL rank {rank} for [{ip}]:{port}'),
      ...['ESMTP', 'SMTP'].map((protocol) =>
        form(
          'reject',
          'NOQUEUE: reject: RCPT from [{ip}]:{port}: {code} {enhanced} Service unavailable; client [{-ip}] blocked ' +
            `using {dnsbl}; from=<{sender}>, to=<{recipient}>, proto=${protocol}, helo=<{helo}>`,
        ),
      ),
      form('pass_old', 'PASS OLD [{ip}]:{port}'),
      form('pass_new', 'PASS NEW [{ip}]:{port}'),
      form('hangup', 'HANGUP after {-time} from [{ip}]:{port} in tests before SMTP handshake'),
      form('hangup', 'HANGUP after {-time} from [{ip}]:{port} in tests after SMTP handshake'),
      form('pregreet', 'PREGREET {-rank} after {-time} from [{ip}]:{port}: {-rest}'),
      form('allowlisted', 'ALLOWLISTED [{ip}]:{port}'),
    ],
  ],
  ['dnsblog', [form('dnsbl_listed', 'addr {ip} listed by domain {dnsbl} as {answer}')]],
]);
/** Of lines of programs without forms: what they say is not read, but for the message that they are about. */
const OTHER = form('other', '');
const OF_MESSAGE = form('other', '{queue_id}: {-rest}');
const REFUSALS = [
  form('refusal', '{-id}: reject: {-rest}'),
  form('refusal', '{-id}: milter-reject: {-rest}'),
];

/** How the lines begin of which the daemon makes something, by program. */
const TELLING: ReadonlyMap<string, readonly Form[]> = new Map([
  ['postscreen', [form('any', '{-rest}')]],
  ['dnsblog', [form('any', '{-rest}')]],
  ['master', [form('any', '{-rest}')]],
  ['smtpd', [...REFUSALS, form('limit', 'warning: {-rest}')]],
  ['cleanup', REFUSALS],
  ['amavis', [form('blocked', '({-id}) Blocked {-rest}')]],
  ['fail2ban.actions', [form('any', '{-rest}')]],
]);

/** How the lines of one tag are read. */
interface Tag {
  readonly bytes: Uint8Array;
  readonly other: Plain | 'none';
  /** The same with a queue id. */
  readonly ofMessage: Plain | null;
  /** Of a program whose lines have forms. */
  readonly forms: readonly Plain[] | undefined;
  /** As in TELLING. */
  readonly telling: readonly Form[];
}

/** A log has a dozen or two; lines with more are unread. */
const MOST_TAGS = 64;

export function createLineScanner(): LineScanner {
  const tags: Tag[] = [];
  const line: Cursor = { bytes: Buffer.alloc(0), at: 0, end: 0 };
  const spans = new Int32Array(2 * (STAMP_SPAN + 1));
  let stampEnd = 0;
  let plains = 0;

  /** Reads the header. Null: there is none with a process id, which Postfix's have; undefined: it is unread. */
  function readTag(bytes: Buffer, from: number, to: number): Tag | null | undefined {
    line.bytes = bytes;
    line.at = from;
    line.end = to;
    if (!skipStamp(line)) return undefined;
    stampEnd = line.at - 1;
    spans[2 * STAMP_SPAN] = from;
    spans[2 * STAMP_SPAN + 1] = stampEnd;
    if (!skipHost(line)) return undefined;
    const begin = line.at;
    const known = tagAt(begin);
    if (known === undefined) {
      if (!skipSet(line, OF_NAME, LONGEST_NAME)) return undefined;
      if (line.at === to || bytes[line.at] === BLANK) return null;
    } else line.at += known.bytes.length;
    const end = line.at;
    if (!skipWords(line, BEFORE_PID) || !skipSet(line, DIGIT, 10) || !skipWords(line, AFTER_PID))
      return undefined;
    return known ?? newTag(bytes.toString('latin1', begin, end));
  }

  function tagAt(at: number): Tag | undefined {
    for (const tag of tags)
      if (line.bytes[at + tag.bytes.length] === OPEN && hasAt(line, at, tag.bytes)) return tag;
    return undefined;
  }

  function newTag(text: string): Tag | undefined {
    if (tags.length === MOST_TAGS) return undefined;
    const program = postfixProgram(text);
    const plain = (one: Form<EventKind>) => ({ ...one, program: program ?? '', index: plains++ });
    const tag = {
      bytes: ascii(text),
      other: program === undefined ? ('none' as const) : plain(OTHER),
      ofMessage: program === undefined ? null : plain(OF_MESSAGE),
      forms: FORMS.get(program ?? '')?.map(plain),
      telling: TELLING.get(text.slice(text.lastIndexOf('/') + 1)) ?? [],
    };
    tags.push(tag);
    return tag;
  }

  function formOf<F extends Form>(forms: readonly F[]): F | undefined {
    const begin = line.at;
    for (const one of forms) {
      line.at = begin;
      if (isOfForm(line, one, spans)) return one;
    }
    line.at = begin;
    return undefined;
  }

  return {
    spans,
    get stampEnd() {
      return stampEnd;
    },
    scan(bytes, from, to) {
      const tag = readTag(bytes, from, to);
      if (tag === undefined) return 'unread';
      if (tag === null) return 'none';
      const { other, ofMessage, forms, telling } = tag;
      if (forms === undefined) {
        if (formOf(telling) !== undefined) return 'unread';
        return ofMessage !== null && isOfForm(line, ofMessage, spans) ? ofMessage : other;
      }
      return line.end - line.at < CUT_AT ? (formOf(forms) ?? 'unread') : 'unread';
    },
    mayTell(bytes, from, to) {
      const tag = readTag(bytes, from, to);
      return tag === undefined || (tag !== null && formOf(tag.telling) !== undefined);
    },
  };
}

const BLANK = 32;
const UPPER_A = 65;
const UPPER_Z = 90;
const OPEN = 91;
const ONE_BLANK = ascii(' ');
const BEFORE_PID = ascii('[');
const AFTER_PID = ascii(']: ');
/** Of hosts and tags. */
const LONGEST_NAME = 255;
/** Which of the spans is the stamp's: the one behind those of the values. */
export const STAMP_SPAN = Math.max(
  ...[...FORMS.values()].flatMap((forms) => forms.map(({ values }) => values.length)),
);

/** Bounds of each byte. */
interface Pattern {
  readonly low: Uint8Array;
  readonly high: Uint8Array;
}

/** The mail host's stamp as rsyslog writes it, in its two forms. `0` stands for a digit, `A` and `a` for a letter. */
const STAMPS = [
  ...['.000000+00:00', '+00:00', '.000000-00:00', '-00:00', 'Z', '.000Z', '.000000Z'].map(
    (end) => `0000-00-00T00:00:00${end} `,
  ),
  'Aaa 00 00:00:00 ',
  'Aaa  0 00:00:00 ',
].map((text): Pattern => {
  const high = text.replaceAll('0', '9').replaceAll('A', 'Z').replaceAll('a', 'z');
  return { low: ascii(text), high: ascii(high) };
});

function skipStamp(line: Cursor): boolean {
  for (const stamp of STAMPS) if (skipPattern(line, stamp)) return true;
  return false;
}

function skipPattern(line: Cursor, { low, high }: Pattern): boolean {
  const { bytes, at, end } = line;
  if (at + low.length > end) return false;
  for (let i = 0; i < low.length; i += 1) {
    const byte = bytes[at + i] as number;
    if (byte < (low[i] as number) || byte > (high[i] as number)) return false;
  }
  line.at = at + low.length;
  return true;
}

/** What could be another stamp, or already the tag, is unread. */
function skipHost(line: Cursor): boolean {
  const first = line.bytes[line.at] as number;
  if (isOf(DIGIT, first) || (first >= UPPER_A && first <= UPPER_Z)) return false;
  return skipSet(line, OF_NAME, LONGEST_NAME) && skipWords(line, ONE_BLANK);
}

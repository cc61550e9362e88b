/** The named parts of a log line's message, as the forms in line-table.ts use them. What a reply consists of is in reply.ts. */
import { isIP } from 'node:net';
import {
  type ByteSet,
  byteSet,
  filler,
  hasAt,
  type Part,
  plainText,
  type Scan,
  type Skip,
  SLOT,
  setAbsent,
  setSpan,
  skipRest,
  skipSet,
  value,
} from './line-form.ts';
import { isUnavailable, readListWarning } from './list-warning.ts';
import { skipReply, skipSmtpdReply } from './reply.ts';

const DIGIT = byteSet(/[0-9]/);
const UPPER = byteSet(/[A-Z]/);
const NOT_BLANK = byteSet(/[^ ]/);
const OF_IPV6 = byteSet(/[0-9a-f:]/);
/** Of a short queue id, and of a long one: no vowels (enable_long_queue_ids in postconf(5)). */
const OF_SHORT_ID = byteSet(/[0-9A-F]/);
const OF_LONG_ID = byteSet(/[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]/);

const DOT = 46;
const COLON = 58;
const ZERO = 48;
const MINUS = 45;
const FOUR = 52;
const FIVE = 53;
/** The longest text of an address, and a name in DNS. */
const LONGEST_ADDRESS = 45;
const LONGEST_NAME = 255;

/** By name. */
export const PARTS: Readonly<Record<string, Part>> = {
  ip: value('ip', address(byteSet(/[^\] ]/))),
  bare_ip: value('ip', address(NOT_BLANK)),
  /** smtpd's client. */
  peer: value('ip', address(byteSet(/[^\]]/))),
  to_ip: filler(byteSet(/[^\] ]/), LONGEST_ADDRESS),
  port: value('port', skipPort),
  to_port: filler(DIGIT, 5),
  /** `:25` or nothing. */
  colon_port: { fields: ['port'], skip: skipColonPort },
  code: value('code', (line) => isFourOrFive(line) && skipSet(line, DIGIT, 3) === 3),
  reply_code: value('code', skipReplyCode),
  /** `550 ` or nothing. */
  code_blank: { fields: ['code'], skip: skipCodeAndBlank },
  enhanced: value('enhanced', skipStatus),
  reply: { fields: ['text', 'dnsbl', 'helo', 'sender', 'recipient'], skip: skipReply },
  smtpd_reply: { fields: ['text', 'dnsbl', 'helo', 'sender', 'recipient'], skip: skipSmtpdReply },
  zone: value('dnsbl', plainText(NOT_BLANK, LONGEST_NAME)),
  answer: value('text', plainText(NOT_BLANK, LONGEST_ADDRESS)),
  rank: value('rank', skipRank),
  queue_id: value('queueId', skipQueueId),
  /** A queue id, `NOQUEUE` or another id. */
  id: { fields: ['queueId'], skip: skipId },
  list_warning: value(
    'text',
    warning((text) => readListWarning(text) !== undefined),
  ),
  unavailable: value('text', warning(isUnavailable)),
  text: value('text', skipRest),
  rest: { fields: [], skip: skipRest },
  /** All up to the words behind it, which end the line. */
  to_last: { fields: [], skip: skipToLast },
  time: filler(byteSet(/[0-9.]/), 20),
  count: filler(DIGIT, 10),
  digits: filler(DIGIT, Number.POSITIVE_INFINITY),
  word: filler(byteSet(/\S/), Number.POSITIVE_INFINITY),
  word_in_brackets: filler(byteSet(/[^\] ]/), Number.POSITIVE_INFINITY),
  upper: filler(UPPER, Number.POSITIVE_INFINITY),
  lower: filler(byteSet(/[a-z]/), Number.POSITIVE_INFINITY),
  lower_or_digit: filler(byteSet(/[a-z\d]/), Number.POSITIVE_INFINITY),
  /** Also none. */
  identifier: filler(byteSet(/\w/), Number.POSITIVE_INFINITY, 0),
  stage: filler(byteSet(/[A-Z-]/), 20),
  host: filler(byteSet(/[^ [\]]/), Number.POSITIVE_INFINITY, 0),
  amavis_id: filler(byteSet(/[\w-]/), 40),
  verdict: { fields: [], skip: skipVerdict },
  virus: filler(byteSet(/[^(){}<>[\]]/), 200),
  handling: filler(byteSet(/[A-Za-z,]/), 200),
  policy: filler(byteSet(/[\w/.-]/), 60),
  jail: filler(byteSet(/[^[\]]/), 64),
};

/** An address, or what is written in its place, up to a byte that is not of the set. */
function address(set: ByteSet): Skip {
  return (line) => {
    const begin = line.at;
    const isQuad = skipQuad(line);
    if (isQuad && (line.at === line.end || set[line.bytes[line.at] as number] !== 1)) return true;
    line.at = begin;
    if (skipSet(line, set, LONGEST_ADDRESS) === 0) return false;
    line.isPlain &&= isCanonical(line, begin, line.at);
    return true;
  };
}

/** `192.0.2.1` */
function skipQuad(line: Scan): boolean {
  for (let part = 0; part < 4; part += 1) {
    if (part > 0 && line.bytes[line.at++] !== DOT) return false;
    const begin = line.at;
    const number = readNumber(line, 3);
    if (number < 0 || number > 255 || hasLeadingZero(line, begin)) return false;
  }
  return true;
}

/**
 * Whether an IPv6 address is surely in its one form (RFC 5952): no group begins with 0, and `::` is for two at least.
 * False says nothing.
 */
function isCanonical({ bytes }: Scan, begin: number, end: number): boolean {
  let colons = 0;
  let isShort = false;
  for (let at = begin; at < end; at += 1) {
    const byte = bytes[at] as number;
    if (OF_IPV6[byte] !== 1) return false;
    if (byte === ZERO && (at === begin || bytes[at - 1] === COLON)) return false;
    if (byte !== COLON) continue;
    colons += 1;
    isShort ||= at > begin && bytes[at - 1] === COLON;
  }
  return (!isShort || colons < 7) && isIP(bytes.toString('latin1', begin, end)) === 6;
}

/** The number that so many digits at most are; -1: there are none. */
function readNumber(line: Scan, most: number): number {
  const { bytes, at: begin } = line;
  const count = skipSet(line, DIGIT, most);
  let number = 0;
  for (let at = begin; at < line.at; at += 1) number = number * 10 + (bytes[at] as number) - ZERO;
  return count === 0 ? -1 : number;
}

function hasLeadingZero({ bytes, at }: Scan, begin: number): boolean {
  return bytes[begin] === ZERO && at > begin + 1;
}

function skipPort(line: Scan): boolean {
  const begin = line.at;
  const port = readNumber(line, 5);
  line.isPlain &&= port <= 65_535 && !hasLeadingZero(line, begin);
  return port >= 0;
}

function skipColonPort(line: Scan): boolean {
  const begin = line.at;
  line.at += 1;
  const isThere = line.bytes[begin] === COLON && begin < line.end && skipPort(line);
  if (isThere) setSpan(line, SLOT.port, begin + 1, line.at);
  else {
    setAbsent(line, SLOT.port);
    line.at = begin;
  }
  return true;
}

function isFourOrFive({ bytes, at }: Scan): boolean {
  return bytes[at] === FOUR || bytes[at] === FIVE;
}

function skipReplyCode(line: Scan): boolean {
  line.isPlain &&= line.bytes[line.at] !== ZERO;
  return skipSet(line, DIGIT, 3) === 3;
}

function skipCodeAndBlank(line: Scan): boolean {
  const begin = line.at;
  if (skipReplyCode(line) && line.at < line.end && line.bytes[line.at] === 32) {
    setSpan(line, SLOT.code, begin, line.at);
    line.at += 1;
  } else {
    setAbsent(line, SLOT.code);
    line.at = begin;
  }
  return true;
}

/** `5.7.1` */
function skipStatus(line: Scan): boolean {
  const isClass = isFourOrFive(line) || line.bytes[line.at] === 50;
  line.at += 1;
  if (!isClass) return false;
  for (let part = 0; part < 2; part += 1)
    if (line.bytes[line.at++] !== DOT || skipSet(line, DIGIT, 3) === 0) return false;
  return true;
}

function skipRank(line: Scan): boolean {
  if (line.bytes[line.at] === MINUS) line.at += 1;
  const begin = line.at;
  const count = skipSet(line, DIGIT, 9);
  line.isPlain &&= line.bytes[begin] !== ZERO || (count === 1 && line.bytes[begin - 1] !== MINUS);
  return count > 0;
}

/** At least 5 and at most 20 of the one, or 10 of the other. */
function skipQueueId(line: Scan): boolean {
  const begin = line.at;
  if (skipSet(line, OF_SHORT_ID, 20) >= 5 && line.bytes[line.at] === COLON) return true;
  line.at = begin;
  return skipSet(line, OF_LONG_ID, 20) >= 10;
}

const OF_ID = byteSet(/[0-9A-Za-z]/);

function skipId(line: Scan, next: Uint8Array): boolean {
  const begin = line.at;
  if (skipSet(line, OF_ID, 40) === 0 || !hasAt(line, line.at, next)) return false;
  const end = line.at;
  line.at = begin;
  if (skipQueueId(line) && line.at === end) setSpan(line, SLOT.queueId, begin, end);
  else setAbsent(line, SLOT.queueId);
  line.at = end;
  return true;
}

const OF_VERDICT = byteSet(/[A-Z\d-]/);

/** `SPAM` */
function skipVerdict(line: Scan): boolean {
  return UPPER[line.bytes[line.at] as number] === 1 && skipSet(line, OF_VERDICT, 31) >= 2;
}

/** The rest of the line, if its text says this. */
function warning(says: (text: string) => boolean): Skip {
  return (line) => says(line.bytes.toString('latin1', line.at, line.end)) && skipRest(line);
}

const NOT_BREAK = byteSet(/[^\r\n]/);

function skipToLast(line: Scan, next: Uint8Array): boolean {
  const most = line.end - next.length - line.at;
  return most >= 0 && skipSet(line, NOT_BREAK, most) === most;
}

import { isIP } from 'node:net';

/** A line as bytes, and how far it is read; it ends before `end`. */
export interface Cursor {
  bytes: Buffer;
  at: number;
  end: number;
}

/** A message that can be read without doubt: fixed words, and parts between them. */
export interface Form<Kind extends string = string> {
  readonly kind: Kind;
  /** Names of its values, in their order in the message. */
  readonly values: readonly string[];
  readonly begin: Uint8Array;
  readonly steps: readonly Step[];
}

/** A part of a message, and the fixed words behind it. */
interface Step {
  readonly skip: Skip;
  readonly isValue: boolean;
  readonly words: Uint8Array;
}

/** Moves the cursor behind a part of the message. False: it is not written as Postfix writes it. */
type Skip = (line: Cursor) => boolean;

/** How each part is read. */
const PARTS: Readonly<Record<string, Skip>> = {
  ip: skipAddress,
  answer: skipAddress,
  port: (line) => isBetween(readNumber(line, 5), 0, 65_535),
  code: (line) => isBetween(readNumber(line, 3), 400, 599),
  enhanced: skipStatus,
  dnsbl: (line) => skipSet(line, PLAIN, 255),
  rank: (line) => readNumber(line, 9) >= 0,
  helo: (line) => skipSet(line, PLAIN, 255),
  queue_id: skipQueueId,
  id: (line) => skipSet(line, OF_ID, 40),
  sender: skipClaim,
  recipient: skipClaim,
  time: (line) => skipSet(line, OF_TIME, 20),
  rest: skipRest,
};

/**
 * Reads a form as it is written in line-scan.ts: `{ip}` is a value of the message, `{-ip}` is read like one and is none.
 * Throws on a part that it does not know.
 */
export function form<Kind extends string>(kind: Kind, text: string): Form<Kind> {
  const [begin = '', ...rest] = text.split(/\{(-?[a-z_]+)\}/);
  const parts = rest.filter((_, i) => i % 2 === 0);
  const steps = parts.map((part, i) => {
    const skip = PARTS[part.replace('-', '')];
    if (skip === undefined) throw new Error(`{${part}} is no part of a form`);
    return { skip, isValue: !part.startsWith('-'), words: ascii(rest[2 * i + 1] ?? '') };
  });
  return { kind, values: parts.filter((part) => !part.startsWith('-')), begin: ascii(begin), steps };
}

/** Whether the line goes on and ends as the form says; writes where the values stand: begin and end of each in turn. */
export function isOfForm(line: Cursor, { begin, steps }: Form, spans: Int32Array): boolean {
  if (!skipWords(line, begin)) return false;
  let next = 0;
  for (const { skip, isValue, words } of steps) {
    const from = line.at;
    if (!skip(line)) return false;
    if (isValue) {
      spans[next] = from;
      spans[next + 1] = line.at;
      next += 2;
    }
    if (!skipWords(line, words)) return false;
  }
  return line.at === line.end;
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

export function skipWords(line: Cursor, words: Uint8Array): boolean {
  if (!hasAt(line, line.at, words)) return false;
  line.at += words.length;
  return true;
}

/** Whether the words stand at this place, within the line. */
export function hasAt({ bytes, end }: Cursor, at: number, words: Uint8Array): boolean {
  if (at + words.length > end) return false;
  for (let i = 0; i < words.length; i += 1) if (words[i] !== bytes[at + i]) return false;
  return true;
}

/** Sets of bytes, a bit each: looking one up costs less than comparing. */
export const DIGIT = 1;
const OF_IPV6 = 2;
const OF_TIME = 4;
/** Visible, in ASCII, the same in JSON, and no sign that could end a part: none of `"`, `;`, `<`, `>` and the backslash. */
const PLAIN = 8;
/** Of a queue id, NOQUEUE or a log id of Amavis. */
const OF_ID = 32;
/** Of a name in the header, where a bracket begins the process id. */
export const OF_NAME = 16;
/** Of a short queue id, and of a long one: no vowels. */
const OF_SHORT_ID = 64;
const OF_LONG_ID = 128;

const SETS = Uint8Array.from({ length: 256 }, (_, byte) => {
  const sign = String.fromCharCode(byte);
  const isIn = (set: number, signs: RegExp) => (signs.test(sign) ? set : 0);
  return (
    isIn(DIGIT, /[0-9]/) |
    isIn(OF_IPV6, /[0-9a-f:]/) |
    isIn(OF_TIME, /[0-9.]/) |
    (isIn(PLAIN, /[!-~]/) & ~isIn(PLAIN, /[";<>\\]/)) |
    isIn(OF_ID, /[\w-]/) |
    isIn(OF_NAME, /[^ [\]]/) |
    isIn(OF_SHORT_ID, /[0-9A-F]/) |
    isIn(OF_LONG_ID, /[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]/)
  );
});

export function isOf(set: number, byte: number | undefined): boolean {
  return ((SETS[byte as number] as number) & set) !== 0;
}

/** At least one byte of the set and at most so many. */
export function skipSet(line: Cursor, set: number, most: number): boolean {
  const { bytes, at: begin } = line;
  const end = Math.min(line.end, begin + most);
  let at = begin;
  while (at < end && ((SETS[bytes[at] as number] as number) & set) !== 0) at += 1;
  line.at = at;
  return at > begin;
}

const DOT = 46;
const COLON = 58;
const ZERO = 48;

/** A whole number as it is printed, without leading zeros; -1: there is none of so few digits. */
function readNumber(line: Cursor, most: number): number {
  const { bytes, at: begin } = line;
  const end = Math.min(line.end, begin + most);
  let at = begin;
  let value = 0;
  for (; at < end; at += 1) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  line.at = at;
  const isPrinted = at === begin + 1 || bytes[begin] !== ZERO;
  return at > begin && isPrinted ? value : -1;
}

function isBetween(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}

function skipDot(line: Cursor): boolean {
  if (line.bytes[line.at] !== DOT) return false;
  line.at += 1;
  return true;
}

function skipAddress(line: Cursor): boolean {
  const begin = line.at;
  if (skipQuad(line)) return true;
  line.at = begin;
  if (!skipSet(line, OF_IPV6, 45)) return false;
  return isCanonical(line, begin) && isIP(line.bytes.toString('latin1', begin, line.at)) === 6;
}

/**
 * Whether an IPv6 address from `begin` on is surely in its one form (RFC 5952): no group begins with 0, and `::` is for
 * two at least. False says nothing.
 */
function isCanonical({ bytes, at: end }: Cursor, begin: number): boolean {
  let colons = 0;
  let isShort = false;
  for (let at = begin; at < end; at += 1) {
    const byte = bytes[at];
    if (byte === ZERO && (at === begin || bytes[at - 1] === COLON)) return false;
    if (byte !== COLON) continue;
    colons += 1;
    isShort ||= bytes[at - 1] === COLON;
  }
  return !isShort || colons < 7;
}

/** At least 5 and at most 20 of the one, or 10 of the other. */
function skipQueueId(line: Cursor): boolean {
  const begin = line.at;
  if (skipSet(line, OF_SHORT_ID, 20) && line.at >= begin + 5 && line.bytes[line.at] === COLON) return true;
  line.at = begin;
  return skipSet(line, OF_LONG_ID, 20) && line.at >= begin + 10;
}

/** `192.0.2.1` */
function skipQuad(line: Cursor): boolean {
  for (let part = 0; part < 4; part += 1)
    if ((part > 0 && !skipDot(line)) || !isBetween(readNumber(line, 3), 0, 255)) return false;
  return true;
}

/** `5.7.1` */
function skipStatus(line: Cursor): boolean {
  const first = readNumber(line, 1);
  if (first !== 2 && first !== 4 && first !== 5) return false;
  return skipDot(line) && skipSet(line, DIGIT, 3) && skipDot(line) && skipSet(line, DIGIT, 3);
}

/** What a client said, or nothing. */
function skipClaim(line: Cursor): boolean {
  skipSet(line, PLAIN, line.end);
  return true;
}

function skipRest(line: Cursor): boolean {
  line.at = line.end;
  return true;
}

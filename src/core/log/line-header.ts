/**
 * The header of a log line: what can be in front of it in a file, the mail host's stamp, the host, and the tag with its
 * process id. It knows no program; line-reader.ts reads what is behind it.
 */
import {
  ascii,
  type ByteSet,
  byteSet,
  hasAt,
  type Scan,
  SLOT,
  setSpan,
  skipSet,
  skipWords,
} from './line-form.ts';

/** What is before the process id, with what its reader made of it. */
export interface Tag<T> {
  readonly bytes: Uint8Array;
  /** As in Scan. */
  readonly index: number;
  readonly meaning: T;
}

/** A log has a dozen or two. */
const MOST_TAGS = 64;

/** The tags of a log: looking at a known one costs less than reading its name. */
export class Tags<T> {
  readonly #known: Tag<T>[] = [];
  readonly #read: (text: string) => T;

  constructor(read: (text: string) => T) {
    this.#read = read;
  }

  /** The known tag at this place of the line, before a process id. */
  at(line: Scan): Tag<T> | undefined {
    for (const tag of this.#known)
      if (line.bytes[line.at + tag.bytes.length] === OPENING && hasAt(line, line.at, tag.bytes)) return tag;
    return undefined;
  }

  add(text: string): Tag<T> {
    const isKept = this.#known.length < MOST_TAGS;
    const tag = {
      bytes: ascii(text),
      index: isKept ? this.#known.length : -1,
      meaning: this.#read(text),
    };
    if (isKept) this.#known.push(tag);
    return tag;
  }
}

/** Moves behind the header and notes its stamp (absent: -1) and its tag. Undefined: there is none with a process id. */
export function skipHeader<T>(line: Scan, tags: Tags<T>): Tag<T> | undefined {
  line.spans[STAMP_AT] = -1;
  return skipUsual(line, tags) ?? skipAny(line, tags, 0);
}

/** What nearly all headers are: one stamp, and behind it nothing that could be something else than a host. */
function skipUsual<T>(line: Scan, tags: Tags<T>): Tag<T> | undefined {
  const { at: begin } = line;
  if (skipFullStamp(line) && OF_STAMP[line.bytes[line.at] as number] !== 1) {
    const end = line.at - 1;
    const tag = skipOrigin(line, tags);
    if (tag !== undefined) {
      setSpan(line, SLOT.stamp, begin, end);
      return tag;
    }
  }
  line.at = begin;
  return undefined;
}

/**
 * What can be in front of the host, from `step` on, is there as soon as the rest reads as a header with it; else the same
 * words may be a host's.
 */
function skipAny<T>(line: Scan, tags: Tags<T>, step: number): Tag<T> | undefined {
  const front = IN_FRONT[step];
  if (front === undefined) return skipOrigin(line, tags);
  const begin = line.at;
  if (front.first[line.bytes[begin] as number] === 1 && front.skip(line)) {
    const end = line.at - 1;
    const tag = skipAny(line, tags, step + 1);
    if (tag !== undefined) {
      // The mail host's own, if there are two.
      if (front.isStamp && line.spans[STAMP_AT] === -1) setSpan(line, SLOT.stamp, begin, end);
      return tag;
    }
  }
  line.at = begin;
  return skipAny(line, tags, step + 1);
}

/** The host, the tag and its process id. */
function skipOrigin<T>(line: Scan, tags: Tags<T>): Tag<T> | undefined {
  if (skipSet(line, NOT_BLANK, LONGEST_NAME) === 0 || !skipWords(line, BLANK)) return undefined;
  const begin = line.at;
  const known = tags.at(line);
  if (known !== undefined) line.at += known.bytes.length;
  else if (skipSet(line, OF_TAG, LONGEST_NAME) === 0) return undefined;
  const end = line.at;
  if (!skipWords(line, BEFORE_PID) || skipSet(line, DIGIT, 10) === 0 || !skipWords(line, AFTER_PID))
    return undefined;
  const tag = known ?? tags.add(line.bytes.toString('latin1', begin, end));
  setSpan(line, SLOT.program, begin, end);
  line.tag = tag.index;
  return tag;
}

/** Where the stamp's span is. */
const STAMP_AT = 2 * SLOT.stamp;
/** Of hosts and tags. */
const LONGEST_NAME = 255;
const DIGIT = byteSet(/[0-9]/);
const NOT_BLANK = byteSet(/[^ ]/);
const OF_TAG = byteSet(/[^ [\]]/);
/** A stamp begins with one of these. */
const OF_STAMP = byteSet(/[0-9A-Z]/);
const OPENING = 91;
const BLANK = ascii(' ');
const BEFORE_PID = ascii('[');
const AFTER_PID = ascii(']: ');

/** The stamp of most syslogs and of the Engine (RFC 3339), as rsyslog writes nearly all; then its parts, and that of older syslogs. */
const USUAL = pattern('0000-00-00T00:00:00.000000+00:00 ');
const DATE_TIME = pattern('0000-00-00T00:00:00');
const CLASSIC = [pattern('Aaa 00 00:00:00 '), pattern('Aaa  0 00:00:00 ')];
const UTC = pattern('Z ');
const EAST = pattern('+00:00 ');
const WEST = pattern('-00:00 ');
const DOT = 46;
const PLUS = 43;

/** Bounds of each byte: `0` in the text is a digit, `A` and `a` a letter. */
function pattern(text: string): { readonly low: Uint8Array; readonly high: Uint8Array } {
  const high = text.replaceAll('0', '9').replaceAll('A', 'Z').replaceAll('a', 'z');
  return { low: ascii(text), high: ascii(high) };
}

function skipPattern(line: Scan, { low, high }: ReturnType<typeof pattern>): boolean {
  const { bytes, at, end } = line;
  if (at + low.length > end) return false;
  for (let i = 0; i < low.length; i += 1) {
    const byte = bytes[at + i] as number;
    if (byte < (low[i] as number) || byte > (high[i] as number)) return false;
  }
  line.at = at + low.length;
  return true;
}

function skipFullStamp(line: Scan): boolean {
  if (skipPattern(line, USUAL)) return true;
  if (!skipPattern(line, DATE_TIME)) return false;
  if (line.bytes[line.at] === DOT) {
    line.at += 1;
    if (skipSet(line, DIGIT, 9) === 0) return false;
  }
  return skipPattern(line, line.bytes[line.at] === PLUS ? EAST : WEST) || skipPattern(line, UTC);
}

function skipStamp(line: Scan): boolean {
  const begin = line.at;
  if (skipFullStamp(line)) return true;
  line.at = begin;
  for (const classic of CLASSIC) if (skipPattern(line, classic)) return true;
  return false;
}

const OF_SERVICE = byteSet(/[\w.-]/);
const ONLY_BLANK = byteSet(/ /);
const NOT_QUOTE = byteSet(/[^']/);
const BAR = ascii('| ');
const DEBUG_STAMP = pattern("0000-00-00 00:00:00,000 DEBG '");
const QUOTE = ascii("' std");
const STREAMS = [ascii('out output: '), ascii('err output: ')];

/** `mailserver  | `, the service's name that compose prints. */
function skipService(line: Scan): boolean {
  skipSet(line, OF_SERVICE, 128);
  skipSet(line, ONLY_BLANK, 127);
  return skipWords(line, BAR);
}

/** `2026-11-24 02:24:10,123 DEBG 'rsyslog' stdout output: ` */
function skipSupervisord(line: Scan): boolean {
  if (!skipPattern(line, DEBUG_STAMP) || skipSet(line, NOT_QUOTE, 64) === 0 || !skipWords(line, QUOTE))
    return false;
  for (const stream of STREAMS) if (skipWords(line, stream)) return true;
  return false;
}

/** What can be in front of the host, in this order: the last stamp is the mail host's, written by its syslog. */
const IN_FRONT: readonly {
  /** It begins with one of these. */
  readonly first: ByteSet;
  readonly isStamp: boolean;
  skip(line: Scan): boolean;
}[] = [
  { first: byteSet(/[A-Za-z0-9]/), isStamp: false, skip: skipService },
  { first: DIGIT, isStamp: true, skip: skipFullStamp },
  { first: DIGIT, isStamp: false, skip: skipSupervisord },
  { first: byteSet(/[0-9A-Z]/), isStamp: true, skip: skipStamp },
];

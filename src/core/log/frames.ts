/** From the bytes of a log stream to its lines: frames of the Engine, lines that it split, and stamps. What a line says is not read. */
import type { LogLine, StreamName } from './log-line.ts';

/** The longest line that is kept whole; the rest of a longer one is dropped. */
export const LONGEST_LINE = 64 * 1024;

const HEADER_BYTES = 8;
const STREAMS: readonly (StreamName | undefined)[] = ['stdout', 'stdout', 'stderr'];
const ENGINE_ERROR = 3;
const YEAR_10000 = Date.UTC(10_000, 0);
/** `2026-11-24T02:24:10.921946642Z` */
const STAMP_BYTES = 30;
const LF = 10;
const CR = 13;
const BLANK = 32;

/** The stream itself says that it is broken, or it is not a framed stream: open it again. */
export class BrokenStream extends Error {
  override readonly name = 'BrokenStream';
}

/** A piece of a frame, `bytes` from `from` up to `to`; `last` when the frame ends with it. */
type Payload = (stream: StreamName, bytes: Buffer, from: number, to: number, last: boolean) => void;

/** A line without its line end, `bytes` from `from` up to `to`: they are the line's until the call returns. */
type Line = (bytes: Buffer, from: number, to: number) => void;

/**
 * Splits the Engine's multiplexed stream (Engine API, "Attach to a container": type, three zero bytes, length,
 * payload) as its chunks arrive, cut anywhere. Throws BrokenStream.
 */
export function createFrameSplitter(payload: Payload): (chunk: Buffer) => void {
  const header = Buffer.alloc(HEADER_BYTES);
  let headerLength = 0;
  let remaining = 0;
  let engineError: Buffer[] | undefined;

  function readHeader(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + HEADER_BYTES - headerLength);
    for (let i = at; i < end; i += 1) header[headerLength++] = chunk[i] ?? 0;
    if (headerLength === HEADER_BYTES) {
      const framed = header.readUInt32BE(0) % 0x1000000 === 0 && header.readUInt8(0) <= ENGINE_ERROR;
      if (!framed) throw new BrokenStream('the Engine sent something that is not a frame of a log stream');
      remaining = header.readUInt32BE(4);
      engineError = header.readUInt8(0) === ENGINE_ERROR ? [] : undefined;
    }
    return end;
  }

  function readPayload(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + remaining);
    remaining -= end - at;
    const isLast = remaining === 0;
    if (engineError === undefined) payload(STREAMS[header.readUInt8(0)] ?? 'stdout', chunk, at, end, isLast);
    else if (engineError.push(chunk.subarray(at, end)) > 0 && isLast) {
      throw new BrokenStream(`the Engine broke the stream: ${Buffer.concat(engineError).toString().trim()}`);
    }
    return end;
  }

  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      at = headerLength < HEADER_BYTES ? readHeader(chunk, at) : readPayload(chunk, at);
      if (headerLength === HEADER_BYTES && remaining === 0) headerLength = 0;
    }
  };
}

/**
 * Splits bytes into lines at LF and at nothing else: Postfix logs U+2028, U+0085 and the like as they came. A CR before
 * it is a terminal's (`tty: true`) and goes as well. Nothing is copied but a line that its chunk does not hold whole. A
 * line longer than LONGEST_LINE is cut.
 */
export function createLineSplitter(line: Line): {
  push(bytes: Buffer, from?: number, to?: number): void;
  end(): void;
} {
  const rest = Buffer.alloc(LONGEST_LINE);
  let length = 0;

  function keep(bytes: Buffer, from: number, to: number): void {
    length += bytes.copy(rest, length, from, to);
  }

  function give(bytes: Buffer, from: number, to: number): void {
    const end = Math.min(to, from + LONGEST_LINE);
    line(bytes, from, end > from && bytes[end - 1] === CR ? end - 1 : end);
  }

  return {
    push(bytes, from = 0, to = bytes.length) {
      let at = from;
      for (let lf = bytes.indexOf(LF, at); lf >= 0 && lf < to; lf = bytes.indexOf(LF, at)) {
        if (length === 0) give(bytes, at, lf);
        else {
          keep(bytes, at, lf);
          give(rest, 0, length);
          length = 0;
        }
        at = lf + 1;
      }
      keep(bytes, at, to);
    },
    end() {
      if (length > 0) give(rest, 0, length);
      length = 0;
    },
  };
}

/** All that the lines say is kept. */
const ALL = () => true;

/**
 * Turns the bytes of a log stream with `timestamps` into lines; raw bytes when the container has a terminal.
 * A line without a readable stamp is none of the Engine's and is dropped: it could not be resumed from. What a line says
 * becomes text only where `keeps` wants it, else it is empty: most of a log is of no interest.
 */
export function createLogReader(
  tty: boolean,
  keeps: (...line: Parameters<Line>) => boolean = ALL,
): (chunk: Buffer) => readonly LogLine[] {
  const canonicalStamp = createStampReader();
  let lines: LogLine[] = [];
  const push =
    (stream: StreamName): Line =>
    (bytes, from, to) => {
      const blank = firstBlank(bytes, from, to);
      const stamp = canonicalStamp(bytes.toString('latin1', from, blank));
      if (stamp === undefined) return;
      const begin = Math.min(blank + 1, to);
      lines.push({ stream, stamp, text: keeps(bytes, begin, to) ? bytes.toString('latin1', begin, to) : '' });
    };
  const split = tty
    ? createLineSplitter(push('stdout')).push
    : createMessageReader(push('stdout'), push('stderr'));
  return (chunk) => {
    lines = [];
    split(chunk);
    return lines;
  };
}

/** Where the line's first word ends. */
function firstBlank(bytes: Buffer, from: number, to: number): number {
  const usual = from + STAMP_BYTES;
  if (usual < to && bytes[usual] === BLANK) return usual;
  const blank = bytes.indexOf(BLANK, from);
  return blank < 0 ? to : Math.min(blank, to);
}

/**
 * The Engine keeps a longer line in parts of this many bytes, each a frame with the stamp of the first one. The last part
 * is always shorter, if need be empty; the driver `local` gives it no line end (docs/decisions.md has what was measured).
 */
const PART_BYTES = 16 * 1024;

function createMessageReader(stdout: Line, stderr: Line): (chunk: Buffer) => void {
  const readers = { stdout: createPartJoiner(stdout), stderr: createPartJoiner(stderr) };
  return createFrameSplitter((stream, ...piece) => readers[stream](...piece));
}

/**
 * Joins the frames of one stream to lines: a frame is one line or a part of one, whatever is in it. What follows a part
 * belongs to its line, whatever it looks like: a client can choose what a long line says at the place of the cut.
 */
function createPartJoiner(line: Line) {
  const splitter = createLineSplitter(line);
  const canonicalStamp = createStampReader();
  let frame: Buffer[] = [];
  /** Bytes of the frame that is being read; no frame of an Engine is so long that not all of it is kept. */
  let length = 0;
  let isContinued = false;
  return (bytes: Buffer, from: number, to: number, last: boolean): void => {
    const isEnded = to > from && bytes[to - 1] === LF;
    // As nearly all frames are: a whole line in one piece.
    if (last && length === 0 && !isContinued && isEnded && bytes.indexOf(LF, from) === to - 1) {
      splitter.push(bytes, from, to);
      return;
    }
    if (length < LONGEST_LINE) frame.push(bytes.subarray(from, to));
    length += to - from;
    if (!last) return;
    const whole = Buffer.concat(frame);
    const blank = firstBlank(whole, 0, whole.length);
    const text = canonicalStamp(whole.toString('latin1', 0, blank)) === undefined ? 0 : blank + 1;
    const lf = whole.indexOf(LF);
    splitter.push(whole, isContinued ? text : 0, lf < 0 ? whole.length : lf);
    isContinued = !isEnded && length - text >= PART_BYTES;
    if (!isContinued) splitter.end();
    frame = [];
    length = 0;
  };
}

/** `.921946642Z` behind the second. */
function hasNanoseconds(stamp: string): boolean {
  for (let i = 20; i < 29; i += 1) {
    const code = stamp.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return stamp[19] === '.' && stamp[29] === 'Z';
}

/**
 * Reads stamps into one form, RFC 3339 in UTC with nine decimals, whatever the Engine's habit (Podman trims zeros and
 * has offsets); undefined for what is none. Most lines share their second with the line before, which is then known.
 */
function createStampReader(): (text: string) => string | undefined {
  let known = '';
  return (text) => {
    if (text.length === STAMP_BYTES && known !== '' && text.startsWith(known) && hasNanoseconds(text))
      return text;
    const [, seconds, decimals = '', zone] =
      /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
    const time = Date.parse(`${seconds}${zone}`);
    // Before 1970 (Go's zero time among them) and after 9999 are no times of a log, and not of the form promised.
    if (!(time >= 0 && time < YEAR_10000)) return undefined;
    known = new Date(time).toISOString().slice(0, 19);
    return `${known}.${decimals.padEnd(9, '0')}Z`;
  };
}

import type { LogLine, StreamName } from '../ports.ts';

/** The longest line that is kept whole; the rest of a longer one is dropped. */
export const LONGEST_LINE = 64 * 1024;

const HEADER_BYTES = 8;
const STREAMS: readonly (StreamName | undefined)[] = ['stdout', 'stdout', 'stderr'];
const ENGINE_ERROR = 3;
const YEAR_10000 = Date.UTC(10_000, 0);
/** `2026-11-24T02:24:10.921946642Z` */
const STAMP_BYTES = 30;
const LF = 10;

/** The stream itself says that it is broken, or it is not a framed stream: open it again. */
export class BrokenStream extends Error {
  override readonly name = 'BrokenStream';
}

/** A piece of a frame; `last` when the frame ends with it. */
type Payload = (stream: StreamName, piece: Buffer, last: boolean) => void;

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
    const piece = chunk.subarray(at, at + remaining);
    remaining -= piece.length;
    if (engineError === undefined) payload(STREAMS[header.readUInt8(0)] ?? 'stdout', piece, remaining === 0);
    else if (engineError.push(piece) > 0 && remaining === 0) {
      throw new BrokenStream(`the Engine broke the stream: ${Buffer.concat(engineError).toString().trim()}`);
    }
    return at + piece.length;
  }

  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      at = headerLength < HEADER_BYTES ? readHeader(chunk, at) : readPayload(chunk, at);
      if (headerLength === HEADER_BYTES && remaining === 0) headerLength = 0;
    }
  };
}

/**
 * Splits bytes into lines at LF and at nothing else: Postfix logs U+2028, U+0085 and the like as they came.
 * One character a byte. A line longer than LONGEST_LINE is cut.
 */
export function createLineSplitter(line: (text: string) => void): { push(piece: Buffer): void; end(): void } {
  let rest = '';
  return {
    push(piece) {
      let from = 0;
      for (let lf = piece.indexOf(LF); lf >= 0; lf = piece.indexOf(LF, from)) {
        const room = LONGEST_LINE - rest.length;
        line(withoutCr(rest + piece.toString('latin1', from, Math.min(lf, from + room))));
        rest = '';
        from = lf + 1;
      }
      if (from < piece.length && rest.length < LONGEST_LINE) {
        rest += piece.toString('latin1', from, Math.min(piece.length, from + LONGEST_LINE - rest.length));
      }
    },
    end() {
      if (rest !== '') line(withoutCr(rest));
      rest = '';
    },
  };
}

/** A terminal (`tty: true`) ends its lines in CR LF. */
function withoutCr(text: string): string {
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}

/**
 * Turns the bytes of a log stream with `timestamps` into lines; raw bytes when the container has a terminal.
 * A line without a readable stamp is none of the Engine's and is dropped: it could not be resumed from.
 */
export function createLogReader(tty: boolean): (chunk: Buffer) => readonly LogLine[] {
  const canonicalStamp = createStampReader();
  let lines: LogLine[] = [];
  const push = (stream: StreamName) => (text: string) => {
    const blank = text[STAMP_BYTES] === ' ' ? STAMP_BYTES : text.indexOf(' ');
    const stamp = canonicalStamp(blank < 0 ? text : text.slice(0, blank));
    if (stamp !== undefined) lines.push({ stream, stamp, text: blank < 0 ? '' : text.slice(blank + 1) });
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

/**
 * The Engine keeps a longer line in parts of this many bytes, each a frame with the stamp of the first one; the
 * driver `local` gives the last part no line end.
 */
const PART_BYTES = 16 * 1024;

function createMessageReader(
  stdout: (line: string) => void,
  stderr: (line: string) => void,
): (chunk: Buffer) => void {
  const readers = { stdout: createPartJoiner(stdout), stderr: createPartJoiner(stderr) };
  return createFrameSplitter((stream, piece, last) => readers[stream](piece, last));
}

/** As nearly all frames are. */
function isOneLine(frame: Buffer): boolean {
  return frame.length > 0 && frame.length <= LONGEST_LINE && frame.indexOf(LF) === frame.length - 1;
}

/** Joins the frames of one stream to lines. */
function createPartJoiner(line: (text: string) => void): (piece: Buffer, last: boolean) => void {
  const splitter = createLineSplitter(line);
  let openStamp: string | undefined;
  let frame: Buffer[] = [];
  let room = LONGEST_LINE;
  return (piece, last) => {
    const isLine = last && frame.length === 0 && openStamp === undefined && isOneLine(piece);
    if (isLine) return line(withoutCr(piece.toString('latin1', 0, piece.length - 1)));
    // No frame of an Engine is that long; a broken one must not fill the memory.
    if (room > 0) frame.push(piece);
    room -= piece.length;
    if (!last) return;
    const whole = frame.length === 1 ? piece : Buffer.concat(frame);
    frame = [];
    room = LONGEST_LINE;
    const stamp = whole.toString('latin1', 0, STAMP_BYTES);
    const text = whole.subarray(STAMP_BYTES + 1);
    if (stamp === openStamp) splitter.push(text);
    else {
      splitter.end();
      splitter.push(whole);
    }
    const goesOn = text.length >= PART_BYTES && text.at(-1) !== LF;
    if (!goesOn) splitter.end();
    openStamp = goesOn ? stamp : undefined;
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

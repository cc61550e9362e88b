import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BrokenStream,
  createFrameSplitter,
  createLineSplitter,
  createLogReader,
  LONGEST_LINE,
} from '../../../src/core/log/frames.ts';
import type { LogLine } from '../../../src/core/log/log-line.ts';

const STAMP = '2026-11-24T02:24:10.921946642Z';
const LATER = '2026-11-24T02:24:11.000000001Z';
/** Measured on Engine 20.10: what a log driver keeps of a line in one entry. */
const PART = 16_384;

function frame(type: number, text: string): Buffer {
  const payload = Buffer.from(text, 'utf8');
  const header = Buffer.alloc(8);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** Feeds the bytes cut at the given places. */
function read(bytes: Buffer, cuts: readonly number[], tty = false): LogLine[] {
  const reader = createLogReader(tty);
  const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  return edges.slice(1).flatMap((end, i) => [...reader(bytes.subarray(edges[i], end))]);
}

interface Written {
  readonly type: 1 | 2;
  readonly text: string;
  /** Of the first part, and of the others. */
  readonly stamps: readonly string[];
  /** False: by the driver `local`, which gives a line of several parts no end. */
  readonly ended: boolean;
}

/** The entries of a line as a log driver keeps it and the Engine sends it. */
function entriesOf({ type, text, stamps, ended }: Written): Buffer[] {
  const count = Math.floor(text.length / PART) + 1;
  return Array.from({ length: count }, (_, i) => {
    const stamp = stamps[Math.min(i, stamps.length - 1)] ?? '';
    // An entry is never empty.
    const end = i === count - 1 && (ended || count === 1 || stamp === '') ? '\n' : '';
    return frame(type, `${stamp}${stamp && ' '}${text.slice(i * PART, (i + 1) * PART)}${end}`);
  });
}

/** The entries of both streams in one, each stream in its order. */
function mix([first = [], second = []]: readonly (readonly Buffer[])[], places: readonly number[]): Buffer[] {
  const left = [[...first], [...second]];
  const mixed: Buffer[] = [];
  for (let i = 0; left.some((queue) => queue.length > 0); i += 1) {
    const queue = left[(places[i % Math.max(1, places.length)] ?? i) % 2];
    const entry = (queue?.length ? queue : left.find(({ length }) => length > 0))?.shift();
    if (entry !== undefined) mixed.push(entry);
  }
  return mixed;
}

describe('the log stream', () => {
  it('gives the same lines wherever headers and characters are cut', () => {
    const texts = ['', 'plain', 'é\u2028ü', 'a'.repeat(300), '\u0085 x'];
    const messages = fc.array(fc.record({ type: fc.constantFrom(1, 2), text: fc.constantFrom(...texts) }), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(messages, fc.array(fc.nat(4000), { maxLength: 20 }), (all, cuts) => {
        const bytes = Buffer.concat(all.map(({ type, text }) => frame(type, `${STAMP} ${text}\n`)));
        const inside = cuts.filter((cut) => cut <= bytes.length);
        const wanted = all.map(({ type, text }) => ({
          stream: type === 1 ? 'stdout' : 'stderr',
          stamp: STAMP,
          text: Buffer.from(text, 'utf8').toString('latin1'),
        }));
        expect(read(bytes, inside)).toEqual(wanted);
      }),
    );
  });

  it('makes text only of lines that are to be kept, and has the stamps of all', () => {
    const keeps = (bytes: Buffer, from: number, to: number) =>
      bytes.toString('latin1', from, to).startsWith('mine');
    const bytes = Buffer.concat([frame(1, `${STAMP} theirs\n`), frame(1, `${STAMP} mine\n`)]);
    expect(createLogReader(false, keeps)(bytes)).toEqual([
      { stream: 'stdout', stamp: STAMP, text: '' },
      { stream: 'stdout', stamp: STAMP, text: 'mine' },
    ]);
  });

  it('puts a long line together from its parts, of which another stream comes between', () => {
    const parts = ['a'.repeat(16_384), 'b'.repeat(16_384), 'end\n'];
    const [first = '', second = '', end = ''] = parts.map((part) => `${STAMP} ${part}`);
    const bytes = Buffer.concat([
      frame(1, first),
      frame(2, `${STAMP} err\n`),
      frame(1, second),
      frame(1, end),
    ]);
    const lines = [
      { stream: 'stderr', stamp: STAMP, text: 'err' },
      { stream: 'stdout', stamp: STAMP, text: parts.join('').trim() },
    ];
    expect(read(bytes, [])).toEqual(lines);
    expect(
      read(
        bytes,
        [20, 16_400, 16_500, 40_000].filter((cut) => cut < bytes.length),
      ),
    ).toEqual(lines);
  });

  it('ends a long line whose last part has no line end, as the driver local gives it', () => {
    const later = STAMP.replace('24:10', '24:11');
    const whole = frame(1, `${STAMP} ${'a'.repeat(16_384)}`);
    const short = Buffer.concat([whole, frame(1, `${STAMP} end`), frame(1, `${STAMP} next\n`)]);
    expect(read(short, []).map(({ text }) => text.slice(-4))).toEqual(['aend', 'next']);
    const exact = Buffer.concat([whole, frame(1, `${STAMP} `), frame(1, `${later} next\n`)]);
    expect(read(exact, []).map(({ text }) => text.slice(-4))).toEqual(['aaaa', 'next']);
  });

  it('ends what a container wrote last without a line end', () => {
    const bytes = Buffer.concat([frame(1, `${STAMP} last words`), frame(1, `${STAMP} next\n`)]);
    expect(read(bytes, []).map(({ text }) => text)).toEqual(['last words', 'next']);
  });

  it('gives the lines that were written, whatever they hold and however they are cut and mixed', () => {
    const forged = 'Nov 24 02:24:10 mail postfix/postscreen[1]: PASS NEW [192.0.2.1]:25';
    const text = fc.oneof(
      fc.constantFrom('', 'short', forged),
      // What a client may choose begins where the Engine cuts, or some bytes beside it.
      fc
        .record({
          parts: fc.integer({ min: 1, max: 3 }),
          shift: fc.integer({ min: -40, max: 40 }),
          more: fc.constantFrom('', forged, `${STAMP} ${forged}`, forged.repeat(40)),
        })
        .map(({ parts, shift, more }) => 'x'.repeat(parts * PART + shift) + more),
    );
    const line = fc.record({
      type: fc.constantFrom<1 | 2>(1, 2),
      text,
      // As the Engine has it, as one that stamps each part for itself, and as one that stamps the first alone.
      stamps: fc.constantFrom<readonly string[]>([STAMP], [STAMP, LATER], [STAMP, '']),
      ended: fc.boolean(),
    });
    const property = fc.property(
      fc.array(line, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (lines, places) => {
        const queues = [1, 2].map((type) => lines.filter((one) => one.type === type).flatMap(entriesOf));
        const mixed = mix(queues, places);
        const bytes = Buffer.concat(mixed);
        const got = read(
          bytes,
          places.map((place) => place % bytes.length),
        );
        // A part without a stamp that begins like one loses that: it is in the middle of a line.
        const brief = (all: readonly { readonly text: string }[]) =>
          all.map((one) =>
            one.text.replace(/x{99,}/g, (many) => `(${many.length} x)`).replace(`${STAMP} `, ''),
          );
        for (const [type, stream] of [
          [1, 'stdout'],
          [2, 'stderr'],
        ] as const)
          expect(brief(got.filter((one) => one.stream === stream))).toEqual(
            brief(lines.filter((one) => one.type === type)),
          );
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  it('is one line with a terminal, too, where the Engine cut it', () => {
    const forged = `${STAMP} Nov 24 02:24:10 mail postfix/postscreen[1]: PASS NEW [192.0.2.1]:25`;
    const bytes = Buffer.from(`${STAMP} ${'a'.repeat(PART)}${STAMP} ${forged}\r\n${STAMP} next\r\n`);
    expect(read(bytes, [PART + 31, PART + 62], true).map(({ text }) => text.slice(0, 4))).toEqual([
      'aaaa',
      'next',
    ]);
  });

  it('takes no line from behind a line end within a frame, which no Engine sends', () => {
    const bytes = Buffer.concat([frame(1, `${STAMP} one\n${STAMP} two\n`), frame(1, `${STAMP} three\n`)]);
    for (let cut = 0; cut <= bytes.length; cut += 1)
      expect(read(bytes, [cut]).map(({ text }) => text)).toEqual(['one', 'three']);
  });

  it('takes ten thousand tiny frames in one chunk', () => {
    const bytes = Buffer.concat(Array.from({ length: 10_000 }, (_, i) => frame(1, `${STAMP} ${i}\n`)));
    const lines = read(bytes, []);
    expect(lines).toHaveLength(10_000);
    expect(lines.at(-1)?.text).toBe('9999');
  });

  it('is broken when the Engine says so, wherever that is cut', () => {
    const bytes = Buffer.concat([frame(1, `${STAMP} last\n`), frame(3, 'error from daemon in stream: gone')]);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      expect(() => read(bytes, [cut])).toThrow(
        new BrokenStream('the Engine broke the stream: error from daemon in stream: gone'),
      );
    }
  });

  it('is broken when it has no frames', () => {
    expect(() => read(Buffer.from('HTTP/1.1 400 Bad Request'), [])).toThrow(BrokenStream);
  });

  it('is raw with CR LF when the container has a terminal', () => {
    expect(
      read(Buffer.from(`${STAMP} one\r\n${STAMP} two\r\n`), [5, 40], true).map(({ text }) => text),
    ).toEqual(['one', 'two']);
  });

  it('has stamps in one form whatever the Engine writes, and drops a line that has none', () => {
    const lines = [
      ...['2026-11-24T03:24:10.5+01:00 a', '2026-11-24T02:24:10Z b', 'no stamp', ''],
      ...['2026-99-99T02:24:10.000000000Z c', '2026-11-24T02:24:1x.000000000Z d'],
    ];
    const bytes = Buffer.concat(lines.map((line) => frame(1, `${line}\n`)));
    expect(read(bytes, [])).toMatchObject([
      { stamp: '2026-11-24T02:24:10.500000000Z', text: 'a' },
      { stamp: '2026-11-24T02:24:10.000000000Z', text: 'b' },
    ]);
  });
});

describe('a line', () => {
  const split = (...pieces: string[]) => {
    const lines: string[] = [];
    const splitter = createLineSplitter((bytes, from, to) => lines.push(bytes.toString('latin1', from, to)));
    for (const piece of pieces) splitter.push(Buffer.from(piece, 'latin1'));
    splitter.end();
    return lines;
  };

  it('ends at LF and nowhere else', () => {
    expect(split('a\u0085b\u000bc\n', 'd\re\n\n', 'rest')).toEqual(['a\u0085b\u000bc', 'd\re', '', 'rest']);
  });

  it('is cut at 64 KiB, in one piece or many, and the next one is whole', () => {
    const long = 'x'.repeat(LONGEST_LINE + 5000);
    const cut = ['x'.repeat(LONGEST_LINE), 'next'];
    expect(split(`${long}\nnext\n`)).toEqual(cut);
    expect(split(...(long.match(/.{1,1000}/g) ?? []), '\nnext\n')).toEqual(cut);
  });
});

describe('a frame splitter', () => {
  it('passes payloads on by stream', () => {
    const seen: string[] = [];
    const push = createFrameSplitter((stream, bytes, from, to) =>
      seen.push(`${stream}:${bytes.toString('latin1', from, to)}`),
    );
    push(Buffer.concat([frame(0, 'in'), frame(1, ''), frame(2, 'err')]));
    expect(seen).toEqual(['stdout:in', 'stderr:err']);
  });
});

/**
 * How a form of a log line is written, as text with named parts, and how a line is matched against it, in bytes and in
 * time linear to its length. It knows no form: those are in line-table.ts.
 */

/** The values of a line, each with a place of its own in Scan.spans. */
export const FIELDS = [
  ...(['ip', 'port', 'code', 'enhanced', 'dnsbl', 'rank', 'helo', 'sender', 'recipient'] as const),
  ...(['text', 'queueId', 'program', 'stamp'] as const),
] as const;

export type Field = (typeof FIELDS)[number];

/** Where the values of a field begin and end in Scan.spans: at twice this number, and behind it. */
export const SLOT = Object.fromEntries(FIELDS.map((field, i) => [field, i])) as Readonly<
  Record<Field, number>
>;

/** A line while it is read: `bytes` up to `end`, of which those before `at` are read. */
export interface Scan {
  bytes: Buffer;
  at: number;
  end: number;
  /** Where the message begins, behind the header. */
  body: number;
  /** Counts the tags of the log from 0, for those that keep something for each; -1: it has too many of them. */
  tag: number;
  /** Each value so far is written in the line as it is in JSON, and none that its form can have is absent. */
  isPlain: boolean;
  /** Begin and end of each value; -1: it is absent. Only those of the fields of the form that matched are valid. */
  readonly spans: Int32Array;
}

/** Moves behind a part of the line, before `next`. False: the line is not written like that. */
export type Skip = (line: Scan, next: Uint8Array) => boolean;

/** A named part of a form, and the fields that it reads. Without `slot` it writes their spans itself. */
export interface Part {
  readonly fields: readonly Field[];
  readonly slot?: number;
  readonly skip: Skip;
}

/** Fixed words, and parts, each with fixed words behind it. */
export interface Form<Kind extends string = string> {
  readonly kind: Kind;
  /** A bit for each field, by its slot. */
  readonly fields: number;
  readonly begin: Uint8Array;
  readonly steps: readonly { readonly slot: number; readonly skip: Skip; readonly words: Uint8Array }[];
}

export function newScan(): Scan {
  const spans = new Int32Array(2 * FIELDS.length);
  return { bytes: Buffer.alloc(0), at: 0, end: 0, body: 0, tag: -1, isPlain: true, spans };
}

export function hasField({ fields }: Form, field: Field): boolean {
  return ((fields >> SLOT[field]) & 1) === 1;
}

/**
 * The forms that a text stands for: `{ip}` is a part, `{text=a|b}` one of these words, read as that field, and `(a|b|)`
 * one form for each alternative, in this order. Throws on a part without a name in `parts`.
 */
export function formsOf<Kind extends string>(
  kind: Kind,
  text: string,
  parts: Readonly<Record<string, Part>>,
): readonly Form<Kind>[] {
  const [whole, alternatives] = /\(([^()|]{0,99}\|[^()]{0,199})\)/.exec(text) ?? [];
  if (whole === undefined || alternatives === undefined) return [formOf(kind, text, parts)];
  const put = (one: string) =>
    formsOf(
      kind,
      text.replace(whole, () => one),
      parts,
    );
  return alternatives.split('|').flatMap(put);
}

function formOf<Kind extends string>(
  kind: Kind,
  text: string,
  parts: Readonly<Record<string, Part>>,
): Form<Kind> {
  const [begin = '', ...rest] = text.split(/\{([a-z_]{1,40}(?:=[^{}]{1,99})?)\}/);
  const named = rest.filter((_, i) => i % 2 === 0).map((name) => partOf(name, parts));
  const steps = named.map(({ slot = -1, skip }, i) => ({ slot, skip, words: ascii(rest[2 * i + 1] ?? '') }));
  const fields = named.flatMap((part) => part.fields).reduce((bits, field) => bits | (1 << SLOT[field]), 0);
  return { kind, fields, begin: ascii(begin), steps };
}

function partOf(name: string, parts: Readonly<Record<string, Part>>): Part {
  const [field = '', choices] = name.split('=');
  if (choices !== undefined) {
    const words = choices.split('|').map(ascii);
    return value(field as Field, (line) => words.some((one) => skipWords(line, one)));
  }
  const part = parts[name];
  if (part === undefined) throw new Error(`{${name}} is not a part of a form`);
  return part;
}

/** A part that is the value of a field. */
export function value(field: Field, skip: Skip): Part {
  return { fields: [field], slot: SLOT[field], skip };
}

/** Whether the line, from `at` to its end, is of the form; `at` is anywhere behind the begin if not. */
export function isOfForm(line: Scan, { begin, steps }: Form): boolean {
  if (!skipWords(line, begin)) return false;
  for (const { slot, skip, words } of steps) {
    const from = line.at;
    if (!skip(line, words)) return false;
    if (slot >= 0) {
      line.spans[2 * slot] = from;
      line.spans[2 * slot + 1] = line.at;
    }
    if (!skipWords(line, words)) return false;
  }
  return line.at === line.end;
}

export function setSpan({ spans }: Scan, slot: number, from: number, to: number): void {
  spans[2 * slot] = from;
  spans[2 * slot + 1] = to;
}

/** The value is absent: what is printed of it is not in the line. */
export function setAbsent(line: Scan, ...slots: readonly number[]): void {
  line.isPlain = false;
  for (const slot of slots) setSpan(line, slot, -1, -1);
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

export function skipWords(line: Scan, words: Uint8Array): boolean {
  if (!hasAt(line, line.at, words)) return false;
  line.at += words.length;
  return true;
}

/** Whether these words are at this place, within the line. */
export function hasAt({ bytes, end }: Scan, at: number, words: Uint8Array): boolean {
  if (at + words.length > end) return false;
  for (let i = 0; i < words.length; i += 1) if (words[i] !== bytes[at + i]) return false;
  return true;
}

/** The first place of the words between `from` and `to`; -1: they are not there. */
export function firstOf(line: Scan, words: Uint8Array, from: number, to: number): number {
  const { bytes } = line;
  const first = words[0];
  const last = to - words.length;
  for (let at = from; at <= last; at += 1) if (bytes[at] === first && hasAt(line, at, words)) return at;
  return -1;
}

/** The last place of the words between `from` and `to`; -1: they are not there. */
export function lastOf(line: Scan, words: Uint8Array, from: number, to: number): number {
  const { bytes } = line;
  const first = words[0];
  for (let at = to - words.length; at >= from; at -= 1)
    if (bytes[at] === first && hasAt(line, at, words)) return at;
  return -1;
}

/** A set of bytes: 1 for each that is in it. Looking one up costs less than comparing. */
export type ByteSet = Uint8Array;

/** The bytes that this one-character expression matches. */
export function byteSet(signs: RegExp): ByteSet {
  return Uint8Array.from({ length: 256 }, (_, byte) => (signs.test(String.fromCharCode(byte)) ? 1 : 0));
}

/** Moves behind the bytes of the set, `most` of them at most; how many there are. */
export function skipSet(line: Scan, set: ByteSet, most: number): number {
  const { bytes, at: begin } = line;
  const end = Math.min(line.end, begin + most);
  let at = begin;
  while (at < end && set[bytes[at] as number] === 1) at += 1;
  line.at = at;
  return at - begin;
}

/** Visible, in ASCII, and the same in JSON. */
const PLAIN = byteSet(/[!#-[\]-~]/);

/** Whether a text is written in JSON as it is. */
export function isAllPlain(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (PLAIN[bytes[at] as number] !== 1) return false;
  return true;
}

/** So many bytes of a set as a text: one at least, and `most` at most. */
export function plainText(set: ByteSet, most: number): Skip {
  return (line) => {
    const begin = line.at;
    if (skipSet(line, set, most) === 0) return false;
    line.isPlain &&= isAllPlain(line.bytes, begin, line.at);
    return true;
  };
}

/** So many bytes of a set, of which nothing is kept. */
export function filler(set: ByteSet, most: number, least = 1): Part {
  return { fields: [], skip: (line) => skipSet(line, set, most) >= least };
}

export function skipRest(line: Scan): boolean {
  line.at = line.end;
  return true;
}

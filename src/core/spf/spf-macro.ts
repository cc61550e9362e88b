// SPF macros (RFC 7208 section 7): reading and expanding them. It asks DNS nothing.
import { ok, problem, type Result } from '../base/result.ts';
import { LONGEST_NAME, labelsOf } from '../dns/dns-name.ts';

/** RFC 7208 section 7.2. `c`, `r` and `t` occur only in the text of an explanation. */
export type MacroLetter = 's' | 'l' | 'o' | 'd' | 'i' | 'p' | 'h' | 'v' | 'c' | 'r' | 't';

export type MacroValues = Readonly<Record<MacroLetter, string>>;

interface Macro {
  readonly letter: MacroLetter;
  /** Written in upper case: the value is URL-escaped. */
  readonly escaped: boolean;
  readonly reverse: boolean;
  /** So many parts from the right; all of them without a number. */
  readonly keep: number;
  readonly delimiters: string;
}

/** Literal text and macros, in the order in which they are put together. */
export type MacroString = readonly (string | Macro)[];

/** One token: visible characters, one of the three escapes, or a macro. An explanation has blanks as well. */
const TRANSFORM = String.raw`(\d*)(r?)([.\-+,/_=]*)`;
const DOMAIN_TOKEN = new RegExp(
  String.raw`([\x21-\x24\x26-\x7e]+)|%(?:([%_-])|\{([slodiphv])${TRANSFORM}\})`,
  'giy',
);
const EXPLANATION_TOKEN = new RegExp(
  String.raw`([\x20-\x24\x26-\x7e]+)|%(?:([%_-])|\{([slodiphvcrt])${TRANSFORM}\})`,
  'giy',
);
const ESCAPES: Readonly<Record<string, string>> = { '%': '%', _: ' ', '-': '%20' };

/** Few characters can ask for many: a text of macros that grows beyond this is of no use to anybody. */
const LONGEST_EXPANSION = 100_000;

/** Reads the text of an explanation (RFC 7208 section 6.2); a problem is an error of syntax. */
export function parseExplanation(text: string): Result<MacroString> {
  const { pieces, complete } = tokens(text, EXPLANATION_TOKEN);
  return complete ? ok(pieces) : problem('a macro or a character that an explanation cannot have');
}

/** Reads the value of an unknown modifier (RFC 7208 section 6); a problem is an error of syntax. */
export function parseMacroString(text: string): Result<MacroString> {
  const { pieces, complete } = tokens(text, DOMAIN_TOKEN);
  return complete ? ok(pieces) : problem('a macro or a character that a macro-string cannot have');
}

/**
 * Reads a domain-spec (RFC 7208 section 7.1): it ends in a macro, or in a dot and a top label that is no
 * number. A problem is an error of syntax.
 */
export function parseDomainSpec(text: string): Result<MacroString> {
  const { pieces, complete, tail } = tokens(text, DOMAIN_TOKEN);
  if (text === '') return problem('the domain is missing');
  if (!complete) return problem('a macro or a character that a domain cannot have');
  return tail === '' || endsInTopLabel(tail) ? ok(pieces) : problem('the domain has no valid top label');
}

/** `tail` is the literal text behind the last macro or escape. */
function tokens(text: string, token: RegExp): { pieces: MacroString; complete: boolean; tail: string } {
  const pieces: (string | Macro)[] = [];
  let end = 0;
  let tail = '';
  for (const [all, literal, sign, letter, digits, reverse, delimiters] of text.matchAll(token)) {
    if (digits !== undefined && digits !== '' && Number(digits) === 0) break;
    end += all.length;
    tail = literal ?? '';
    if (letter === undefined) pieces.push(literal ?? ESCAPES[sign ?? ''] ?? '');
    else pieces.push(macro(letter, digits, reverse, delimiters));
  }
  return { pieces, complete: end === text.length, tail };
}

function macro(letter: string, digits = '', reverse = '', delimiters = ''): Macro {
  const lower = letter.toLowerCase();
  return {
    letter: lower as MacroLetter,
    escaped: letter !== lower,
    reverse: reverse !== '',
    keep: digits === '' ? Number.POSITIVE_INFINITY : Number(digits),
    delimiters: delimiters === '' ? '.' : delimiters,
  };
}

function endsInTopLabel(tail: string): boolean {
  const text = tail.endsWith('.') ? tail.slice(0, -1) : tail;
  const dot = text.lastIndexOf('.');
  const label = text.slice(dot + 1);
  return dot >= 0 && /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/.test(label) && !/^\d+$/.test(label);
}

/** The letters that decide what the text expands to. */
export function macroLetters(text: MacroString): Set<MacroLetter> {
  return new Set(text.flatMap((piece) => (typeof piece === 'string' ? [] : [piece.letter])));
}

/** Expands by RFC 7208 section 7.3. Null: the text grows out of all proportion. */
export function expandMacros(text: MacroString, values: MacroValues): string | null {
  let expanded = '';
  for (const piece of text) {
    expanded += typeof piece === 'string' ? piece : expandOne(piece, values[piece.letter]);
    if (expanded.length > LONGEST_EXPANSION) return null;
  }
  return expanded;
}

function expandOne({ escaped, reverse, keep, delimiters }: Macro, value: string): string {
  const signs = [...new Set(delimiters)];
  const parts = signs.reduce((all, sign) => all.flatMap((part) => part.split(sign)), [value]);
  if (reverse) parts.reverse();
  const text = (keep < parts.length ? parts.slice(-keep) : parts).join('.');
  return escaped ? urlEscape(text) : text;
}

/**
 * All but the unreserved characters of RFC 3986; encodeURIComponent spares more and throws at half a
 * surrogate.
 */
function urlEscape(text: string): string {
  const hex = (byte: number) => byte.toString(16).toUpperCase().padStart(2, '0');
  return text.replace(/[^A-Za-z0-9\-._~]+/g, (run) =>
    [...Buffer.from(run, 'utf8')].map((byte) => `%${hex(byte)}`).join(''),
  );
}

/**
 * The name to ask DNS for: lower case, no final dot, labels cut off at the left until it is short enough (RFC
 * 7208 section 7.3). Null: no such name can be in DNS (one label only, an empty or too long one, characters
 * outside of ASCII), so it must be taken for one that does not exist (sections 4.3 and 4.8).
 */
export function toName(text: string): string | null {
  let name = text.toLowerCase();
  if (name.endsWith('.')) name = name.slice(0, -1);
  if (name.length > LONGEST_NAME) {
    const dot = name.indexOf('.', name.length - LONGEST_NAME - 1);
    name = dot < 0 ? '' : name.slice(dot + 1);
  }
  // Another final dot is an empty label.
  const labels = name.endsWith('.') ? null : labelsOf(name);
  return labels !== null && labels.length > 1 && /^[\x20-\x7e]+$/.test(name) ? name : null;
}

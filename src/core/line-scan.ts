/**
 * The fast reading of a line, by position: what the regular expressions of log-line.ts say of the headers that nearly
 * all lines have, at a tenth of the time. It may say that it does not know; where it knows, it says the same. Its slow
 * twins are those expressions and the whole path of a line, and a test holds it against them.
 */
import type { TaggedLine } from './log-line.ts';

const BLANK = 32;
const ZERO = 48;
const NINE = 57;
const OPENING = 91;
const CLOSING = 93;

/** The text has this form at `at`, in which `0` stands for any digit. */
export function fits(text: string, at: number, form: string): boolean {
  for (let i = 0; i < form.length; i += 1) {
    const wanted = form.charCodeAt(i);
    const found = text.charCodeAt(at + i);
    if (wanted === ZERO ? !isDigit(found) : found !== wanted) return false;
  }
  return true;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

/** Where the digits end that stand at `at`: `most` of them at most. */
function afterDigits(text: string, at: number, most: number): number {
  let end = at;
  while (end < at + most && isDigit(text.charCodeAt(end))) end += 1;
  return end;
}

/** Where the stamp ends that stands at `at`, with a blank behind it; -1: there is none. */
function stampEnd(text: string, at: number): number {
  let end = at;
  if (fits(text, at, '0000-00-00T00:00:00')) {
    end += 19;
    if (text[end] === '.') {
      const decimals = end + 1;
      end = afterDigits(text, decimals, 9);
      if (end === decimals) return -1;
    }
    if (text[end] === 'Z') end += 1;
    else if (fits(text, end, '+00:00') || fits(text, end, '-00:00')) end += 6;
    else return -1;
  } else if (isMonthAndDay(text, at) && fits(text, at + 6, ' 00:00:00')) end += 15;
  else return -1;
  return text.charCodeAt(end) === BLANK ? end : -1;
}

/** `Nov 24` or `Nov  4`. */
function isMonthAndDay(text: string, at: number): boolean {
  const isLetter = (offset: number, first: number) => {
    const place = text.charCodeAt(at + offset) - first;
    return place >= 0 && place < 26;
  };
  if (!isLetter(0, 65) || !isLetter(1, 97) || !isLetter(2, 97)) return false;
  return fits(text, at + 3, ' 00') || fits(text, at + 3, '  0');
}

/** Where the mail host's stamp begins and ends: the second one where the Engine's stands in front; undefined: not known. */
function hostStamp(text: string): { readonly from: number; readonly end: number } | undefined {
  const end = stampEnd(text, 0);
  if (end < 0) return undefined;
  const second = stampEnd(text, end + 1);
  if (second >= 0) return text[4] === '-' ? { from: end + 1, end: second } : undefined;
  // supervisord's debug header begins like this.
  return fits(text, end + 1, '0000-00-00 ') ? undefined : { from: 0, end };
}

const SEVERITIES = ['warning', 'error', 'fatal', 'panic'] as const;

/** Reads `STAMP HOST TAG[PID]: `, with the Engine's stamp in front or not; undefined: another form, or no header. */
export function scanHeader(text: string): TaggedLine | undefined {
  const stamp = hostStamp(text);
  if (stamp === undefined) return undefined;
  const host = stamp.end + 1;
  const from = text.indexOf(' ', host) + 1;
  if (from <= host + 1 || from > host + 256) return undefined;
  let bracket = from;
  for (let code = text.charCodeAt(bracket); code !== OPENING; code = text.charCodeAt(bracket)) {
    if (code === BLANK || code === CLOSING || Number.isNaN(code)) return undefined;
    bracket += 1;
  }
  const pidEnd = afterDigits(text, bracket + 1, 10);
  if (bracket === from || bracket > from + 255 || pidEnd === bracket + 1) return undefined;
  if (!text.startsWith(']: ', pidEnd)) return undefined;
  const at = pidEnd + 3;
  const severity = SEVERITIES.find(
    (word) => text.startsWith(word, at) && text.startsWith(': ', at + word.length),
  );
  return {
    tag: text.slice(from, bracket),
    stamp: text.slice(stamp.from, stamp.end),
    severity: severity ?? null,
    body: text.slice(severity === undefined ? at : at + severity.length + 2),
  };
}

/** The programs of whose lines the daemon makes something; of the second kind only of lines that have one of the words. */
const TELLING = ['/postscreen', '/dnsblog', '/master', 'fail2ban.actions'];
const SOMETIMES_TELLING = ['/smtpd', '/cleanup', 'amavis'];
const WORDS = ['reject: ', ' limit exceeded: ', 'Blocked '];

/**
 * False: neither postscreen's sessions, nor a later gate, nor Postfix's reading its tables afresh are told of in this
 * line of the container's, so that nothing has to be read in it. The test is coarse: true says nothing.
 */
export function mayTell(text: string): boolean {
  const stamp = hostStamp(text);
  if (stamp === undefined) return true;
  const tag = text.indexOf(' ', stamp.end + 1) + 1;
  const bracket = tag === 0 ? -1 : text.indexOf('[', tag);
  if (bracket < 0) return false;
  const isOf = (program: string) => text.startsWith(program, bracket - program.length);
  return (
    TELLING.some(isOf) || (SOMETIMES_TELLING.some(isOf) && WORDS.some((word) => text.includes(word, bracket)))
  );
}

/**
 * What follows the status in a line about a refusal: the reply's text, and the client's claims at the end. Clients choose
 * parts of both, so the claims are read from the end, and what could be forged there is absent.
 */
import {
  ascii,
  byteSet,
  filler,
  firstOf,
  formsOf,
  hasAt,
  isAllPlain,
  isOfForm,
  lastOf,
  plainText,
  type Scan,
  SLOT,
  setAbsent,
  setSpan,
  skipRest,
  value,
} from './line-form.ts';

/** Postfix cuts each message silently at this many bytes, so what is at the end of such a line is not certain. */
const CUT_AT = 2000;

const FROM = ascii('; from=<');
const BLOCKED = ascii('blocked using ');
const TO = ascii('>, to=<');
const SMTPD_TO = [ascii('> to=<'), ascii('; to=<')];
const HELO = ascii(' helo=<');
const PROTOCOLS = ['ESMTP', 'SMTP'].map((protocol) => ascii(` proto=${protocol}`));
const BLANK = ascii(' ');
const OPENING = ascii('<');
const LOGIN = ascii('sasl_');
const COMMA = 44;
const SEMICOLON = 59;
const GREATER = 62;
/**
 * postscreen's: `TEXT; from=<S>, to=<R>, proto=P, helo=<H>`. Everything before the first `; from=<` is Postfix's. HELO is
 * the last field and cannot contain a blank, so the last `, proto=` before it is Postfix's as well; the border between
 * sender and recipient can be forged by either.
 */
export function skipReply(line: Scan): boolean {
  const { at: begin, end } = line;
  const from = firstOf(line, FROM, begin, end);
  const textEnd = from < 0 ? end : from;
  setSpan(line, SLOT.text, begin, textEnd);
  const blocked = firstOf(line, BLOCKED, begin, textEnd);
  setValue(line, SLOT.dnsbl, blocked < 0 ? -1 : blocked + BLOCKED.length, textEnd);
  const fields = from < 0 || isCut(line) ? undefined : readLastFields(line, from + FROM.length, end);
  if (fields === undefined || fields.helo < 0) setAbsent(line, SLOT.helo, SLOT.sender, SLOT.recipient);
  else {
    setHelo(line, fields.helo, end - 1);
    const headEnd = readRecipient(line, [TO], from + FROM.length, fields.begin);
    readSender(line, from + FROM.length, headEnd);
  }
  line.at = end;
  return true;
}

/**
 * smtpd's: `TEXT; from=<S> to=<R> proto=P helo=<H>`, of which S and R depend on the SMTP stage. TEXT often repeats an
 * address of the client's.
 */
export function skipSmtpdReply(line: Scan): boolean {
  const { at: begin, end } = line;
  const last = withoutLogin(line, begin, end);
  const fields = readLastFields(line, begin, last);
  let textEnd = end;
  if (fields === undefined) setAbsent(line, SLOT.helo, SLOT.sender, SLOT.recipient);
  else {
    setHelo(line, fields.helo, last - 1);
    const headEnd = readRecipient(line, SMTPD_TO, begin, fields.begin);
    const from = lastOf(line, FROM, begin, headEnd);
    const isEnvelope = from >= 0 && readSender(line, from + FROM.length, headEnd);
    if (isEnvelope) textEnd = from;
    else {
      setAbsent(line, SLOT.sender);
      textEnd = headEnd > begin && line.bytes[headEnd - 1] === SEMICOLON ? headEnd - 1 : headEnd;
    }
  }
  readSmtpdZone(line, begin, textEnd);
  if (isCut(line)) {
    setAbsent(line, SLOT.helo, SLOT.sender, SLOT.recipient);
    const claim = firstOf(line, OPENING, begin, textEnd);
    if (claim >= 0) textEnd = claim;
  }
  setSpan(line, SLOT.text, begin, textEnd);
  line.at = end;
  return true;
}

function isCut({ body, end }: Scan): boolean {
  return end - body >= CUT_AT;
}

/**
 * Where ` proto=P helo=<H>` begins, with the comma or semicolon before it, and where H does; -1: there is no HELO.
 * postscreen puts a comma between the fields, smtpd does not. There can be no blank in H, so of several such ends only
 * the real one matches.
 */
function readLastFields(line: Scan, from: number, to: number): { begin: number; helo: number } | undefined {
  const { bytes } = line;
  let end = to;
  let helo = -1;
  const blank = lastOf(line, BLANK, from, to);
  if (bytes[to - 1] === GREATER && hasAt(line, blank, HELO) && blank + HELO.length < to) {
    helo = blank + HELO.length;
    end = blank > from && bytes[blank - 1] === COMMA ? blank - 1 : blank;
  }
  for (const protocol of PROTOCOLS) {
    const at = end - protocol.length;
    if (at < from || !hasAt(line, at, protocol)) continue;
    const isMarked = at > from && (bytes[at - 1] === COMMA || bytes[at - 1] === SEMICOLON);
    return { begin: isMarked ? at - 1 : at, helo };
  }
  return undefined;
}

/** Reads `...to=<R>` from the end; gives the end of what is before it, with the `>` that closes the sender. */
function readRecipient(line: Scan, marks: readonly Uint8Array[], from: number, to: number): number {
  let mark = -1;
  for (const words of marks) mark = Math.max(mark, lastOf(line, words, from, to));
  if (mark < 0 || line.bytes[to - 1] !== GREATER) {
    setAbsent(line, SLOT.recipient);
    return to;
  }
  setValue(line, SLOT.recipient, firstOf(line, OPENING, mark, to) + 1, to - 1);
  return mark + 1;
}

/** Reads `S>`. False: it does not end so. */
function readSender(line: Scan, from: number, to: number): boolean {
  const isClosed = to > from && line.bytes[to - 1] === GREATER;
  setValue(line, SLOT.sender, isClosed ? from : -1, to - 1);
  return isClosed;
}

function setHelo(line: Scan, from: number, to: number): void {
  setValue(line, SLOT.helo, from < to ? from : -1, to);
}

function setValue(line: Scan, slot: number, from: number, to: number): void {
  if (from < 0) setAbsent(line, slot);
  else {
    setSpan(line, slot, from, to);
    line.isPlain &&= isAllPlain(line.bytes, from, to);
  }
}

/** Takes `sasl_method=... sasl_username=...` off the end. */
function withoutLogin(line: Scan, from: number, to: number): number {
  let end = to;
  for (
    let blank = lastOf(line, BLANK, from, end);
    blank > from && hasAt(line, blank + 1, LOGIN);
    blank = lastOf(line, BLANK, from, blank)
  )
    end = blank;
  return end;
}

/** smtpd's own DNSBL texts: the word before the bracket says what was listed. */
const SMTPD_DNSBL = formsOf(
  '',
  'Service unavailable; {upper}{lower} {lower} [{listed}] blocked using {zone}{rest}',
  {
    upper: filler(byteSet(/[A-Z]/), 1),
    lower: filler(byteSet(/[a-z]/), Number.POSITIVE_INFINITY),
    listed: filler(byteSet(/[^\]]/), Number.POSITIVE_INFINITY, 0),
    zone: value('dnsbl', plainText(byteSet(/[^ ;]/), 255)),
    rest: { fields: [], skip: skipRest },
  },
);

function readSmtpdZone(line: Scan, from: number, to: number): void {
  const { end } = line;
  line.at = from;
  line.end = to;
  if (!SMTPD_DNSBL.some((form) => isOfForm(line, form))) setAbsent(line, SLOT.dnsbl);
  line.end = end;
}

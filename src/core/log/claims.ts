/** What the client claims, at the end of a reject line; null where it cannot be told from forged text. */
interface Claims {
  readonly helo: string | null;
  readonly sender: string | null;
  readonly recipient: string | null;
}

/**
 * postscreen puts a comma between the fields, smtpd does not. No blank can stand in HELO, so of several such ends
 * only the real one matches.
 */
const LAST_FIELDS = /(?:,|;|) proto=E?SMTP(?:,? helo=<([^ ]*)>)?$/;

/** Nearly all claims. */
const ASCII = /^[ -~]*$/;

const NONE: Claims = { helo: null, sender: null, recipient: null };

/** Reads what follows postscreen's `; from=<`: `S>, to=<R>, proto=P, helo=<H>`. */
export function readClaims(rest: string): Claims {
  const end = LAST_FIELDS.exec(rest);
  if (end?.[1] === undefined) return NONE;
  const { head, recipient } = cutRecipient(rest.slice(0, end.index), ['>, to=<']);
  return {
    helo: decode(end[1]) || null,
    sender: head.endsWith('>') ? decode(head.slice(0, -1)) : null,
    recipient,
  };
}

/** Reads `...to=<R>` from the end; `head` keeps the `>` that closes the sender. */
function cutRecipient(
  envelope: string,
  marks: readonly string[],
): { head: string; recipient: string | null } {
  const at = Math.max(...marks.map((mark) => envelope.lastIndexOf(mark)));
  if (at < 0 || !envelope.endsWith('>')) return { head: envelope, recipient: null };
  const recipient = envelope.slice(envelope.indexOf('<', at) + 1, -1);
  return { head: envelope.slice(0, at + 1), recipient: decode(recipient) };
}

/**
 * Reads what follows smtpd's status: `TEXT; from=<S> to=<R> proto=P helo=<H>`, of which S and R depend on the SMTP
 * stage. TEXT often repeats an address of the client's, so the fields are read from the end.
 */
export function readSmtpdClaims(rest: string): { readonly text: string; readonly claims: Claims } {
  const fields = withoutLogin(rest);
  const end = LAST_FIELDS.exec(fields);
  if (end === null) return { text: rest, claims: NONE };
  const helo = decode(end[1] ?? '') || null;
  const { head, recipient } = cutRecipient(fields.slice(0, end.index), ['> to=<', '; to=<']);
  const from = head.lastIndexOf('; from=<');
  if (from < 0 || !head.endsWith('>')) {
    return { text: head.replace(/;$/, ''), claims: { helo, sender: null, recipient } };
  }
  const sender = decode(head.slice(from + '; from=<'.length, -1));
  return { text: head.slice(0, from), claims: { helo, sender, recipient } };
}

/** Takes `sasl_method=... sasl_username=...` off the end. */
function withoutLogin(fields: string): string {
  let end = fields.length;
  for (let blank = fields.lastIndexOf(' '); blank > 0; blank = fields.lastIndexOf(' ', blank - 1)) {
    if (!fields.startsWith('sasl_', blank + 1)) break;
    end = blank;
  }
  return fields.slice(0, end);
}

/** Lines are read a byte a character, so that nothing but LF ends one; claims are UTF-8 when smtputf8_enable is on. */
function decode(bytes: string): string {
  if (ASCII.test(bytes)) return bytes;
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

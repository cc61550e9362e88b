/** Programs of whose lines the daemon makes something; null: of each, else only of those that have one of the words. */
const PROGRAMS: ReadonlyMap<string, readonly string[] | null> = new Map([
  ['postscreen', null],
  ['dnsblog', null],
  ['master', null],
  ['smtpd', ['reject: ', ' limit exceeded: ']],
  ['cleanup', ['reject: ']],
  ['amavis', [' Blocked ']],
  ['fail2ban.actions', [' Ban ']],
]);

/**
 * The first and fast look at a line of the mail container's, of which nearly all in a log are no business of the
 * daemon's. False: it tells neither of a session of postscreen's, nor of a refusal by a later gate, nor that Postfix
 * reads its tables afresh, and nothing has to be read in it. True says nothing. It looks at a few places by position
 * and knows the common header only; the test holds it against the whole reading of a line, its slow twin.
 */
export function mayTell(text: string): boolean {
  const host = hostAt(text);
  if (host < 0) return true;
  const tag = text.indexOf(' ', host) + 1;
  const bracket = text.indexOf('[', tag);
  if (tag === 0 || bracket < 0) return false;
  const words = PROGRAMS.get(text.slice(Math.max(tag, text.lastIndexOf('/', bracket) + 1), bracket));
  if (words === undefined) return false;
  return words === null || words.some((word) => text.includes(word, bracket));
}

/**
 * Where the host name begins in `STAMP HOST TAG[PID]: `; -1: that is not known. What only looks like a stamp does no
 * harm: the daemon takes no line without the mail host's own.
 */
function hostAt(text: string): number {
  if (text[4] === '-' && text[10] === 'T' && text[13] === ':') {
    const host = text.indexOf(' ') + 1;
    // Another stamp, or supervisord's debug header, can follow where the first one is the Engine's.
    const isStamp = host === 0 || isDigit(text.charCodeAt(host)) || text[host + 3] === ' ';
    return isStamp ? -1 : host;
  }
  const isClassic =
    text[3] === ' ' && text[6] === ' ' && text[9] === ':' && text[12] === ':' && text[15] === ' ';
  return isClassic ? 16 : -1;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

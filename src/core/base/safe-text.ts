// Makes text from others (a log, a table, DNS, the Engine, an argument) safe for a terminal: control characters, line
// separators, marks of direction and all other invisible characters (Unicode categories C, Zl and Zp) become escapes.

const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const UNSAFE_IN_LINES = /(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu;

/** For one line, or a part of one: line ends are escaped as well. */
export function safeText(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** For text of several lines. */
export function safeLines(text: string): string {
  return text.replace(UNSAFE_IN_LINES, escaped);
}

/** The value as JSON in one line; each reader of JSON gets the same value. */
export function safeJson(value: unknown): string {
  return safeJsonLine(JSON.stringify(value));
}

/** JSON that is one line, with or without its end. */
export function safeJsonLine(json: string): string {
  return json.replace(UNSAFE_IN_LINES, (sign) =>
    [...Array(sign.length).keys()].map((i) => `\\u${hex(sign.charCodeAt(i)).padStart(4, '0')}`).join(''),
  );
}

function escaped(sign: string): string {
  return `\\u{${hex(sign.codePointAt(0) ?? 0)}}`;
}

function hex(code: number): string {
  return code.toString(16);
}

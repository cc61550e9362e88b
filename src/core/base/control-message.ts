// The control protocol: one request and one reply a connection, each one line of JSON. The sockets are in edge/control-*.ts.

import { ok, problem, type Result } from './result.ts';

/** In characters, without the line end; more than any command needs. */
export const LONGEST_REQUEST = 64 * 1024;

/** The line of a message, with its end. Throws TypeError on a value that JSON cannot express. */
export function formatMessage(message: ControlRequest | ControlReply): string {
  return `${JSON.stringify(message)}\n`;
}

/** Reads the line of a request, without its end. */
export function parseRequest(line: string): Result<ControlRequest> {
  if (line.length > LONGEST_REQUEST)
    return problem(`the request is longer than ${LONGEST_REQUEST} characters`);
  const { command, arguments: given, ...rest } = parseObject(line) ?? {};
  if (typeof command === 'string' && isObject(given) && Object.keys(rest).length === 0)
    return ok({ command, arguments: given });
  return problem('the request is not one line of JSON such as {"command":"status","arguments":{}}');
}

/** Reads the line of a reply. Undefined: another program or version wrote it. */
export function parseReply(line: string): ControlReply | undefined {
  const { ok: done, result, kind, problem: text } = parseObject(line) ?? {};
  if (done === true) return { ok: true, result };
  if (done === false && (kind === 'usage' || kind === 'failed') && typeof text === 'string')
    return { ok: false, kind, problem: text };
  return undefined;
}

/** Undefined: not the text of a JSON object. */
function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a command of the administrator asks of the running daemon. */
export interface ControlRequest {
  readonly command: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** `usage`: the request is wrong; `failed`: it could not be done. The problem says what to do. */
export type ControlReply =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly kind: 'usage' | 'failed'; readonly problem: string };

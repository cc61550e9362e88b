/** The warnings of postscreen about its access list (server_acl.c, dict_surrogate.c). */

/** postscreen ignores the remainder of its access list. */
export interface ListWarning {
  readonly item: string;
  readonly reason: string;
  /** Whoever the client is; else for clients that the item has this result for. */
  readonly isForAll: boolean;
}

const LIST = 'postscreen_access_list';
const TAIL = ' -- ignoring the remainder of this access list';
const UNKNOWN = ': unknown command: ';
const UNAVAILABLE = ' is unavailable. ';

/** Undefined: the warning says no such thing. What is not allowed inside a table's result does not end the list. */
export function readListWarning(body: string): ListWarning | undefined {
  if (!body.endsWith(TAIL)) return undefined;
  const said = body.slice(0, -TAIL.length);
  const at = said.indexOf(UNKNOWN);
  if (at > 0) {
    const origin = said.slice(0, at);
    const word = said.slice(at + UNKNOWN.length);
    const isForAll = origin === LIST;
    return { item: isForAll ? word : origin, reason: `unknown command: ${word}`, isForAll };
  }
  const error = said.lastIndexOf(': ');
  if (!said.startsWith(`${LIST}: `) || error <= LIST.length || !said.endsWith(' lookup error'))
    return undefined;
  return { item: said.slice(LIST.length + 2, error), reason: said.slice(error + 2), isForAll: true };
}

/** Whether the warning says that a table cannot be used; for the access list, a warning about that follows. */
export function isUnavailable(body: string): boolean {
  return body.includes(UNAVAILABLE);
}

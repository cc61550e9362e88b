import { safeText } from '../base/safe-text.ts';
import type { EngineErrorKind } from '../engine/mail-container.ts';

/** `unknown`: could not be looked at, because something before it failed. */
export type Verdict = 'ok' | 'warn' | 'fail' | 'unknown';

/** What doctor looks at, in its order, and in the words of docs/troubleshooting.md. */
export const CHECKS = {
  engine: 'the Engine answers and tells of containers; a socket proxy lets that through',
  container: 'the mail container is there and runs',
  log: 'its log can be read',
  exec: 'commands can be run in it',
  reload: '`postfix reload` would be permitted: commands run as root; it is not tried',
  postfix: 'Postfix runs in it',
  postscreen: 'postscreen serves port 25',
  wired: '`postscreen_access_list` names the table, in main.cf and in the `-o` settings of master.cf',
  order:
    'the table is the last one there, and Postfix lets opened networks in: it is asked about samples of them, item by item',
  dnsbl: 'postscreen asks blocklists; if not, PREGREET is all that an entry can cure',
  action: 'postscreen refuses whom it finds fault with',
  table: 'screenpass can read the table, and put a new one in its place',
  'table-postfix': 'Postfix can read the table, and each line of it',
  'table-shared': 'screenpass and Postfix see one and the same file',
  clients: 'Postfix sees the addresses of its clients, and not those of a proxy or gateway',
  dns: 'SPF domains of watched senders are found through `SCREENPASS_DNS`',
  veto: 'each zone of `SCREENPASS_VETO_DNSBL` answers: it lists 127.0.0.2, and not 127.0.0.1',
  senders: 'the networks of the watched senders are fresh and believed',
  catalogue: 'the bundled catalogue is not older than 90 days',
  state: 'the state can be read, and its directory written',
  mode: 'screenpass acts, and does not only observe',
  daemon: 'a daemon answers in the state directory',
} as const;

export type CheckName = keyof typeof CHECKS;

export interface Finding {
  readonly check: CheckName;
  readonly verdict: Verdict;
  /** One line. */
  readonly says: string;
  /** What to do about warn and fail; lines to copy stand indented in lines of their own. */
  readonly remedy: string | null;
}

/** What came of a look at something. `skipped`: it was not looked at. */
export type Fact<T> =
  | { readonly kind: 'known'; readonly value: T }
  /** `error` is null when it was not the Engine. */
  | { readonly kind: 'failed'; readonly reason: string; readonly error: EngineErrorKind | null }
  | { readonly kind: 'skipped'; readonly because: string };

export function known<T>(value: T): Fact<T> {
  return { kind: 'known', value };
}

export function skipped(because: string): Fact<never> {
  return { kind: 'skipped', because };
}

export function ok(check: CheckName, says: string): Finding {
  return { check, verdict: 'ok', says: oneLine(says), remedy: null };
}

export function warn(check: CheckName, says: string, remedy: string): Finding {
  return { check, verdict: 'warn', says: oneLine(says), remedy };
}

export function fail(check: CheckName, says: string, remedy: string): Finding {
  return { check, verdict: 'fail', says: oneLine(says), remedy };
}

export function unknown(check: CheckName, because: string): Finding {
  return { check, verdict: 'unknown', says: oneLine(`not checked: ${because}`), remedy: null };
}

/** The finding that follows from a fact: `failed` is a failure with this remedy. */
export function judged<T>(
  check: CheckName,
  fact: Fact<T>,
  judge: (value: T) => Finding,
  remedy: string | ((error: EngineErrorKind | null) => string),
): Finding {
  if (fact.kind === 'known') return judge(fact.value);
  if (fact.kind === 'skipped') return unknown(check, fact.because);
  return fail(check, fact.reason, typeof remedy === 'string' ? remedy : remedy(fact.error));
}

/** Engines and tables are quoted, which may have anything in them. */
function oneLine(text: string): string {
  return safeText(text.replace(/\s+/gu, ' ').trim()).slice(0, 500);
}

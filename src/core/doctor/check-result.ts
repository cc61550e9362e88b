/** The checks of doctor and the result of each. What a check looks at is in the files of its subject. */

import { safeText } from '../base/safe-text.ts';
import type { EngineErrorKind } from '../engine/mail-container.ts';

/** `unknown`: not checked, because something before it failed. */
export type CheckVerdict = 'ok' | 'warn' | 'fail' | 'unknown';

/** In their order, and in the words of docs/troubleshooting.md. */
export const CHECKS = {
  engine: 'the Engine answers and describes containers; a socket proxy allows that',
  container: 'the mail container exists and runs',
  log: 'its log can be read',
  exec: 'commands can be run in it',
  reload: 'commands run as root, which `postfix reload` needs; it is not tried',
  postfix: 'Postfix runs in it',
  postscreen: 'postscreen serves port 25',
  wired: '`postscreen_access_list` names the table, in main.cf and in the `-o` settings of master.cf',
  order:
    'the table is the last one in that list, and Postfix permits opened networks: it is asked about samples of them, item by item',
  dnsbl: 'postscreen asks blocklists; without them, PREGREET is all that an entry can cure',
  action: 'postscreen refuses clients that fail its tests',
  table: 'screenpass can read the table and replace it',
  'table-postfix': 'Postfix can read the table, and each line of it',
  'table-shared': 'screenpass and Postfix see the same file',
  clients: 'Postfix sees the addresses of its clients, and not those of a proxy or gateway',
  dns: 'SPF domains of watched senders are found through `SCREENPASS_DNS`',
  veto: 'each zone of `SCREENPASS_VETO_DNSBL` answers: it lists 127.0.0.2, and not 127.0.0.1',
  senders: 'the networks of the watched senders are fresh and trusted',
  catalogue: 'the bundled catalogue is not older than 90 days',
  state: 'the state can be read, and its directory is writable',
  mode: 'screenpass acts, and does not only observe',
  daemon: 'a daemon answers in the state directory',
} as const;

export type CheckName = keyof typeof CHECKS;

export interface CheckResult {
  readonly check: CheckName;
  readonly verdict: CheckVerdict;
  /** One line. */
  readonly says: string;
  /** What to do about warn and fail: each line to copy is a line of its own, indented. */
  readonly remedy: string | null;
}

/** What looking at one thing gave. `skipped`: it was not looked at. */
export type Observed<T> =
  | { readonly kind: 'known'; readonly value: T }
  /** `error` is null when it was not the Engine. */
  | { readonly kind: 'failed'; readonly reason: string; readonly error: EngineErrorKind | null }
  | { readonly kind: 'skipped'; readonly because: string };

export function known<T>(value: T): Observed<T> {
  return { kind: 'known', value };
}

export function skipped(because: string): Observed<never> {
  return { kind: 'skipped', because };
}

export function ok(check: CheckName, says: string): CheckResult {
  return { check, verdict: 'ok', says: oneLine(says), remedy: null };
}

export function warn(check: CheckName, says: string, remedy: string): CheckResult {
  return { check, verdict: 'warn', says: oneLine(says), remedy };
}

export function fail(check: CheckName, says: string, remedy: string): CheckResult {
  return { check, verdict: 'fail', says: oneLine(says), remedy };
}

export function unknown(check: CheckName, because: string): CheckResult {
  return { check, verdict: 'unknown', says: oneLine(`not checked: ${because}`), remedy: null };
}

/** The result of a check on one observation: `failed` is a failure with this remedy. */
export function judged<T>(
  check: CheckName,
  fact: Observed<T>,
  judge: (value: T) => CheckResult,
  remedy: string | ((error: EngineErrorKind | null) => string),
): CheckResult {
  if (fact.kind === 'known') return judge(fact.value);
  if (fact.kind === 'skipped') return unknown(check, fact.because);
  return fail(check, fact.reason, typeof remedy === 'string' ? remedy : remedy(fact.error));
}

/** The Engine and the table are quoted, and may contain anything. */
function oneLine(text: string): string {
  return safeText(text.replace(/\s+/gu, ' ').trim()).slice(0, 500);
}

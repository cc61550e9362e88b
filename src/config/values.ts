// Readers of the values that a setting can have. They are pure, and a problem says what was expected.
import { ALERTS, type AlertKind } from '../core/alerts/alert.ts';
import { ok, problem, type Result } from '../core/base/result.ts';
import { didYouMean } from '../core/base/suggest.ts';
import { type Network, parseAddress, parseNetwork } from '../core/net/network.ts';
import type { SenderDefinition } from '../core/senders/sender.ts';

export function text(given: string): Result<string> {
  return ok(given.trim());
}

export function engineHost(given: string): Result<string> {
  if (/^unix:\/\/\/./.test(given) || /^(tcp|http):\/\/[^/:]+:\d+\/?$/.test(given)) return ok(given);
  return problem(`"${given}" is not an Engine address: expected unix:///PATH or tcp://HOST:PORT`);
}

/** Where to listen: an address or a name, and a port. */
export interface ListenAddress {
  /** IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `off` is null. */
export function listenAddress(given: string): Result<ListenAddress | null> {
  if (given.trim() === 'off') return ok(null);
  const [, six, other, digits] = /^(?:\[([^\]]*)\]|([^:[\]]+)):(\d{1,5})$/.exec(given.trim()) ?? [];
  const host = six ?? other ?? '';
  const port = Number(digits);
  const isHost =
    six === undefined ? isFourOrName(host) : host.includes(':') && parseAddress(host) !== undefined;
  if (isHost && port >= 1 && port <= 65_535) return ok({ host, port });
  return problem(
    `"${given}" is not a place to listen at: expected off, or HOST:PORT such as 127.0.0.1:9469 or [::1]:9469, the port from 1 to 65535`,
  );
}

/** A host that ends in a number is read as an address (WHATWG URL). */
function isFourOrName(host: string): boolean {
  return /(?:^|\.)\d+$/.test(host)
    ? parseAddress(host) !== undefined
    : /^[A-Za-z0-9]([\w.-]*\w)?$/.test(host);
}

export function absolutePath(given: string): Result<string> {
  return given.startsWith('/') ? ok(given) : problem(`"${given}" is not an absolute path: expected /...`);
}

export function oneOf<T extends string>(...choices: readonly T[]): (given: string) => Result<T> {
  return (given) => {
    const choice = choices.find((text) => text === given.trim());
    return choice === undefined
      ? problem(`"${given}": expected ${choices.join(' or ')}${didYouMean(given.trim(), choices)}`)
      : ok(choice);
  };
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Ten years: longer is a mistake, and the sum with a time must still be a time. */
const LONGEST_DAYS = 3650;

/** A time span in ms, from 0s to 3650d. */
export function duration(given: string): Result<number> {
  const [, number, unit = ''] = /^(\d{1,9})([smhd])$/.exec(given.trim()) ?? [];
  const ms = Number(number) * (UNITS[unit] ?? Number.NaN);
  if (Number.isNaN(ms)) return problem(`"${given}" is not a duration: expected 30s, 15m, 24h or 30d`);
  return ms <= LONGEST_DAYS * 86_400_000
    ? ok(ms)
    : problem(`"${given}" is too long: at most ${LONGEST_DAYS}d`);
}

/** A duration of something that must last, in ms: from 1s. */
export function lifetime(given: string): Result<number> {
  const read = duration(given);
  return read.ok && read.value === 0 ? problem(`"${given}" is too short: at least 1s`) : read;
}

/** The same, given as a whole number of ms. */
export function lifetimeMs(given: unknown): Result<number> {
  const longest = LONGEST_DAYS * 86_400_000;
  if (typeof given === 'number' && Number.isSafeInteger(given) && given >= 1000 && given <= longest)
    return ok(given);
  return problem(
    `${JSON.stringify(given)} is not a lifetime: expected whole milliseconds from 1000 to ${longest}`,
  );
}

export function count(given: string): Result<number> {
  const number = /^\d{1,4}$/.test(given.trim()) ? Number(given) : 0;
  return number > 0 ? ok(number) : problem(`"${given}": expected a whole number from 1 to 9999`);
}

function list(given: string): string[] {
  return given.split(/[\s,]+/).filter((item) => item !== '');
}

export function networks(given: string): Result<readonly Network[]> {
  const parsed = list(given).map(parseNetwork);
  const wrong = parsed.filter((result) => !result.ok).map((result) => result.problem);
  if (wrong.length > 0) return problem(wrong.join('; '));
  return ok(parsed.flatMap((result) => (result.ok ? [result.value] : [])));
}

export function zones(given: string): Result<ReadonlySet<string>> {
  const wrong = list(given).filter((zone) => !/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$/.test(zone));
  const expected = 'is not a DNSBL zone: expected a name such as zen.spamhaus.org';
  if (wrong.length > 0) return problem(wrong.map((zone) => `"${zone}" ${expected}`).join('\n'));
  return ok(new Set(list(given).map((zone) => zone.toLowerCase())));
}

interface Catalogue {
  readonly catalogue: readonly Pick<SenderDefinition, 'id' | 'default'>[];
}

export function knownIds(given: string, { catalogue }: Catalogue): Result<ReadonlySet<string>> {
  const wrong = list(given).filter((id) => !catalogue.some((sender) => sender.id === id));
  const ids = catalogue.map(({ id }) => id);
  if (wrong.length > 0)
    return problem(wrong.map((id) => `no sender is called ${id}${didYouMean(id, ids)}`).join('\n'));
  return ok(new Set(list(given)));
}

/** `+id` and `-id` change what precedes them, or the default set when they come first. */
export function senderIds(given: string, { catalogue }: Catalogue): Result<ReadonlySet<string>> {
  const items = list(given);
  const named = items
    .map((item) => item.replace(/^[+-]/, ''))
    .filter((id) => id !== 'default' && id !== 'all');
  const known = knownIds(named.join(','), { catalogue });
  if (!known.ok) return known;
  const ids = (item: string) =>
    catalogue
      .filter((s) => item === 'all' || s.id === item || (item === 'default' && s.default))
      .map(({ id }) => id);
  const chosen = new Set(/^[+-]/.test(items[0] ?? '+') ? ids('default') : []);
  for (const item of items) {
    for (const id of ids(item.replace(/^[+-]/, ''))) {
      if (item.startsWith('-')) chosen.delete(id);
      else chosen.add(id);
    }
  }
  return chosen.size > 0 ? ok(chosen) : problem(`"${given}" leaves no sender to watch`);
}

export function mutedKinds(given: string): Result<ReadonlySet<AlertKind>> {
  const kinds = Object.keys(ALERTS);
  const items = list(given).filter((item) => item !== 'all');
  const wrong = items.filter((item) => !kinds.some((kind) => `-${kind}` === item));
  const problems = wrong.map((item) => {
    const hint = didYouMean(item.replace(/^-/, ''), kinds);
    return `"${item}": expected all, or - and an alert kind${hint === '' ? `: ${kinds.join(', ')}` : hint}`;
  });
  if (problems.length > 0) return problem(problems.join('\n'));
  return ok(new Set(items.map((item) => item.slice(1) as AlertKind)));
}

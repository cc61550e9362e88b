import { ALERTS, type AlertKind } from './core/alert.ts';
import type { Rules, Scope } from './core/policy.ts';
import { ok, problem, type Result } from './core/result.ts';
import type { Sender } from './core/sender-index.ts';
import {
  absolutePath,
  count,
  duration,
  engineHost,
  list,
  networks,
  oneOf,
  text,
  zones,
} from './core/values.ts';

export type LogLevel = 'error' | 'info' | 'debug';

/** Everything that the administrator can set, read once at start. */
export interface Config {
  /** undefined: the Engine's default socket. */
  readonly dockerHost: string | undefined;
  readonly container: string;
  readonly table: string;
  readonly tableInContainer: string;
  readonly stateDir: string;
  readonly mode: 'enforce' | 'observe';
  readonly senders: readonly Sender[];
  readonly preseed: ReadonlySet<string>;
  readonly rules: Rules;
  readonly lookbackMs: number;
  readonly reloadIntervalMs: number;
  readonly logLevel: LogLevel;
  readonly muted: ReadonlySet<AlertKind>;
}

export interface CatalogueEntry extends Sender {
  readonly default: boolean;
}

interface Setting<T> {
  /** As the README shows it; null: not set. */
  readonly default: string | null;
  readonly help: string;
  /** Reads a value that is set, or the default. */
  readonly parse: (text: string, catalogue: readonly CatalogueEntry[]) => Result<T>;
}

function setting<T>(given: string | null, help: string, parse: Setting<T>['parse']): Setting<T> {
  return { default: given, help, parse };
}

/** All settings in the order of the README, which a test holds against this table. */
export const SETTINGS = {
  DOCKER_HOST: setting(null, 'Engine or socket proxy: `unix:///PATH` or `tcp://HOST:PORT`', engineHost),
  SCREENPASS_CONTAINER: setting(
    'mailserver',
    'the mail container: name, id, `service=NAME` (Compose service) or `label=KEY=VALUE`',
    text,
  ),
  SCREENPASS_TABLE: setting(
    '/etc/screenpass/postscreen_access.cidr',
    'the table as screenpass sees it; its directory is shared with the mail container',
    absolutePath,
  ),
  SCREENPASS_TABLE_IN_CONTAINER: setting(
    null,
    'the table as Postfix sees it; the same path if not set',
    absolutePath,
  ),
  SCREENPASS_STATE_DIR: setting('/var/lib/screenpass', 'where `state.json` is kept', absolutePath),
  SCREENPASS_MODE: setting(
    'enforce',
    '`enforce`, or `observe`: decide and alert, write and execute nothing',
    oneOf('enforce', 'observe'),
  ),
  SCREENPASS_SENDERS: setting(
    'default',
    'senders to watch: `default`, `all`, ids, or changes such as `+godaddy,-mailgun`',
    senderIds,
  ),
  SCREENPASS_PRESEED: setting(null, 'senders allowed from the start, without a refusal', knownIds),
  SCREENPASS_SCOPE: setting(
    'sender',
    'what one refusal opens: all networks of the `sender`, the `network`, or the `address`',
    oneOf<Scope>('sender', 'network', 'address'),
  ),
  SCREENPASS_THRESHOLD: setting('1', 'refusals of a sender that are needed', count),
  SCREENPASS_WINDOW: setting('1h', 'the time within which they are needed', duration),
  SCREENPASS_TTL: setting('30d', 'an entry leaves this long after its sender was last seen', duration),
  SCREENPASS_NEVER: setting(null, 'networks that are never allowed', networks),
  SCREENPASS_VETO_DNSBL: setting(null, 'DNSBL zones whose listing is never overridden', zones),
  SCREENPASS_LOOKBACK: setting('24h', 'how much of the log is read at the very first start', duration),
  SCREENPASS_RELOAD_INTERVAL: setting(
    '15s',
    'least time between two reloads; the first change reloads at once, later ones share the next',
    duration,
  ),
  SCREENPASS_LOG_LEVEL: setting(
    'info',
    '`error`, `info` or `debug`; alerts are always written',
    oneOf<LogLevel>('error', 'info', 'debug'),
  ),
  SCREENPASS_ALERTS: setting('all', 'alert kinds: `all`, or `-KIND,-KIND` to mute some', mutedKinds),
} as const;

type SettingName = keyof typeof SETTINGS;
type Values = { [K in SettingName]: (typeof SETTINGS)[K] extends Setting<infer T> ? T | undefined : never };

/**
 * Reads the environment. Every setting is also taken from a file named in `NAME__FILE`. The problems come all at
 * once, each with name, given value and what was expected.
 */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  catalogue: readonly CatalogueEntry[],
  readFile: (path: string) => string,
):
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] } {
  const problems = unknownNames(env);
  const values: Record<string, unknown> = {};
  for (const [name, { default: fallback, parse }] of Object.entries(SETTINGS)) {
    const given = lookUp(name, env, readFile);
    const chosen = given.ok ? (given.value ?? fallback) : null;
    const parsed: Result<unknown> = !given.ok
      ? given
      : chosen === null
        ? ok(undefined)
        : parse(chosen, catalogue);
    if (parsed.ok) values[name] = parsed.value;
    else problems.push(`${name}: ${parsed.problem}`);
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, config: assemble(values as Values, catalogue) };
}

/** Undefined: not set. An empty value counts as not set, as Compose passes one for a variable that is missing. */
function lookUp(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string,
): Result<string | undefined> {
  const path = env[`${name}__FILE`];
  if (path === undefined || path === '') return ok(env[name] || undefined);
  if (env[name]) return problem(`set either ${name} or ${name}__FILE, not both`);
  try {
    return ok(readFile(path).trim() || undefined);
  } catch (error) {
    return problem(`${name}__FILE: ${(error as Error).message}`);
  }
}

function unknownNames(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(Object.keys(SETTINGS).flatMap((name) => [name, `${name}__FILE`]));
  return Object.keys(env)
    .filter((name) => name.startsWith('SCREENPASS_') && !known.has(name))
    .map((name) => `${name}: there is no such setting; screenpass run --help lists them`);
}

function assemble(values: Values, catalogue: readonly CatalogueEntry[]): Config {
  const watched = values.SCREENPASS_SENDERS ?? new Set();
  const preseed = values.SCREENPASS_PRESEED ?? new Set();
  const table = values.SCREENPASS_TABLE ?? '';
  return {
    dockerHost: values.DOCKER_HOST,
    container: values.SCREENPASS_CONTAINER ?? '',
    table,
    tableInContainer: values.SCREENPASS_TABLE_IN_CONTAINER ?? table,
    stateDir: values.SCREENPASS_STATE_DIR ?? '',
    mode: values.SCREENPASS_MODE ?? 'enforce',
    senders: catalogue.filter(({ id }) => watched.has(id) || preseed.has(id)),
    preseed,
    rules: {
      scope: values.SCREENPASS_SCOPE ?? 'sender',
      threshold: values.SCREENPASS_THRESHOLD ?? 1,
      windowMs: values.SCREENPASS_WINDOW ?? 0,
      ttlMs: values.SCREENPASS_TTL ?? 0,
      never: values.SCREENPASS_NEVER ?? [],
      vetoZones: values.SCREENPASS_VETO_DNSBL ?? new Set(),
    },
    lookbackMs: values.SCREENPASS_LOOKBACK ?? 0,
    reloadIntervalMs: values.SCREENPASS_RELOAD_INTERVAL ?? 0,
    logLevel: values.SCREENPASS_LOG_LEVEL ?? 'info',
    muted: values.SCREENPASS_ALERTS ?? new Set(),
  };
}

function knownIds(given: string, catalogue: readonly CatalogueEntry[]): Result<ReadonlySet<string>> {
  const wrong = list(given).filter((id) => !catalogue.some((sender) => sender.id === id));
  if (wrong.length > 0) return problem(`no sender is called ${wrong.join(', ')}`);
  return ok(new Set(list(given)));
}

/** `+id` and `-id` change what stands before them, or the default set when they come first. */
function senderIds(given: string, catalogue: readonly CatalogueEntry[]): Result<ReadonlySet<string>> {
  const items = list(given);
  const named = items
    .map((item) => item.replace(/^[+-]/, ''))
    .filter((id) => id !== 'default' && id !== 'all');
  const known = knownIds(named.join(','), catalogue);
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

function mutedKinds(given: string): Result<ReadonlySet<AlertKind>> {
  const muted = new Set<AlertKind>();
  for (const item of list(given).filter((item) => item !== 'all')) {
    const kind = Object.keys(ALERTS).find((kind) => `-${kind}` === item);
    if (kind === undefined)
      return problem(`"${item}": expected all, or - and an alert kind: ${Object.keys(ALERTS).join(', ')}`);
    muted.add(kind as AlertKind);
  }
  return ok(muted);
}

// All settings in one table: name, default, help and reader. The readers of values are in values.ts.
import type { AlertKind } from '../core/alerts/alert.ts';
import { ok, problem, type Result } from '../core/base/result.ts';
import { didYouMean } from '../core/base/suggest.ts';
import { parseServers } from '../core/dns/dns-servers.ts';
import type { Scope } from '../core/policy/entry.ts';
import type { Rules } from '../core/policy/policy.ts';
import type { SenderDefinition } from '../core/senders/sender.ts';
import { FileError } from '../ports.ts';
import { readSendersFile } from '../senders/senders-file.ts';
import {
  absolutePath,
  count,
  duration,
  engineHost,
  knownIds,
  type ListenAddress,
  lifetime,
  listenAddress,
  mutedKinds,
  networks,
  oneOf,
  senderIds,
  text,
  zones,
} from './values.ts';

export type LogLevel = 'error' | 'info' | 'debug';

/** A cron expression, and the longest time between two of its matches. */
export interface Schedule {
  readonly cron: string;
  readonly everyMs: number;
}

/** Everything that the administrator can set, read once at start. */
export interface Config {
  /** undefined: the Engine's default socket. */
  readonly dockerHost: string | undefined;
  readonly container: string;
  readonly table: string;
  readonly tableInContainer: string;
  readonly stateDir: string;
  readonly mode: 'enforce' | 'observe';
  /** All known senders, with those of SCREENPASS_SENDERS_FILE. */
  readonly catalogue: readonly SenderDefinition[];
  /** The watched senders. */
  readonly senders: readonly SenderDefinition[];
  readonly preseed: ReadonlySet<string>;
  readonly rules: Rules;
  readonly lookbackMs: number;
  /** When the senders are asked for their networks, and the longest time between two times. */
  readonly refresh: Schedule;
  /** When the digest is reported; null: never. */
  readonly digest: Schedule | null;
  /** DNS servers; empty: the system's. */
  readonly dnsServers: readonly string[];
  readonly reloadIntervalMs: number;
  /** Where /healthz and /metrics are served; null: nowhere. */
  readonly http: ListenAddress | null;
  readonly logLevel: LogLevel;
  readonly muted: ReadonlySet<AlertKind>;
}

/** What the settings are read against. */
export interface Outside {
  /** The bundled senders. */
  readonly catalogue: readonly SenderDefinition[];
  /** Throws FileError when it cannot. */
  readonly readFile: (path: string) => string;
  /** The longest time between two runs, in ms. */
  readonly cronInterval: (expression: string) => Result<number>;
}

interface Setting<T> {
  /** As the README shows it; null: not set. */
  readonly default: string | null;
  readonly help: string;
  /** Reads a value that is set, or the default. The catalogue has the changes of SCREENPASS_SENDERS_FILE. */
  readonly parse: (text: string, outside: Outside) => Result<T>;
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
  SCREENPASS_SENDERS_FILE: setting(
    null,
    'a YAML file with your own senders and changes to the known ones',
    sendersFile,
  ),
  SCREENPASS_PRESEED: setting(null, 'senders allowed from the start, without a refusal', knownIds),
  SCREENPASS_SCOPE: setting(
    'sender',
    'what one refusal opens: all networks of the `sender`, the `network`, or the `address`',
    oneOf<Scope>('sender', 'network', 'address'),
  ),
  SCREENPASS_THRESHOLD: setting('1', 'refusals of a sender that are needed', count),
  SCREENPASS_WINDOW: setting('1h', 'the time within which they are needed', lifetime),
  SCREENPASS_TTL: setting(
    '30d',
    'an entry expires this long after its sender was last seen, by the time of the log',
    lifetime,
  ),
  SCREENPASS_NEVER: setting(null, 'networks that are never allowed', networks),
  SCREENPASS_VETO_DNSBL: setting(null, 'DNSBL zones whose listing is never overridden', zones),
  SCREENPASS_LOOKBACK: setting('24h', 'how much of the log is read at the very first start', duration),
  SCREENPASS_REFRESH: setting(
    '23 4 * * *',
    'when the senders are asked for their networks: a cron expression, in the time zone of `TZ` (UTC if not set); up to ten minutes later',
    schedule,
  ),
  SCREENPASS_DIGEST: setting(
    '23 6 * * *',
    'when the digest of the days before is reported: a cron expression, in the time zone of `TZ` (UTC if not set), or `off`',
    scheduleOrOff,
  ),
  SCREENPASS_RELOAD_INTERVAL: setting(
    '15s',
    'least time between two reloads; the first change reloads at once, later ones share the next',
    duration,
  ),
  SCREENPASS_DNS: setting(
    'system',
    'DNS servers: `system`, or addresses such as `192.0.2.53` or `[2001:db8::53]:5353`',
    parseServers,
  ),
  SCREENPASS_HTTP: setting(
    'off',
    '`off`, or where `/healthz` and `/metrics` are served: `HOST:PORT`, IPv6 in brackets',
    listenAddress,
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
  outside: Outside,
):
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] } {
  const problems = unknownNames(env);
  const values: Record<string, unknown> = {};
  // Read once and first: the other settings are read against the catalogue with its changes.
  const file = read('SCREENPASS_SENDERS_FILE', env, outside);
  const catalogue = file.ok ? ((file.value as readonly SenderDefinition[]) ?? outside.catalogue) : null;
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    // Without the senders file the ids are unknown.
    if (catalogue === null && (name === 'SCREENPASS_SENDERS' || name === 'SCREENPASS_PRESEED')) continue;
    const isFile = name === 'SCREENPASS_SENDERS_FILE';
    const value = isFile ? file : read(name, env, { ...outside, catalogue: catalogue ?? outside.catalogue });
    if (value.ok) values[name] = value.value;
    else problems.push(value.problem.replace(/^/gm, `${name}: `));
  }
  if (catalogue === null || problems.length > 0) return { ok: false, problems };
  return { ok: true, config: assemble(values as Values, catalogue) };
}

/** Undefined: not set, and there is no default. */
function read(
  name: SettingName,
  env: Readonly<Record<string, string | undefined>>,
  outside: Outside,
): Result<unknown> {
  const { default: fallback, help, parse } = SETTINGS[name];
  const given = lookUp(name, env, outside.readFile);
  const chosen = given.ok ? (given.value ?? fallback) : null;
  if (!given.ok) return given;
  const parsed: Result<unknown> = chosen === null ? ok(undefined) : parse(chosen, outside);
  // A file may hold secrets, and may be the wrong one: its content never reaches a log.
  if (parsed.ok || !env[`${name}__FILE`]) return parsed;
  return problem(`the file of ${name}__FILE has a wrong value, which is not shown here; expected: ${help}`);
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
    if (!(error instanceof FileError)) throw error;
    return problem(`${name}__FILE: ${error.message}`);
  }
}

function unknownNames(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(Object.keys(SETTINGS).flatMap((name) => [name, `${name}__FILE`]));
  return Object.keys(env)
    .filter((name) => name.startsWith('SCREENPASS_') && !known.has(name))
    .map(
      (name) =>
        `${name}: there is no such setting${didYouMean(name, [...known])}; screenpass run --help lists all settings`,
    );
}

function assemble(values: Values, catalogue: readonly SenderDefinition[]): Config {
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
    catalogue,
    senders: catalogue.filter(({ id }) => watched.has(id) || preseed.has(id)),
    preseed,
    rules: {
      observing: values.SCREENPASS_MODE === 'observe',
      scope: values.SCREENPASS_SCOPE ?? 'sender',
      threshold: values.SCREENPASS_THRESHOLD ?? 1,
      windowMs: values.SCREENPASS_WINDOW ?? 0,
      ttlMs: values.SCREENPASS_TTL ?? 0,
      never: values.SCREENPASS_NEVER ?? [],
      vetoZones: values.SCREENPASS_VETO_DNSBL ?? new Set(),
    },
    lookbackMs: values.SCREENPASS_LOOKBACK ?? 0,
    refresh: values.SCREENPASS_REFRESH ?? { cron: '', everyMs: 0 },
    digest: values.SCREENPASS_DIGEST ?? null,
    dnsServers: values.SCREENPASS_DNS ?? [],
    reloadIntervalMs: values.SCREENPASS_RELOAD_INTERVAL ?? 0,
    http: values.SCREENPASS_HTTP ?? null,
    logLevel: values.SCREENPASS_LOG_LEVEL ?? 'info',
    muted: values.SCREENPASS_ALERTS ?? new Set(),
  };
}

function sendersFile(path: string, { catalogue, readFile }: Outside): Result<readonly SenderDefinition[]> {
  try {
    const read = readSendersFile(readFile(path), path, catalogue);
    return read.ok ? ok(read.senders) : problem(read.problems.join('\n'));
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return problem(error.message);
  }
}

function schedule(given: string, { cronInterval }: Outside): Result<Schedule> {
  const interval = cronInterval(given);
  return interval.ok ? ok({ cron: given, everyMs: interval.value }) : interval;
}

function scheduleOrOff(given: string, outside: Outside): Result<Schedule | null> {
  return given.trim() === 'off' ? ok(null) : schedule(given, outside);
}

/** Checks of the Engine and of the mail container: engine, container, log, exec, reload, clients. */

import {
  type EngineCall,
  type EngineErrorKind,
  GRANT,
  type Inspection,
  type MailContainer,
  readableDriver,
  rightName,
} from '../engine/mail-container.ts';
import { isReserved } from '../net/limits.ts';
import { contains, parseAddress, parseNetwork } from '../net/network.ts';
import { type CheckResult, fail, judged, type Observed, ok, unknown, warn } from './check-result.ts';

/** What was observed of the Engine and of the mail container in it. */
export interface EngineFacts {
  /** SCREENPASS_CONTAINER */
  readonly container: string;
  readonly observing: boolean;
  readonly inspection: Observed<Inspection>;
  readonly refused: Observed<readonly EngineCall[]>;
  /** All containers, when the wanted one is not among them. */
  readonly others: Observed<readonly Named[]>;
  readonly log: Observed<LogSample>;
  /** What `id -u` prints in the container. */
  readonly user: Observed<string>;
}

interface Named {
  readonly name: string;
  readonly image: string;
}

/** The end of the container's log. */
export interface LogSample {
  readonly lines: number;
  /** Address of each client that postscreen logged a CONNECT of. */
  readonly clients: readonly string[];
  /** Names under which postscreen seems to log, and which are not read (isLiveLine). */
  readonly unread: readonly string[];
}

/** The settings of the common socket proxies that allow each call. */
const FLAGS: Readonly<Record<EngineCall, readonly string[]>> = {
  'GET /containers/json': ['CONTAINERS'],
  'GET /containers/{id}/json': ['CONTAINERS'],
  'GET /containers/{id}/logs': ['CONTAINERS'],
  'POST /containers/{id}/exec': ['CONTAINERS', 'POST'],
  'POST /exec/{id}/start': ['EXEC', 'POST'],
  'GET /exec/{id}/json': ['EXEC'],
};
const LOG_CALL: EngineCall = 'GET /containers/{id}/logs';

export function judgeEngine(facts: EngineFacts): CheckResult[] {
  return [engine(facts), container(facts), log(facts), exec(facts), reload(facts), clients(facts)];
}

/** The container, when it runs. */
export function runningContainer(inspection: Observed<Inspection>): MailContainer | null {
  return inspection.kind === 'known' && inspection.value.kind === 'running'
    ? inspection.value.container
    : null;
}

/** Those that commands are run with. */
export function execCalls(calls: readonly EngineCall[]): readonly EngineCall[] {
  return calls.filter((call) => call.includes('exec'));
}

function engine({ inspection, refused }: EngineFacts): CheckResult {
  const calls = refused.kind === 'known' ? refused.value : [];
  const reading = calls.filter((call) => call !== LOG_CALL && !execCalls(calls).includes(call));
  if (reading.length > 0) return refusal('engine', calls);
  return judged('engine', inspection, () => ok('engine', 'the Engine answers'), engineRemedy);
}

function engineRemedy(error: EngineErrorKind | null): string {
  if (error === 'denied') return GRANT;
  if (error === 'failed') return "Read the Engine's own log: journalctl -u docker";
  return (
    "Mount the Engine's socket into screenpass, or set DOCKER_HOST to where the Engine or its proxy listens:\n" +
    '  services:\n    screenpass:\n      volumes:\n        - /var/run/docker.sock:/var/run/docker.sock\n' +
    'If the Engine was restarted, the mounted socket may be the old one: docker compose restart screenpass'
  );
}

function refusal(check: 'engine' | 'log' | 'exec', calls: readonly EngineCall[]): CheckResult {
  const flags = [...new Set(calls.flatMap((call) => FLAGS[call]))].sort();
  return fail(
    check,
    `refused by the Engine or a socket proxy: ${calls.join(', ')}`,
    'Allow these calls in the socket proxy; tecnativa/docker-socket-proxy and linuxserver/socket-proxy need\n' +
      `  environment:\n${flags.map((flag) => `    ${flag}: '1'`).join('\n')}`,
  );
}

function container({ container: wanted, inspection, others }: EngineFacts): CheckResult {
  if (inspection.kind !== 'known') return unknown('container', 'the Engine gave no information about it');
  switch (inspection.value.kind) {
    case 'running':
      return ok('container', `${wanted} runs (${inspection.value.container.id.slice(0, 12)})`);
    case 'stopped':
      return fail(
        'container',
        `${wanted} does not run`,
        `Start it: docker compose up -d mailserver\nIf it stops again, read its log: docker compose logs mailserver`,
      );
    case 'missing': {
      const like = others.kind === 'known' ? similar(wanted, others.value) : [];
      const remedy = rightName(wanted);
      return fail(
        'container',
        `the Engine has no container ${wanted}`,
        like.length === 0
          ? remedy
          : `${remedy}; the Engine has these:\n${like.map((name) => `  ${name}`).join('\n')}`,
      );
    }
  }
}

/** Containers that may be meant: the names are alike, or the name or the image contains mail. */
export function similar(wanted: string, others: readonly Named[]): string[] {
  const bare = plain(wanted.replace(/^.*=/, ''));
  const alike = ({ name, image }: Named) =>
    plain(name).includes(bare) || bare.includes(plain(name)) || /mail|dms/i.test(`${name} ${image}`);
  return others.filter(alike).map(({ name, image }) => `${name} (${image})`);
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

function log({ inspection, refused, log: sample }: EngineFacts): CheckResult {
  if (refused.kind === 'known' && refused.value.includes(LOG_CALL)) return refusal('log', [LOG_CALL]);
  const driver = runningContainer(inspection)?.logDriver ?? 'unknown';
  return judged(
    'log',
    sample,
    ({ lines, unread }) =>
      unread.length > 0
        ? warn(
            'log',
            `postscreen logs as ${unread.slice(0, 3).join(', ')}, which screenpass does not read`,
            SYSLOG_NAME,
          )
        : ok('log', `driver ${driver}, ${lines} lines read`),
    (error) => (error === 'unreadable-log' ? logging(driver) : engineRemedy(error)),
  );
}

const SYSLOG_NAME =
  'Give postscreen a syslog_name that begins with postfix, smtp or submission, in config/postfix-master.cf or where it is set.\n' +
  'Its lines must begin with the time, the host and this name, as rsyslog writes them';

function logging(driver: string): string {
  return (
    `${readableDriver(driver)}\n` +
    '  services:\n    mailserver:\n      logging:\n        driver: json-file\n        options:\n          max-size: 10m\n' +
    'Then re-create the container: docker compose up -d mailserver'
  );
}

function exec({ observing, refused, user }: EngineFacts): CheckResult {
  const calls = refused.kind === 'known' ? execCalls(refused.value) : [];
  const finding =
    calls.length > 0
      ? refusal('exec', calls)
      : judged(
          'exec',
          user,
          () => ok('exec', 'commands run in the mail container'),
          (error) =>
            error === 'failed'
              ? 'Set SCREENPASS_CONTAINER to the name of the container of docker-mailserver'
              : engineRemedy(error),
        );
  // Observe mode reads the log and runs no command.
  return observing && finding.verdict === 'fail' ? { ...finding, verdict: 'warn' } : finding;
}

function reload({ user }: EngineFacts): CheckResult {
  if (user.kind !== 'known')
    return unknown('reload', user.kind === 'skipped' ? user.because : 'no command can be run');
  if (user.value === '0')
    return ok('reload', 'commands run as root, which postfix reload needs; it was not tried');
  return fail(
    'reload',
    `commands run as user ${user.value}, but postfix reload needs root`,
    'Remove user: from the service mailserver in compose.yaml, then run docker compose up -d mailserver',
  );
}

function clients({ inspection, log: sample }: EngineFacts): CheckResult {
  if (sample.kind !== 'known')
    return unknown('clients', sample.kind === 'skipped' ? sample.because : 'the log cannot be read');
  const seen = sample.value.clients.flatMap((text) => parseAddress(text) ?? []);
  const visible = seen.filter((address) => !isReserved(address)).length;
  if (visible > 0) return ok('clients', `${visible} of the last ${seen.length} have public addresses`);
  const outside = [...new Set(sample.value.clients)].filter((text) => !/^(127\.|::1$)/.test(text));
  if (outside.length === 0)
    return unknown('clients', `the last ${sample.value.lines} lines of the log have no client in them`);
  const networks = runningContainer(inspection)?.networks.map(parseNetwork) ?? [];
  const inside = seen.some((address) => networks.some((one) => one.ok && contains(one.value, address)));
  return warn(
    'clients',
    `Postfix sees only ${outside.slice(0, 3).join(', ')}: no sender can be identified by that`,
    inside ? UNHIDE : BEHIND_PROXY,
  );
}

const BEHIND_PROXY =
  'If mail comes through a proxy or load balancer, enable the PROXY protocol there, and put this line into config/postfix-main.cf:\n' +
  '  postscreen_upstream_proxy_protocol = haproxy\n' +
  'If only your own machines have sent mail so far, there is nothing to do';
const UNHIDE =
  "These are the Engine's own addresses: its proxy, or NAT of IPv6, hides the clients. Put this into /etc/docker/daemon.json, and restart the Engine:\n" +
  '  { "userland-proxy": false, "ip6tables": true, "experimental": true }\n' +
  'Put this into compose.yaml, so that Postfix also sees the addresses of IPv6 clients:\n' +
  '  networks:\n    default:\n      enable_ipv6: true\n      ipam:\n        config:\n          - subnet: fd00:cafe:face:feed::/64\n' +
  'The manual of docker-mailserver says more: config/advanced/ipv6/. If only your own containers have sent mail so far, there is nothing to do';

import { GRANT, readableDriver, rightName } from '../engine/engine-remedy.ts';
import type { EngineCall, EngineErrorKind, Inspection, MailContainer } from '../engine/mail-container.ts';
import { isReserved } from '../net/limits.ts';
import { contains, parseAddress, parseNetwork } from '../net/network.ts';
import { type Fact, type Finding, fail, judged, ok, unknown, warn } from './finding.ts';

/** What was seen of the Engine and of the mail container in it. */
export interface EngineFacts {
  /** SCREENPASS_CONTAINER */
  readonly container: string;
  readonly observing: boolean;
  readonly inspection: Fact<Inspection>;
  readonly refused: Fact<readonly EngineCall[]>;
  /** All containers there are, when the one that is wanted is not among them. */
  readonly others: Fact<readonly Named[]>;
  readonly log: Fact<LogSample>;
  /** What `id -u` prints in the container. */
  readonly user: Fact<string>;
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
  /** Names under which postscreen logs, or seems to, and which are not read (isLiveLine). */
  readonly unread: readonly string[];
}

/** What the common socket proxies have to be set to for each call. */
const FLAGS: Readonly<Record<EngineCall, readonly string[]>> = {
  'GET /containers/json': ['CONTAINERS'],
  'GET /containers/{id}/json': ['CONTAINERS'],
  'GET /containers/{id}/logs': ['CONTAINERS'],
  'POST /containers/{id}/exec': ['CONTAINERS', 'POST'],
  'POST /exec/{id}/start': ['EXEC', 'POST'],
  'GET /exec/{id}/json': ['EXEC'],
};
const LOG_CALL: EngineCall = 'GET /containers/{id}/logs';

export function judgeEngine(facts: EngineFacts): Finding[] {
  return [engine(facts), container(facts), log(facts), exec(facts), reload(facts), clients(facts)];
}

/** The container, when it runs. */
export function runningContainer(inspection: Fact<Inspection>): MailContainer | null {
  return inspection.kind === 'known' && inspection.value.kind === 'running'
    ? inspection.value.container
    : null;
}

/** Those that commands are run with. */
export function execCalls(calls: readonly EngineCall[]): readonly EngineCall[] {
  return calls.filter((call) => call.includes('exec'));
}

function engine({ inspection, refused }: EngineFacts): Finding {
  const calls = refused.kind === 'known' ? refused.value : [];
  const reading = calls.filter((call) => call !== LOG_CALL && !execCalls(calls).includes(call));
  if (reading.length > 0) return refusal('engine', calls);
  return judged('engine', inspection, () => ok('engine', 'it answers'), engineRemedy);
}

function engineRemedy(error: EngineErrorKind | null): string {
  if (error === 'denied') return GRANT;
  if (error === 'failed') return "The Engine's own log says more: journalctl -u docker";
  return (
    "Mount the Engine's socket into screenpass, or set DOCKER_HOST to where the Engine or its proxy listens:\n" +
    '  services:\n    screenpass:\n      volumes:\n        - /var/run/docker.sock:/var/run/docker.sock\n' +
    'If the Engine was restarted since, restart screenpass: a mounted socket can be the one of before'
  );
}

function refusal(check: 'engine' | 'log' | 'exec', calls: readonly EngineCall[]): Finding {
  const flags = [...new Set(calls.flatMap((call) => FLAGS[call]))].sort();
  return fail(
    check,
    `refused by the Engine or a socket proxy: ${calls.join(', ')}`,
    'Allow these calls in the socket proxy; tecnativa/docker-socket-proxy and linuxserver/socket-proxy take\n' +
      `  environment:\n${flags.map((flag) => `    ${flag}: '1'`).join('\n')}`,
  );
}

function container({ container: wanted, inspection, others }: EngineFacts): Finding {
  if (inspection.kind !== 'known') return unknown('container', 'the Engine tells nothing of it');
  switch (inspection.value.kind) {
    case 'running':
      return ok('container', `${wanted} runs (${inspection.value.container.id.slice(0, 12)})`);
    case 'stopped':
      return fail(
        'container',
        `${wanted} does not run`,
        `Start it: docker compose up -d mailserver\nIf it does not stay up, its log says why: docker compose logs mailserver`,
      );
    case 'missing': {
      const like = others.kind === 'known' ? similar(wanted, others.value) : [];
      const remedy = rightName(wanted);
      return fail(
        'container',
        `the Engine knows no ${wanted}`,
        like.length === 0
          ? remedy
          : `${remedy}; the Engine has\n${like.map((name) => `  ${name}`).join('\n')}`,
      );
    }
  }
}

/** Containers that could be meant: the names are alike, or there is mail in the name or the image. */
export function similar(wanted: string, others: readonly Named[]): string[] {
  const bare = plain(wanted.replace(/^.*=/, ''));
  const alike = ({ name, image }: Named) =>
    plain(name).includes(bare) || bare.includes(plain(name)) || /mail|dms/i.test(`${name} ${image}`);
  return others.filter(alike).map(({ name, image }) => `${name} (${image})`);
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

function log({ inspection, refused, log: sample }: EngineFacts): Finding {
  if (refused.kind === 'known' && refused.value.includes(LOG_CALL)) return refusal('log', [LOG_CALL]);
  const driver = runningContainer(inspection)?.logDriver ?? 'unknown';
  return judged(
    'log',
    sample,
    ({ lines, unread }) =>
      unread.length > 0
        ? warn('log', `postscreen logs as ${unread.slice(0, 3).join(', ')}, which is not read`, SYSLOG_NAME)
        : ok('log', `driver ${driver}, ${lines} lines read`),
    (error) => (error === 'unreadable-log' ? logging(driver) : engineRemedy(error)),
  );
}

const SYSLOG_NAME =
  'Let the syslog_name of postscreen begin with postfix, smtp or submission, in config/postfix-master.cf or where it is set;\n' +
  'its lines must begin with the time, the host and this name, as rsyslog writes them';

function logging(driver: string): string {
  return (
    `${readableDriver(driver)}\n` +
    '  services:\n    mailserver:\n      logging:\n        driver: json-file\n        options:\n          max-size: 10m\n' +
    'Then docker compose up -d mailserver makes it anew'
  );
}

function exec({ observing, refused, user }: EngineFacts): Finding {
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
              ? 'SCREENPASS_CONTAINER must name the container of docker-mailserver'
              : engineRemedy(error),
        );
  // Observe mode reads the log and runs nothing.
  return observing && finding.verdict === 'fail' ? { ...finding, verdict: 'warn' } : finding;
}

function reload({ user }: EngineFacts): Finding {
  if (user.kind !== 'known')
    return unknown('reload', user.kind === 'skipped' ? user.because : 'no command can be run');
  if (user.value === '0')
    return ok('reload', 'commands run as root, and postfix reload needs no more; it was not tried');
  return fail(
    'reload',
    `commands run as user ${user.value}, but postfix reload needs root`,
    'Take user: away from the service mailserver in compose.yaml, then docker compose up -d mailserver',
  );
}

function clients({ inspection, log: sample }: EngineFacts): Finding {
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
    `all that Postfix sees is ${outside.slice(0, 3).join(', ')}: nobody can be known by that`,
    inside ? UNHIDE : BEHIND_PROXY,
  );
}

const BEHIND_PROXY =
  'If mail comes through a proxy or load balancer, let it use the PROXY protocol, and Postfix take it: postscreen_upstream_proxy_protocol = haproxy in config/postfix-main.cf\n' +
  'If only your own machines have sent mail so far, all is well';
const UNHIDE =
  "These are the Engine's own addresses: its proxy, or NAT of IPv6, hides the clients. Put into /etc/docker/daemon.json, and restart the Engine:\n" +
  '  { "userland-proxy": false, "ip6tables": true, "experimental": true }\n' +
  'and into compose.yaml, so that clients of IPv6 are seen as well:\n' +
  '  networks:\n    default:\n      enable_ipv6: true\n      ipam:\n        config:\n          - subnet: fd00:cafe:face:feed::/64\n' +
  '(docker-mailserver: config/advanced/ipv6/). If only your own containers have sent mail so far, all is well';

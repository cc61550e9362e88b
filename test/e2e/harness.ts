// The real thing around a test: an Engine, our docker-compose.yml, real Postfix. Each stack has names and
// directories of its own, so that runs do not meet.
import { randomBytes, randomInt } from 'node:crypto';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReplayReport } from '../../src/core/replay/log-replay.ts';
import type { Zone } from '../double/dns-zone.ts';
import { dnsmasqOptions } from './dns-options.ts';
import { composeCommand, engineSocket, must, type Output, run } from './program.ts';

export const WIRING =
  'postscreen_access_list = permit_mynetworks, cidr:/etc/screenpass/postscreen_access.cidr';
export const TABLE = '/etc/screenpass/postscreen_access.cidr';

/** npm starts everything here; a bundle of this file stands elsewhere. */
const root = process.cwd();
const here = join(root, 'test', 'e2e');
const composeFiles = [join(root, 'docker-compose.yml'), join(here, 'docker-compose.override.yml')];
const hardenedFiles = [
  join(root, 'docs', 'docker-compose.hardened.yml'),
  join(here, 'docker-compose.override.yml'),
  join(here, 'docker-compose.hardened.override.yml'),
];

/** One line that screenpass printed; the fields beyond the first four depend on the kind. */
export interface Alert {
  readonly level: string;
  readonly time: string;
  readonly alert: string;
  readonly id: string;
  readonly msg: string;
  readonly sender?: string;
  readonly client?: string;
  readonly gate?: string;
  readonly evidence?: string;
  readonly decision?: string;
  readonly seconds?: number;
}

/** What one SMTP client lived through. */
export interface Talk {
  readonly queued: boolean;
  readonly transcript: string;
}

export interface Client {
  readonly from: string;
  readonly helo: string;
  readonly sender: string;
  /** One whom the mail container knows, if not set. */
  readonly recipient?: string;
}

const SERVICES = ['mailserver', 'screenpass', 'dns', 'socket-proxy'] as const;
type Service = (typeof SERVICES)[number];
/** Those whose image docker-compose.override.yml builds. */
const IMAGES = ['mailserver', 'screenpass', 'dns'] as const;
type EngineVerb = 'stop' | 'start' | 'restart' | 'kill' | 'pause' | 'unpause';

function lastLines(text: string, count = 25): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

export interface StackOptions {
  /** Whether the mail container's configuration names our table. */
  readonly wired: boolean;
  /** Lines for the mail container's configuration beside that one. */
  readonly settings?: readonly string[];
  /** Addresses that a test client may come from. */
  readonly clients: readonly string[];
  /** Those of them that the DNS blocklist lists; ADDRESS=ANSWER where it answers something else than 127.0.0.2. */
  readonly listed: readonly string[];
  /** What DNS says when screenpass asks. */
  readonly zone: Zone;
  /** The calls that the socket proxy of docs/docker-compose.hardened.yml lets through; not set: docker-compose.yml. */
  readonly calls?: readonly string[];
  /** What starts the mail container; start.sh if not set. */
  readonly start?: string;
  /** The Engine's socket as screenpass sees it; the Engine's own if not set. */
  readonly socket?: string;
  /** Compose files after those that each stack has. */
  readonly composeFiles?: readonly string[];
  /** Is called when the directories are there and no container has them yet. */
  readonly prepare?: () => Promise<void>;
  /** Is given the names of the images when they are built. */
  readonly built?: (images: readonly string[]) => Promise<void>;
}

/** The containers of our Compose file, and the DNS server that screenpass asks. */
export class Stack {
  /** On this machine; what the containers share with it is below. */
  readonly directory = mkdtempSync(join(tmpdir(), 'screenpass-e2e-'));
  readonly #project = `screenpass-e2e-${randomBytes(4).toString('hex')}`;
  /** Address space for tests (RFC 2544). */
  readonly #network = `198.19.${randomInt(256)}`;
  readonly #options: StackOptions;
  readonly #more: string[] = [];

  constructor(options: StackOptions) {
    this.#options = options;
  }

  /** Builds the images, starts the containers, DNS first, and waits until Postfix runs. */
  async up(): Promise<void> {
    const config = join(this.directory, 'config');
    const shared = join(this.directory, 'screenpass');
    const { state } = this;
    for (const directory of [config, shared, state, join(this.directory, 'dns')]) mkdirSync(directory);
    if (this.#options.calls !== undefined) this.grant(this.#options.calls);
    this.#writeZone(this.#options.zone);
    // Made by an operator who is not root: nobody should have to change an owner for screenpass.
    if (process.getuid?.() === 0) for (const directory of [shared, state]) chownSync(directory, 1000, 1000);
    await this.#options.prepare?.();
    const lines = [...(this.#options.wired ? [WIRING] : []), ...(this.#options.settings ?? [])];
    if (lines.length > 0) writeFileSync(join(config, 'postfix-main.cf'), `${lines.join('\n')}\n`);
    await this.compose('build');
    await this.#options.built?.(IMAGES.map((service) => this.nameOf(service)));
    await this.compose('up', '-d', 'dns');
    await this.logged('dns', /started/);
    await this.compose('up', '-d');
    await this.logged('mailserver', /daemon started/);
  }

  /** Takes everything away again, whatever state it is in. The build cache stays. */
  async remove(): Promise<void> {
    try {
      if (this.#more.length > 0) await must('docker', ['rm', '--force', ...this.#more]);
      await this.compose('down', '--volumes', '--timeout', '5');
      await run('docker', ['rmi', '--no-prune', ...SERVICES.map((service) => this.nameOf(service))]);
    } finally {
      rmSync(this.directory, { recursive: true, force: true });
    }
  }

  async compose(...args: string[]): Promise<string> {
    const [program, ...first] = await composeCommand();
    const chosen = this.#options.calls === undefined ? composeFiles : hardenedFiles;
    const all = [...chosen, ...(this.#options.composeFiles ?? [])];
    const files = ['--project-directory', root, ...all.flatMap((file) => ['-f', file])];
    return must(program, [...first, '-p', this.#project, ...files, ...args], {
      E2E_PROJECT: this.#project,
      E2E_DIRECTORY: this.directory,
      E2E_CONFIG: join(this.directory, 'config'),
      E2E_DNS: join(this.directory, 'dns'),
      E2E_NETWORK: this.#network,
      E2E_SENDERS: 'default',
      E2E_SOCKET: this.#options.socket ?? engineSocket(),
      E2E_START: this.#options.start ?? 'start.sh',
      E2E_CLIENT_ADDRESSES: this.#options.clients.join(' '),
      E2E_LISTED_ADDRESSES: this.#options.listed.join(' '),
    });
  }

  /** A command in the mail container, run to its end, as the operator would. */
  inMail(...command: string[]): Promise<string> {
    return must('docker', ['exec', this.nameOf('mailserver'), ...command]);
  }

  /** A command of screenpass beside the daemon, run to its end, as the operator would. */
  screenpass(...args: string[]): Promise<Output> {
    return this.inScreenpass('screenpass', ...args);
  }

  /** The same with --json: the exit code, and what the one JSON document says. */
  async answer<T>(...args: string[]): Promise<{ code: number; answer: T }> {
    const { code, stdout } = await this.screenpass(...args, '--json');
    return { code, answer: JSON.parse(stdout) };
  }

  /** What the Engine does with a container. */
  async engine(verb: EngineVerb, service: Service): Promise<void> {
    await must('docker', [verb, this.nameOf(service)]);
  }

  /** From now on DNS says this, and nothing else. */
  async publish(zone: Zone): Promise<void> {
    this.#writeZone(zone);
    const before = (await this.log('dns')).length;
    await this.engine('restart', 'dns');
    await this.logged('dns', /started/, before);
  }

  /** From now on the socket proxy lets these calls through, and no others. */
  grant(calls: readonly string[]): void {
    const directory = join(this.directory, 'calls');
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'allowed'), `${calls.join('\n')}\n`);
  }

  /** A command in the container of screenpass, run to its end. */
  inScreenpass(...command: string[]): Promise<Output> {
    return run('docker', ['exec', this.nameOf('screenpass'), ...command]);
  }

  /** Programs that run in a container now. */
  async programs(service: Service): Promise<string[]> {
    const lines = (await must('docker', ['top', this.nameOf(service), '-o', 'pid,comm'])).trim().split('\n');
    return lines.slice(1).map((line) => line.trim().split(/\s+/).slice(1).join(' '));
  }

  /** One more screenpass, with no rights but those of this user and group and the Engine's socket, run to its end. */
  screenpassAlone(user: string, ...args: string[]): Promise<Output> {
    const mounts = [
      `${engineSocket()}:/var/run/docker.sock`,
      `${this.shared}:/etc/screenpass`,
      `${this.state}:/var/lib/screenpass`,
    ].flatMap((mount) => ['-v', mount]);
    const rights = [
      '--user',
      user,
      '--read-only',
      '--cap-drop',
      'ALL',
      '--security-opt',
      'no-new-privileges',
    ];
    const container = ['--env', `SCREENPASS_CONTAINER=${this.nameOf('mailserver')}`, '--network', 'none'];
    return run('docker', [
      'run',
      '--rm',
      ...rights,
      ...container,
      ...mounts,
      this.nameOf('screenpass'),
      ...args,
    ]);
  }

  /** `screenpass replay --json` of the whole log of the mail container. */
  async replay(): Promise<ReplayReport> {
    const log = `docker logs ${this.nameOf('mailserver')}`;
    const command = `docker exec -i ${this.nameOf('screenpass')} screenpass replay --json`;
    return JSON.parse(await must('sh', ['-c', `${log} 2>&1 | ${command}`])) as ReplayReport;
  }

  /** The same, with these settings in place of its own. */
  screenpassAs(settings: Readonly<Record<string, string>>, ...args: string[]): Promise<Output> {
    const env = Object.entries(settings).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    return run('docker', ['exec', ...env, this.nameOf('screenpass'), 'screenpass', ...args]);
  }

  /**
   * One more mail container, that nobody configured: `run` or `create` with these options of the docker command. Gives its
   * name.
   */
  async anotherMail(verb: 'run' | 'create', ...options: string[]): Promise<string> {
    const name = `${this.#project}-mail-${this.#more.length + 1}`;
    this.#more.push(name);
    const detach = verb === 'run' ? ['--detach'] : [];
    await must('docker', [
      verb,
      ...detach,
      '--name',
      name,
      '--network',
      'none',
      ...options,
      this.nameOf('mailserver'),
    ]);
    return name;
  }

  /** The directory of the table, on this machine. */
  get shared(): string {
    return dirname(this.#tablePath());
  }

  /** One more screenpass, with this mounted where its table should be, run to its end. */
  screenpassWith(mount: string): Promise<Output> {
    const volume = `${mount}:${TABLE}`;
    return run('docker', ['run', '--rm', '--network', 'none', '-v', volume, this.nameOf('screenpass')]);
  }

  /** The directory of the state, on this machine, where it is not in a volume. */
  get state(): string {
    return join(this.directory, 'screenpass-state');
  }

  /** Each line of a container's log, after the Engine's stamp. */
  async stampedLog(service: Service): Promise<string[]> {
    const { stdout, stderr } = await run('docker', ['logs', '--timestamps', this.nameOf(service)]);
    return `${stdout}${stderr}`.split('\n');
  }

  /** A property of a container, as a Go template names it. */
  async inspect(service: Service, template: string): Promise<string> {
    return (await must('docker', ['inspect', '--format', template, this.nameOf(service)])).trim();
  }

  /** Lets a client try to send one message. */
  async send({ from, helo, sender, recipient }: Client): Promise<Talk> {
    const options = ['--from-address', from, '--helo', helo, '--mail-from', sender];
    if (recipient !== undefined) options.push('--rcpt-to', recipient);
    const command = ['exec', this.nameOf('mailserver'), 'smtp-client.pl', ...options];
    const { code, stdout, stderr } = await run('docker', command);
    if (code > 1) throw new Error(`the client from ${from} had no SMTP talk:\n${stdout}${stderr}`);
    return { queued: code === 0, transcript: stdout };
  }

  readTable(): string {
    return readFileSync(this.#tablePath(), 'utf8');
  }

  /** Replaces the table as a careful editor does: whole, and under the same name. */
  writeTable(text: string | Buffer): void {
    const draft = `${this.#tablePath()}.draft`;
    writeFileSync(draft, text);
    renameSync(draft, this.#tablePath());
  }

  async alerts(): Promise<Alert[]> {
    return (await this.log('screenpass'))
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Alert);
  }

  /** The first alert of the kind, with these fields, after the first `skip` alerts. */
  alert(kind: string, fields: Partial<Alert> = {}, skip = 0): Promise<Alert> {
    const wanted = Object.entries({ alert: kind, ...fields });
    return this.until(`alert ${JSON.stringify(Object.fromEntries(wanted))}`, async () =>
      (await this.alerts())
        .slice(skip)
        .find((alert) => wanted.every(([name, value]) => alert[name as keyof Alert] === value)),
    );
  }

  async log(service: Service): Promise<string[]> {
    // Each line ends in a newline, so what follows the last one is no line.
    return (await this.#logs(service)).stdout.split('\n').slice(0, -1);
  }

  /** The first line of a container's log that matches, after the first `skip` lines. */
  logged(service: Service, pattern: RegExp, skip = 0): Promise<string> {
    return this.until(`${service} log line ${pattern}`, async () =>
      (await this.log(service)).slice(skip).find((line) => pattern.test(line)),
    );
  }

  /** Looks until there is something to see. */
  async until<T>(what: string, look: () => Promise<T | undefined>, seconds = 90): Promise<T> {
    const deadline = performance.now() + seconds * 1000;
    while (performance.now() < deadline) {
      const seen = await look();
      if (seen !== undefined) return seen;
      await sleep(200);
    }
    throw new Error(`not seen within ${seconds} s: ${what}\n${await this.#lastWords()}`);
  }

  /** The name of a container. */
  nameOf(service: Service): string {
    return `${this.#project}-${service}`;
  }

  #writeZone(zone: Zone): void {
    writeFileSync(join(this.directory, 'dns', 'options'), `${dnsmasqOptions(zone).join('\n')}\n`);
  }

  #tablePath(): string {
    return join(this.directory, 'screenpass', 'postscreen_access.cidr');
  }

  /** Empty while there is no container: between two lives of it that is no error. */
  #logs(service: Service): Promise<Output> {
    return run('docker', ['logs', this.nameOf(service)]);
  }

  async #lastWords(): Promise<string> {
    const words = [];
    for (const service of SERVICES) {
      const { stdout, stderr } = await this.#logs(service);
      words.push(`--- ${service}, last lines`, lastLines(stdout), lastLines(stderr));
    }
    return words.filter((word) => word !== '').join('\n');
  }
}

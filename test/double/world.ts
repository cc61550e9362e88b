import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/config/settings.ts';
import type { AlertFields, AlertKind } from '../../src/core/alerts/alert.ts';
import type { ControlReply, ControlRequest } from '../../src/core/base/control-message.ts';
import type { Resolver } from '../../src/core/dns/resolver.ts';
import { runDaemon } from '../../src/daemon/daemon.ts';
import { cronInterval } from '../../src/edge/clock.ts';
import { createDockerEngine } from '../../src/edge/docker.ts';
import { createTableFile, createWholeFile } from '../../src/edge/file.ts';
import { readSettingsFile } from '../../src/edge/settings-file.ts';
import type { Ports, Report } from '../../src/ports.ts';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import { TestClock } from './clock.ts';
import type { Zone } from './dns-zone.ts';
import { EngineDouble } from './engine.ts';
import { MailServerDouble } from './mailserver.ts';
import { sendersZone } from './senders-zone.ts';
import type { Client } from './session.ts';
import { zoneResolver } from './zone-resolver.ts';

const TABLE = '/etc/screenpass/postscreen_access.cidr';
const START = Date.parse('2026-11-24T02:00:00Z');
/** For real time that passes while sockets and files do their work; nothing waits for it on purpose. */
/** More would be taken for a jump of the clock. */
const LOOK_MS = 600_000;
const PATIENCE_MS = 60_000;

export type Told = { [K in AlertKind]: { alert: K; id: string } & AlertFields[K] }[AlertKind];

/** The daemon over the doubles of Engine, mail server and clock, with real files and the real Engine client. */
export class World implements AsyncDisposable {
  readonly clock = new TestClock(START);
  readonly alerts: Told[] = [];
  readonly errors: string[] = [];
  readonly folder: string;
  /** What DNS has beside the senders' own records, which list what the catalogue has. Can change at any time. */
  zone: Zone = {};
  /** DNS answers when this is fulfilled. */
  dnsAnswers: Promise<void> = Promise.resolve();
  /** What is reported is written when this is fulfilled. */
  stdoutTakes: Promise<void> = Promise.resolve();
  /** `TYPE name` of each question to DNS. */
  readonly questions: string[] = [];
  readonly engine: EngineDouble;
  readonly mail: MailServerDouble;
  #stop = new AbortController();
  #running: Promise<void> | undefined;
  #handle: (request: ControlRequest) => Promise<ControlReply> = async () => {
    throw new Error('the daemon does not listen yet');
  };

  private constructor(folder: string) {
    this.folder = folder;
    const { clock } = this;
    const container = { name: 'mailserver', networks: { mail: '172.18.0.5/16' } };
    this.engine = new EngineDouble({ socketPath: join(folder, 'docker.sock'), container, clock });
    this.mail = new MailServerDouble({
      engine: this.engine,
      table: { inContainer: TABLE, onHost: this.table },
      clock,
    });
  }

  static async create(): Promise<World> {
    const world = new World(await mkdtemp(join(tmpdir(), 'screenpass-')));
    await world.engine.listen();
    return world;
  }

  /** One in which the daemon follows a wired mail server. */
  static async following(env: Record<string, string> = {}): Promise<World> {
    const world = await World.create();
    world.start(env);
    await world.until('the log is followed', () => world.engine.followers > 0);
    return world;
  }

  /** Amazon SES is open, and Postfix does not consult the table any more. */
  static async openedInVain(): Promise<World> {
    const world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    world.clock.advance(10_000);
    world.mail.wiring = 'not-wired';
    world.mail.idle();
    return world;
  }

  get table(): string {
    return join(this.folder, 'postscreen_access.cidr');
  }

  get stateFile(): string {
    return join(this.folder, 'state.json');
  }

  /** Starts the daemon; `ports` replaces single edges. */
  start(env: Record<string, string> = {}, ports: Partial<Ports> = {}): void {
    const settings = {
      SCREENPASS_TABLE: this.table,
      SCREENPASS_TABLE_IN_CONTAINER: TABLE,
      SCREENPASS_STATE_DIR: this.folder,
      ...env,
    };
    const senders = readCatalogue(catalogue);
    const read = readConfig(settings, {
      catalogue: senders,
      readFile: readSettingsFile,
      cronInterval,
    });
    if (!read.ok) throw new Error(read.problems.join('\n'));
    this.#stop = new AbortController();
    const edges: Ports = {
      clock: this.clock,
      engine: this.dockerEngine(read.config.container),
      table: createTableFile(this.table),
      state: createWholeFile(this.stateFile),
      resolver: this.#resolver(sendersZone(senders)),
      control: { serve: async (handle) => this.#listen(handle) },
      monitor: null,
      report: this.#report(),
      ...ports,
    };
    this.#running = runDaemon(read.config, edges, '0.0.0', this.#stop.signal);
    this.#running.catch(() => {});
  }

  /** The real client of the Engine, until the daemon is stopped. */
  dockerEngine(container = 'mailserver') {
    return createDockerEngine({ host: this.engine.host, container, stop: this.#stop.signal });
  }

  /** Asks the daemon what a command of the administrator asks. */
  ask(command: string, given: Record<string, unknown> = {}): Promise<ControlReply> {
    return this.#handle({ command, arguments: given });
  }

  #listen(handle: (request: ControlRequest) => Promise<ControlReply>) {
    this.#handle = handle;
    return { ended: Promise.resolve() };
  }

  async stop(): Promise<void> {
    this.#stop.abort('SIGTERM');
    await this.#running;
    this.#running = undefined;
  }

  /** The daemon hangs on purpose: nobody waits for its end. */
  abandon(): void {
    this.#running = undefined;
  }

  /** Whether the daemon ended by itself. */
  ended(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  #resolver(published: Zone): Resolver {
    const ask = async <T>(question: string, look: (resolver: Resolver) => Promise<T>) => {
      this.questions.push(question);
      await this.dnsAnswers;
      return look(zoneResolver({ ...published, ...this.zone }));
    };
    return {
      txt: (name) => ask(`TXT ${name}`, ({ txt }) => txt(name)),
      a: (name) => ask(`A ${name}`, ({ a }) => a(name)),
      aaaa: (name) => ask(`AAAA ${name}`, ({ aaaa }) => aaaa(name)),
      mx: (name) => ask(`MX ${name}`, ({ mx }) => mx(name)),
      cname: (name) => ask(`CNAME ${name}`, ({ cname }) => cname(name)),
      ptr: (address) => ask(`PTR ${address}`, ({ ptr }) => ptr(address)),
    };
  }

  #report(): Report {
    return {
      alert: (alert, id, fields) => void this.alerts.push({ alert, id, ...fields } as Told),
      error: (message) => void this.errors.push(message),
      info: () => {},
      debug: () => {},
      flushed: () => this.stdoutTakes,
    };
  }

  told<K extends AlertKind>(kind: K): Extract<Told, { alert: K }>[] {
    return this.alerts.filter((one): one is Extract<Told, { alert: K }> => one.alert === kind);
  }

  /** The first alert of the kind, or the nth. */
  async alert<K extends AlertKind>(kind: K, nth = 1): Promise<Extract<Told, { alert: K }>> {
    await this.until(`alert ${kind} no. ${nth}`, () => this.told(kind).length >= nth);
    return this.told(kind)[nth - 1] as Extract<Told, { alert: K }>;
  }

  /** The same, while the clock runs on: for what must last before it is reported. */
  async alertLater<K extends AlertKind>(kind: K, nth = 1): Promise<Extract<Told, { alert: K }>> {
    await this.eventually(`alert ${kind} no. ${nth}`, () => this.told(kind).length >= nth);
    return this.alert(kind, nth);
  }

  /** Lets sockets and files do their work until the condition holds. The clock stands still. */
  async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!(await condition())) {
      const kinds = this.alerts.map(({ alert }) => alert).join(' ');
      if (performance.now() > deadline) throw new Error(`${what}: did not happen; alerts: ${kinds}`);
      await new Promise((done) => setImmediate(done));
    }
  }

  /**
   * The same, while the clock runs on: half a second after each few turns of the event loop in which no file
   * was being written, so that a slow machine does not make time pass faster than its work.
   */
  async eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    let turns = 0;
    let moved = performance.now();
    await this.until(what, async () => {
      const writing = process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));
      turns = writing ? 0 : turns + 1;
      if (turns >= 10 && performance.now() - moved > 4) {
        this.clock.advance(500);
        turns = 0;
        moved = performance.now();
      }
      return condition();
    });
  }

  /** Time passes, and sockets and files do their work in between. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    await this.eventually(`${ms} ms`, () => this.clock.now() >= end);
  }

  /** Time goes by in which the log is silent, with the daemon's look at it now and then. */
  quiet(ms: number): void {
    this.clock.runJob('* * * * *');
    for (let left = ms; left > 0; left -= LOOK_MS) {
      this.clock.advance(Math.min(left, LOOK_MS));
      this.clock.runJob('* * * * *');
    }
  }

  /** A client of this name that the DNSBL lists, unless told otherwise. */
  connect(ip: string, client: Partial<Client> = {}) {
    const {
      helo = 'a27-75.smtp-out.us-west-2.amazonses.com',
      from = 'a@amazonses.com',
      to = 'u@example.test',
    } = client;
    return this.mail.connect(ip, { listed: ['zen.spamhaus.org'], ...client, helo, from, to });
  }

  readTable(): Promise<string> {
    return readFile(this.table, 'latin1');
  }

  writeState(text: string): Promise<void> {
    return writeFile(this.stateFile, text);
  }

  writeTable(text: string): Promise<void> {
    return writeFile(this.table, text, 'latin1');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort('SIGTERM');
    await this.#running?.catch(() => {});
    await this.engine.close();
    // A daemon that a bug has ended may have a write in hand still: its process would be gone, here only its promise is.
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

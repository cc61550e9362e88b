import type { ExecResult, MailContainer } from '../../src/core/engine/mail-container.ts';
import { network } from '../../src/core/net/network.ts';
import type { Entry } from '../../src/core/policy/entry.ts';
import { EMPTY_STATE, type State } from '../../src/core/state/state.ts';
import { createFaultMonitor, type FaultMonitor } from '../../src/daemon/writer/fault-monitor.ts';
import { Writer, type WriterOptions } from '../../src/daemon/writer/writer.ts';
import { type Engine, FileError, type Ports, type TableFile } from '../../src/ports.ts';
import { TestClock } from './clock.ts';
import { zoneResolver } from './zone-resolver.ts';

export const NOON = Date.parse('2026-11-24T12:00:00Z');
export const TABLE = '/etc/screenpass/postscreen_access.cidr';
export const CONTAINER: MailContainer = {
  ...{ id: 'c1', run: 'c1 first', tty: false, logDriver: 'json-file' },
  ...{ networks: [], gateways: [], mounts: [] },
};

export function entry(sender: string, more: Partial<Entry> = {}): Entry {
  return {
    ...{ sender, scope: 'sender', networks: [], since: NOON, lastSeen: NOON, until: null, granted: null },
    ...{ cause: 'dnsbl 550', reason: null, refusedAt: null, announced: false, inForce: null },
    ...more,
  };
}

/** Each sender opens one network of its own. */
const NETWORKS: Readonly<Record<string, string>> = {
  'amazon-ses': '54.240.0.0/17',
  mailgun: '69.72.32.0/20',
  sendgrid: '167.89.0.0/17',
};

interface Alert {
  readonly kind: string;
  readonly id: string;
  readonly fields: object;
}

const done = (stdout = ''): ExecResult => ({ exitCode: 0, stdout, stderr: '' });
const unused = () => {
  throw new Error('the writer does not use this');
};

/** The writer over an Engine, a table and a state of a few lines each, which a test sets as it likes. */
export class WriterBench {
  readonly clock = new TestClock(NOON);
  readonly alerts: Alert[] = [];
  /** All that was done, in its order: commands, saves and changes of the table. */
  readonly steps: string[] = [];
  readonly saved: State[] = [];
  readonly writer: Writer;
  readonly faults: FaultMonitor;
  table: string | undefined = undefined;
  tableReads = 0;
  postfixRuns = true;
  /** Whether Postfix's log has a line about a reload; at the time of the clock. */
  logsReload = true;
  accessList = `permit_mynetworks, cidr:${TABLE}`;
  saveFailure: string | null = null;
  tableFailure: string | null = null;
  /** Comes before each command, and may give the answer in its place. */
  onExec: (command: string) => ExecResult | undefined | Promise<ExecResult | undefined> = () => undefined;
  /** Comes before each save. */
  onSave: (state: State) => void | Promise<void> = () => {};
  #stop = new AbortController();
  #running: Promise<void> | null = null;

  constructor(initial: Partial<State> = {}, options: Partial<WriterOptions> = {}) {
    const report: Ports['report'] = {
      alert: (kind, id, fields) => void this.alerts.push({ kind, id, fields }),
      error: () => {},
      info: () => {},
      debug: () => {},
      flushed: async () => {},
    };
    const engine: Engine = {
      inspect: unused,
      follow: unused,
      lastLines: unused,
      exec: (id, argv) => this.#exec(id, argv),
    };
    const file = { read: unused, write: unused, setAside: unused };
    const ports: Ports = {
      ...{ clock: this.clock, engine, report, table: this.#tableFile(), state: file },
      ...{ resolver: zoneResolver({}), control: { serve: unused }, monitor: null },
    };
    const memory = { state: { ...EMPTY_STATE, ...initial } };
    this.faults = createFaultMonitor(this.clock, report, {
      read: () => memory.state.faults,
      write: (faults) => {
        memory.state = { ...memory.state, faults };
      },
    });
    const keeper = { save: (state: State) => this.#save(state) };
    this.writer = new Writer(ports, keeper, this.faults, memory, {
      ...{ mode: 'enforce', reloadIntervalMs: 15_000, tableInContainer: TABLE },
      watch: (step) => step,
      networksOf: ({ sender }) => [network(NETWORKS[sender] ?? unused())],
      ...options,
    });
  }

  /** Starts the work; ends when nothing is due any more. */
  async start(): Promise<void> {
    this.#running = this.writer.run(this.#stop.signal);
    this.#running.catch(() => {});
    await this.settled();
  }

  /** With a mail container from the start. */
  async serve(container: MailContainer | null = CONTAINER): Promise<void> {
    this.writer.serve(container);
    if (this.#running === null) await this.start();
    await this.settled();
  }

  /** Rejects on a bug. */
  get ended(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  /** All that can happen at this time has happened. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 30; turn += 1) await new Promise((turned) => setImmediate(turned));
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settled();
  }

  async open(...entries: readonly Entry[]): Promise<void> {
    this.writer.update({ ...this.writer.state, entries });
    await this.settled();
  }

  kinds(): string[] {
    return this.alerts.map(({ kind }) => kind);
  }

  fieldsOf(kind: string): object | undefined {
    return this.alerts.findLast((alert) => alert.kind === kind)?.fields;
  }

  /** How often this was done. */
  count(step: string): number {
    return this.steps.filter((one) => one.startsWith(step)).length;
  }

  async #exec(id: string, argv: readonly string[]): Promise<ExecResult> {
    const command = argv.join(' ');
    this.steps.push(id === CONTAINER.id ? command : `${id}: ${command}`);
    return (await this.onExec(command)) ?? this.#answer(command);
  }

  #answer(command: string): ExecResult {
    switch (command) {
      case 'postfix status':
        return this.postfixRuns ? done() : { ...done(), exitCode: 1 };
      case 'postfix reload':
        if (this.logsReload) this.writer.reloaded(this.clock.now());
        return done();
      case 'postconf -hx postscreen_access_list mynetworks':
        return done(`${this.accessList}\n127.0.0.0/8\n`);
      case 'postconf -Px */inet/*':
        return done();
      case 'postconf -M':
        return done('smtp       inet  n       -       n       -       1       postscreen\n');
    }
    if (command.startsWith('postmap -q ')) return done('permit\n');
    throw new Error(`nobody answers ${command}`);
  }

  async #save(state: State): Promise<FileError | null> {
    await this.onSave(state);
    this.steps.push('save');
    if (this.saveFailure !== null) return new FileError(this.saveFailure);
    this.saved.push(state);
    return null;
  }

  #tableFile(): TableFile {
    const refuse = () => {
      if (this.tableFailure !== null) throw new FileError(this.tableFailure);
    };
    return {
      read: async () => {
        this.tableReads += 1;
        return this.table;
      },
      stage: async (text) => {
        refuse();
        return {
          name: '.table.tmp',
          commit: async (expected) => {
            refuse();
            if (this.table !== expected) return false;
            this.table = text;
            this.steps.push('table');
            return true;
          },
          discard: async () => {},
        };
      },
    };
  }
}

import type { ExecResult } from '../../src/core/engine/mail-container.ts';
import type { Clock } from '../../src/ports.ts';
import { itemsOf, type OpenedTable, openTable, walk } from './access-list.ts';
import { CidrTableError } from './cidr-table.ts';
import type { EngineDouble } from './engine.ts';
import { postconf, postmap, type Setup, stat, usedList, type Wiring } from './postfix-commands.ts';
import { type Client, type Outcome, playSession } from './session.ts';
import type { TablePath } from './table-path.ts';

export interface MailServerOptions {
  readonly engine: Pick<EngineDouble, 'say' | 'onExec'>;
  readonly table: TablePath;
  readonly clock?: Pick<Clock, 'now'>;
  /** What postscreen does between its first and its last greeting line; nothing, if left out. */
  readonly greetWait?: () => Promise<void>;
}

/**
 * `fails`: Postfix does not run (yet). `unlogged`: as in a container that is about to stop, exit code 0 and nothing
 * happens.
 */
export type ReloadMode = 'works' | 'fails' | 'unlogged';

/** The container's address, as the CONNECT lines show it. */
const SERVER = '[172.18.0.5]:25';
const NOT_RUNNING = {
  reload: 'fatal: the Postfix mail system is not running',
  status: 'the Postfix mail system is not running',
};

/** docker-mailserver (edge of 2026, Postfix 3.10) as seen from outside: its log, and the commands run in it. */
export class MailServerDouble implements Setup {
  wiring: Wiring = 'wired';
  accessList: string | undefined;
  overrides: Record<string, string> = {};
  parameters: Record<string, string> = {
    postscreen_dnsbl_sites: 'zen.spamhaus.org*3',
    postscreen_dnsbl_action: 'enforce',
    postscreen_greet_action: 'enforce',
    postscreen_dnsbl_threshold: '3',
    postscreen_denylist_action: 'ignore',
    postscreen_blacklist_action: 'ignore',
    mynetworks: '127.0.0.0/8 [::1]/128 [fe80::]/64 172.18.0.5/32',
  };
  /** Whom commands run as. */
  uid = 0;
  /** Nobody may open the table, not even root (SELinux). */
  tableDenied = false;
  reload: ReloadMode = 'works';
  /** Where it is mounted. */
  table: TablePath;
  readonly #options: MailServerOptions;
  readonly #passed = new Set<string>();
  #list = '';
  #tables: ReadonlyMap<string, OpenedTable> = new Map();
  #postscreen = 910;
  #fresh = true;
  #port = 41_000;
  #queued = 0x5e3c723e2a9;

  constructor(options: MailServerOptions) {
    this.#options = options;
    this.table = options.table;
    this.#load();
    options.engine.onExec((argv) => this.exec(argv));
  }

  /** postscreen ended for want of clients, and its successor reads the table afresh. */
  idle(): void {
    this.#load();
  }

  /** Postfix starts, in a container that was started or made anew; who passed before is kept in mail-state. */
  boot(): void {
    this.#load();
    this.log('master', 905, 'daemon started -- version 3.10.13, configuration /etc/postfix');
  }

  /** One SMTP session from its CONNECT to its end; says how it ended. */
  async connect(ip: string, client: Client): Promise<Outcome> {
    this.#port = this.#port === 65_535 ? 1024 : this.#port + 1;
    const at = `[${ip}]:${this.#port}`;
    const pid = this.#postscreen;
    // A session that a reload finds in the greet wait ends in a child process, under another id.
    const postscreen = (message: string) =>
      this.log('postscreen', pid === this.#postscreen ? pid : pid + 7, message);
    postscreen(`CONNECT from ${at} to ${SERVER}`);
    this.#warnOnce(postscreen);
    const verdict = this.#accessList(ip, postscreen);
    const outcome = await playSession(client, {
      ip,
      at,
      verdict,
      known: this.#passed.has(ip),
      postscreen,
      log: (program, process, message) => this.log(program, process, message),
      greetWait: this.#options.greetWait ?? (async () => {}),
      queueId: () => (this.#queued++).toString(16).toUpperCase(),
    });
    if (outcome === 'passed') this.#passed.add(ip);
    return outcome;
  }

  /** A line of a Postfix program, as rsyslog writes it and tail brings it to the container's stdout. */
  log(program: string, pid: number, message: string): void {
    const now = (this.#options.clock ?? Date).now();
    const stamp = `${new Date(now).toISOString().slice(0, -1)}000+00:00`;
    this.#options.engine.say('stdout', `${stamp} mail postfix/${program}[${pid}]: ${message}`);
  }

  /** A command in the container. */
  async exec(argv: readonly string[]): Promise<ExecResult> {
    const result = this.#answer(argv);
    if (result === undefined)
      throw new Error(`the double of the mail server does not know: ${argv.join(' ')}`);
    return result;
  }

  #answer([program, ...args]: readonly string[]): ExecResult | undefined {
    const { table } = this;
    switch (program) {
      case 'postconf':
        return postconf(args, this, table.inContainer);
      case 'postmap':
        return this.tableDenied ? denied(table.inContainer) : postmap(args, table);
      case 'stat':
        return stat(args, table);
      case 'id':
        return args.join() === '-u' ? { exitCode: 0, stdout: `${this.uid}\n`, stderr: '' } : undefined;
      case 'postfix':
        return args.length > 1 ? undefined : this.#postfix(args[0]);
      default:
        return undefined;
    }
  }

  #postfix(command: string | undefined): ExecResult | undefined {
    if (command !== 'reload' && command !== 'status') return undefined;
    if (this.reload === 'fails') return this.#postfixScript(1, NOT_RUNNING[command]);
    if (command === 'status') return this.#postfixScript(0, 'the Postfix mail system is running: PID: 905');
    if (this.reload === 'unlogged') return { exitCode: 0, stdout: '', stderr: '' };
    const result = this.#postfixScript(0, 'refreshing the Postfix mail system');
    this.log('master', 905, 'reload -- version 3.10.13, configuration /etc/postfix');
    this.#load();
    return result;
  }

  /** postfix-script(1) says the same in the log and on stderr. */
  #postfixScript(exitCode: number, message: string): ExecResult {
    this.log('postfix-script', 1017, message);
    return { exitCode, stdout: '', stderr: `postfix/postlog: ${message}\n` };
  }

  /** A new postscreen process has its list and the tables as they are now; complaints come with its first client. */
  #load(): void {
    const { table } = this;
    this.#postscreen += 63;
    this.#fresh = true;
    this.#list = usedList(this, table.inContainer);
    const tables = itemsOf(this.#list).filter((item) => item.includes(':'));
    this.#tables = new Map(tables.map((item) => [item, openTable(item, table)]));
  }

  #warnOnce(postscreen: (message: string) => void): void {
    if (!this.#fresh) return;
    this.#fresh = false;
    for (const table of this.#tables.values()) {
      if (table instanceof CidrTableError) postscreen(`error: ${table.message}`);
      else for (const warning of table.warnings) postscreen(`warning: ${warning}`);
    }
  }

  /** What postscreen_access_list says of the client. */
  #accessList(ip: string, postscreen: (message: string) => void): 'permit' | 'reject' | undefined {
    const { verdict, warnings } = walk(this.#list, this.#tables, ip);
    for (const warning of warnings) postscreen(`warning: ${warning}`);
    return verdict;
  }
}

function denied(file: string): ExecResult {
  return { exitCode: 1, stdout: '', stderr: `postmap: fatal: open ${file}: Permission denied\n` };
}

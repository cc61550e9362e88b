// The commands that run in the mail container. What their output means is decided in src/core.

import type { ExecResult } from '../core/engine/mail-container.ts';
import { firstAddress, type Network } from '../core/net/network.ts';
import type { PostfixConfiguration } from '../core/postscreen/wiring.ts';
import { judgeTable, type TableCheck } from '../core/table/table-check.ts';
import { type Engine, EngineError } from '../ports.ts';

const QUERY_MS = 10_000;
const RELOAD_MS = 30_000;
/** So many members are asked at most: an operator's rule above ours may answer for the first. */
const MEMBERS = 3;
/** Documentation space (RFC 5737): a table without rules is read by asking it for an address that is in none. */
const STRANGER = '192.0.2.1';

/**
 * Postfix in the mail container, by its own commands. No argument comes from the log: paths are the
 * administrator's, addresses are those of published networks. All of these reject with EngineError.
 */
export interface Postfix {
  /** `text` is the content of the file `path`; `members` are networks that it permits. */
  checkTable(path: string, text: string, members: readonly Network[]): Promise<TableCheck>;
  /** Postfix is up: before that its configuration is still being written (docker-mailserver's start scripts). */
  running(): Promise<boolean>;
  reload(): Promise<ExecResult>;
  configuration(): Promise<PostfixConfiguration>;
  /** Values of these parameters of main.cf, by name; those that this Postfix does not know are not in it. */
  settings(names: readonly string[]): Promise<Readonly<Record<string, string>>>;
  /** What `postmap -q` says of the address in a table such as `cidr:/FILE`. */
  ask(table: string, address: string): Promise<ExecResult>;
}

export function postfixIn(engine: Pick<Engine, 'exec'>, containerId: string): Postfix {
  const exec = (argv: readonly string[], timeoutMs: number) => engine.exec(containerId, argv, timeoutMs);
  const postconf = async (...argv: string[]) => {
    const { exitCode, stdout, stderr } = await exec(['postconf', ...argv], QUERY_MS);
    if (exitCode !== 0) throw new EngineError('failed', `postconf: ${stderr.trim()}`);
    return stdout;
  };
  const query = (table: string, address: string) => exec(['postmap', '-q', address, table], QUERY_MS);
  return {
    async checkTable(path, text, members) {
      const addresses = members.length === 0 ? [STRANGER] : members.slice(0, MEMBERS).map(firstAddress);
      const answers: ExecResult[] = [];
      for (const address of addresses) {
        answers.push(await query(`cidr:${path}`, address));
        if (answers.at(-1)?.stdout.trim() === 'permit') break;
      }
      return judgeTable(text, answers, members.length === 0 ? 'stranger' : 'members');
    },
    async running() {
      const { exitCode, stdout, stderr } = await exec(['postfix', 'status'], QUERY_MS);
      if (exitCode > 1) throw new EngineError('failed', `postfix status: ${(stderr || stdout).trim()}`);
      return exitCode === 0;
    },
    reload: () => exec(['postfix', 'reload'], RELOAD_MS),
    async configuration() {
      // One value a line, in this order.
      const [accessList = '', mynetworks = ''] = (
        await postconf('-hx', 'postscreen_access_list', 'mynetworks')
      ).split('\n');
      return {
        accessList: accessList.trim(),
        mynetworks: mynetworks.trim(),
        overrides: await postconf('-Px', '*/inet/*'),
        services: await postconf('-M'),
      };
    },
    settings: async (names) => settingsOf(await postconf('-x', ...names)),
    ask: query,
  };
}

/** `NAME = VALUE` lines of postconf. */
function settingsOf(stdout: string): Record<string, string> {
  const pairs = stdout.split('\n').map((line) => /^(\S+) =(.*)$/.exec(line));
  return Object.fromEntries(pairs.flatMap((match) => (match === null ? [] : [[match[1], match[2]?.trim()]])));
}

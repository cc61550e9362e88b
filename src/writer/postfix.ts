import { firstAddress, type Network } from '../core/network.ts';
import { judgeTable, type TableCheck } from '../core/table-check.ts';
import type { PostfixConfiguration } from '../core/wiring.ts';
import { type Engine, EngineError, type ExecResult } from '../ports.ts';

const QUERY_MS = 10_000;
const RELOAD_MS = 30_000;
/** So many members are asked at most: an operator's rule above ours may answer for the first. */
const MEMBERS = 3;
/** Documentation space (RFC 5737): a table without rules is read by asking it for someone who is in none. */
const STRANGER = '192.0.2.1';

/**
 * Postfix in the mail container, by its own commands. No argument comes from the log: paths are the
 * administrator's, addresses are those of published networks. All of these reject with EngineError.
 */
export interface Postfix {
  /** `text` is what stands in the file `path`; `members` are networks that it permits. */
  checkTable(path: string, text: string, members: readonly Network[]): Promise<TableCheck>;
  /** Postfix is up: before that its configuration is still being written (docker-mailserver's start scripts). */
  running(): Promise<boolean>;
  reload(): Promise<ExecResult>;
  configuration(): Promise<PostfixConfiguration>;
}

export function postfixIn(engine: Engine, containerId: string): Postfix {
  const exec = (argv: readonly string[], timeoutMs: number) => engine.exec(containerId, argv, timeoutMs);
  return {
    async checkTable(path, text, members) {
      const addresses = members.length === 0 ? [STRANGER] : members.slice(0, MEMBERS).map(firstAddress);
      const answers: ExecResult[] = [];
      for (const address of addresses) {
        answers.push(await exec(['postmap', '-q', address, `cidr:${path}`], QUERY_MS));
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
      const ask = async (...argv: string[]) => {
        const { exitCode, stdout, stderr } = await exec(['postconf', ...argv], QUERY_MS);
        if (exitCode !== 0) throw new EngineError('failed', `postconf: ${stderr.trim()}`);
        return stdout;
      };
      return {
        accessList: (await ask('-hx', 'postscreen_access_list')).trim(),
        overrides: await ask('-Px', '*/inet/*'),
        services: await ask('-M'),
      };
    },
  };
}

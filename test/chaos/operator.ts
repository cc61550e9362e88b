// The operator, who writes into the table at the same time as screenpass.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Stack, TABLE } from '../e2e/harness.ts';
import type { Random } from '../random.ts';
import type { MailProcess } from './mail-process.ts';

const BLOCK = '# >>> screenpass';

interface Looks {
  tables: number;
  /** The operator had deleted it. */
  missing: number;
  /** What Postfix complained about, and operator's lines that were gone. */
  readonly invalid: string[];
}

export interface Operator {
  /** Writes a line above our block, and sometimes damages the block. */
  edit(): void;
  delete(): void;
  /** Has Postfix read the table; no look while the mail container does not run. */
  look(): Promise<void>;
  /** The operator's lines stand in the table as they were written. */
  intact(): boolean;
  readonly looks: Looks;
}

export function createOperator(stack: Stack, mail: MailProcess, random: Random): Operator {
  const path = join(stack.shared, 'postscreen_access.cidr');
  const looks: Looks = { tables: 0, missing: 0, invalid: [] };
  let lines = '';
  let edits = 0;

  const read = () => (existsSync(path) ? readFileSync(path, 'latin1') : '');
  const intact = (table = read()) => table.startsWith(lines);

  return {
    looks,
    intact: () => intact(),
    // Without an await, so that the operator is quick: an editor that wrote over a newer table would be at fault itself.
    edit() {
      const table = read();
      const block = table.includes(BLOCK) ? table.slice(table.indexOf(BLOCK)) : '';
      const damaged =
        random.next() < 0.3
          ? block
              .split('\n')
              .filter((_, i) => i !== 2)
              .join('\n')
          : block;
      edits += 1;
      const mine = `${intact(table) ? lines : ''}# edit ${edits}, \u00e4 \u20ac\n203.0.113.${edits % 200}/32 reject\n`;
      const bytes = Buffer.from(mine, 'utf8').toString('latin1');
      stack.writeTable(Buffer.from(bytes + damaged, 'latin1'));
      lines = bytes;
    },
    delete() {
      rmSync(path, { force: true });
      lines = '';
    },
    async look() {
      const found = await mail.run('postmap', '-q', '192.0.2.1', `cidr:${TABLE}`);
      const table = read();
      if (table !== '' && !intact(table)) looks.invalid.push(`the operator's lines are not what they were`);
      if (found === null) return;
      const { code, stdout, stderr } = found;
      const answered = /^postmap: /m.test(stderr) || (code === 1 && stderr === '');
      if (!answered) return;
      looks.tables += 1;
      if (/No such file/.test(stderr)) looks.missing += 1;
      else if (stderr !== '' || stdout !== '') looks.invalid.push(`${stdout}${stderr}`.trim());
    },
  };
}

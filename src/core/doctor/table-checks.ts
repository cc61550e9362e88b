/** Checks of the table file, from the side of screenpass and of Postfix: table, table-postfix, table-shared. */

import { posix } from 'node:path';
import { judgeMount, pathRemedy } from '../postscreen/wiring.ts';
import { blockLines, blockNetworks, splitTable, strayMark } from '../table/managed-block.ts';
import type { TableCheck } from '../table/table-check.ts';
import { type CheckResult, fail, judged, type Observed, ok, unknown, warn } from './check-result.ts';

/** What was observed of the table from both sides. */
export interface TableFacts {
  /** SCREENPASS_TABLE, and where Postfix has it. */
  readonly table: string;
  readonly inContainer: string;
  readonly observing: boolean;
  /** Null: there is no such file. */
  readonly text: Observed<string | null>;
  readonly replaceable: Observed<true>;
  readonly check: Observed<TableCheck>;
  /** Mount points in the mail container. */
  readonly mounts: Observed<readonly string[]>;
  readonly marks: Observed<Marks>;
  /** Another path in the mail container, which is the table and which postscreen asks; null: there is none. */
  readonly elsewhere: string | null;
}

/** Inode, size and time of the last change on both sides (FileLook of ports.ts). */
export interface Marks {
  /** Null: there is no such file. */
  readonly here: string | null;
  readonly there: string;
}

export function judgeTableFacts(facts: TableFacts): CheckResult[] {
  const reads = judged('table-postfix', facts.check, (check) => postfix(facts, check), mounting(facts));
  return [own(facts), reads, shared(facts, reads)];
}

function own(facts: TableFacts): CheckResult {
  const { table, observing, text, replaceable } = facts;
  const blocked = replaceable.kind === 'failed' && !observing;
  if (blocked && text.kind !== 'failed')
    return fail('table', replaceable.reason, writing(facts, replaceable.reason));
  return judged(
    'table',
    text,
    (found) => {
      const stray = strayMark(found ?? '');
      if (stray !== null)
        return fail('table', `${stray.reason}, line ${stray.line} of ${table}`, stray.remedy);
      if (found !== null) return ok('table', `${table} has ${rules(found)}`);
      const remedy = observing
        ? 'Observe mode writes no table. Create an empty one for Postfix: touch docker-data/screenpass/postscreen_access.cidr'
        : 'screenpass creates it when it starts: docker compose up -d screenpass';
      return fail('table', `there is no ${table}`, remedy);
    },
    text.kind === 'failed' && NO_FILE.test(text.reason)
      ? REPLACED
      : writing(facts, text.kind === 'failed' ? text.reason : ''),
  );
}

/** What lets screenpass write its table, by the error of the system (errno.ts puts its code last). */
function writing(facts: TableFacts, reason: string): string {
  if (/\((?:EACCES|EPERM)\)$/.test(reason))
    return (
      'Give the directory to the user that screenpass runs as, on the host, with the numbers of user: in compose.yaml ' +
      "(without user: it runs as root, and SELinux or the host's permissions forbid it):\n" +
      '  chown 1000:1000 docker-data/screenpass'
    );
  if (/\(EROFS\)$/.test(reason))
    return `Remove :ro from the mount of ${posix.dirname(facts.table)} at the service screenpass, then run docker compose up -d screenpass`;
  return mounting(facts);
}

/** The words of regular-file.ts, which say what to do. */
const NO_FILE = /is a symbolic link|, not a file: |is larger than /;
const REPLACED = 'Do that on the host; then docker compose restart screenpass, if it does not run';

function rules(text: string): string {
  const { block } = splitTable(text);
  return block === null ? 'no block of ours yet' : `${blockNetworks(block).length} rules of ours`;
}

function postfix(facts: TableFacts, { good, complaint }: TableCheck): CheckResult {
  if (complaint === null) return ok('table-postfix', `Postfix reads ${facts.inContainer}`);
  const { reason, line } = complaint;
  if (line === null) return fail('table-postfix', reason, unreadable(facts, reason));
  const text = facts.text.kind === 'known' ? facts.text.value : null;
  if (text === null || !isShared(facts.marks))
    return warn('table-postfix', `Postfix skips a rule, ${reason}`, correcting(line, facts.inContainer));
  const { first, last } = blockLines(text);
  if (line >= first && line <= last) return fail('table-postfix', `our own ${reason}`, REWRITE);
  const remedy = correcting(line, facts.table);
  return good
    ? warn('table-postfix', `Postfix skips a rule of yours, ${reason}`, remedy)
    : fail('table-postfix', `${reason}; and our own rules are not found`, remedy);
}

function correcting(line: number, file: string): string {
  return `Correct line ${line} of ${file}, or remove it; then run docker exec mailserver postfix reload`;
}

const REWRITE =
  'screenpass rewrites its block within a minute. If it does not, read its log: docker compose logs screenpass';

function unreadable(facts: TableFacts, reason: string): string {
  if (reason.includes('Is a directory'))
    return `The Engine created it for a mount without a source. Remove it: rmdir docker-data/screenpass/postscreen_access.cidr\n${mounting(facts)}`;
  if (reason.includes('Permission denied'))
    return (
      'chmod 755 docker-data/screenpass && chmod 644 docker-data/screenpass/postscreen_access.cidr\n' +
      'On a host with SELinux, write :ro,z in place of :ro at the mount of mailserver, and :z at the one of screenpass'
    );
  if (reason.includes('"if"')) return `Close it with a line "endif" above our block in ${facts.table}`;
  return mounting(facts);
}

/** Whether it is one file, as far as that can be seen. */
export function isShared(marks: Observed<Marks>): boolean {
  return marks.kind === 'known' && unnumbered(marks.value.here) === unnumbered(marks.value.there);
}

/** Without the inode: another kernel (gVisor, Kata) may number the same file differently. */
function unnumbered(marks: string | null): string | undefined {
  return marks?.replace(/^\S+/, '');
}

function shared(facts: TableFacts, reads: CheckResult): CheckResult {
  const mount = facts.mounts.kind === 'known' ? judgeMount(facts.inContainer, facts.mounts.value) : null;
  if (mount !== null) return fail('table-shared', mount.reason, mounting(facts));
  const { marks } = facts;
  if (marks.kind === 'skipped') return unknown('table-shared', marks.because);
  if (marks.kind === 'failed')
    return unknown('table-shared', reads.verdict === 'fail' ? 'Postfix cannot read it' : marks.reason);
  if (marks.value.here === marks.value.there) return ok('table-shared', 'both see the same file');
  const sides = `${facts.table} here, ${facts.inContainer} in the mail container`;
  return isShared(marks)
    ? warn('table-shared', `two files of the same size and age: ${sides}. One may be a copy`, mounting(facts))
    : fail('table-shared', `not one file: ${sides}`, mounting(facts));
}

function mounting({ table, inContainer, elsewhere }: TableFacts): string {
  if (elsewhere !== null) return pathRemedy(elsewhere);
  return (
    'Mount one directory in both containers, the directory and not the file:\n' +
    '  services:\n' +
    `    mailserver:\n      volumes:\n        - ./docker-data/screenpass/:${posix.dirname(inContainer)}/:ro\n` +
    `    screenpass:\n      volumes:\n        - ./docker-data/screenpass/:${posix.dirname(table)}/\n` +
    'Then re-create both containers: docker compose up -d'
  );
}

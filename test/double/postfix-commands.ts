import { statSync } from 'node:fs';
import type { ExecResult } from '../../src/core/engine/mail-container.ts';
import { openTable } from './access-list.ts';
import { CidrTableError } from './cidr-table.ts';
import { hostPath, type TablePath } from './table-path.ts';

/** How postscreen is set up in the mail container. */
export type Wiring = 'wired' | 'not-wired' | 'overridden' | 'no-postscreen';

/** The configuration on disk in the mail container. */
export interface Setup {
  readonly wiring: Wiring;
  /** `postscreen_access_list` of main.cf; undefined: as the wiring has it. */
  readonly accessList: string | undefined;
  /** More `-o NAME=VALUE` of the postscreen service. */
  readonly overrides: Readonly<Record<string, string>>;
  /** Other parameters of main.cf. */
  readonly parameters: Readonly<Record<string, string>>;
}

const MASTER_CF = [
  'pickup     unix  n       -       y       60      1       pickup',
  'cleanup    unix  n       -       y       -       0       cleanup',
  'smtp       unix  -       -       y       -       -       smtp',
];

/** `postconf`, as far as it is asked about postscreen; undefined: a question that the double does not know. */
export function postconf(args: readonly string[], setup: Setup, table: string): ExecResult | undefined {
  const { parameters } = setup;
  const { mynetworks = '' } = parameters;
  const question = args.join(' ');
  if (args[0] === '-x' && args.length > 1) {
    const [known, unknown] = [true, false].map((is) =>
      args.slice(1).filter((name) => name in parameters === is),
    );
    const lines = known?.map((name) => `${name} = ${parameters[name]}`.trimEnd().concat('\n'));
    const warnings = unknown?.map((name) => `postconf: warning: ${name}: unknown parameter\n`);
    return done(lines?.join('') ?? '', warnings?.join(''));
  }
  switch (question) {
    case '-hx postscreen_access_list mynetworks':
      return done(`${accessList(setup, table)}\n${mynetworks}\n`);
    case '-M':
      return done(`${[smtpService(setup), ...MASTER_CF].join('\n')}\n`);
    case '-Px */inet/*':
      return showOverrides(overridesOf(setup));
    default:
      return undefined;
  }
}

/** `postscreen_access_list` of main.cf. */
function accessList({ accessList: given, wiring }: Setup, table: string): string {
  return given ?? (wiring === 'not-wired' ? 'permit_mynetworks' : `permit_mynetworks, cidr:${table}`);
}

/** `postmap -q ADDRESS TYPE:NAME`; undefined: another use of it. */
export function postmap(args: readonly string[], table: TablePath): ExecResult | undefined {
  const [query, address = '', map = '', ...more] = args;
  if (query !== '-q' || address === '-' || !map.includes(':') || more.length > 0) return undefined;
  const opened = openTable(map, table);
  if (opened instanceof CidrTableError)
    return { exitCode: 1, stdout: '', stderr: `postmap: fatal: ${opened.message}\n` };
  const stderr = opened.warnings.map((warning) => `postmap: warning: ${warning}\n`).join('');
  const value = opened.lookup(address);
  return value === undefined ? { exitCode: 1, stdout: '', stderr } : done(`${value}\n`, stderr);
}

/** `stat -L -c '%i %s %Y' FILE`; undefined: another use of it. */
export function stat(args: readonly string[], table: TablePath): ExecResult | undefined {
  const [, , format, file = '', ...more] = args;
  if (args.slice(0, 2).join(' ') !== '-L -c' || format !== '%i %s %Y' || more.length > 0) return undefined;
  const found = statSync(hostPath(file, table), { throwIfNoEntry: false });
  if (found !== undefined) return done(`${found.ino} ${found.size} ${Math.floor(found.mtimeMs / 1000)}\n`);
  const stderr = `stat: cannot statx '${file}': No such file or directory\n`;
  return { exitCode: 1, stdout: '', stderr };
}

/** The list that the service on port 25 uses. */
export function usedList(setup: Setup, table: string): string {
  if (setup.wiring === 'no-postscreen') return '';
  const own = new Map(overridesOf(setup)).get('postscreen_access_list');
  return own ?? accessList(setup, table);
}

/** `-o` settings of the service on port 25. */
function overridesOf({ wiring, overrides }: Setup): [string, string][] {
  const list = wiring === 'overridden' ? { postscreen_access_list: 'permit_mynetworks' } : {};
  return Object.entries({ ...list, ...overrides });
}

function showOverrides(overrides: readonly [string, string][]): ExecResult {
  if (overrides.length === 0) return done('', 'postconf: warning: unmatched request: "*/inet/*"\n');
  return done(
    overrides.map(([name, value]) => `smtp/inet/${name} = ${value}`.trimEnd().concat('\n')).join(''),
  );
}

function smtpService(setup: Setup): string {
  if (setup.wiring === 'no-postscreen')
    return 'smtp       inet  n       -       y       -       -       smtpd';
  const options = overridesOf(setup).map(([name, value]) => ` -o ${name}=${value}`);
  return `smtp       inet  n       -       y       -       1       postscreen${options.join('')}`;
}

function done(stdout: string, stderr = ''): ExecResult {
  return { exitCode: 0, stdout, stderr };
}

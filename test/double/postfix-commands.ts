import { basename, dirname, join } from 'node:path';
import type { ExecResult } from '../../src/ports.ts';
import { CidrTableError, readCidrTable } from './cidr-table.ts';

/** How postscreen is set up in the mail container. */
export type Wiring = 'wired' | 'not-wired' | 'overridden' | 'no-postscreen';

/** The table in the container and on this machine. Only its directory is shared, as a mount shares it. */
export interface TablePath {
  readonly inContainer: string;
  readonly onHost: string;
}

const MASTER_CF = [
  'pickup     unix  n       -       y       60      1       pickup',
  'cleanup    unix  n       -       y       -       0       cleanup',
  'smtp       unix  -       -       y       -       -       smtp',
];

/** `postconf`, as far as it is asked about the access list; undefined: a question that the double does not know. */
export function postconf(args: readonly string[], wiring: Wiring, table: string): ExecResult | undefined {
  const question = args.join(' ');
  switch (question) {
    case '-hx postscreen_access_list':
    case '-xh postscreen_access_list':
      return done(wiring === 'not-wired' ? 'permit_mynetworks\n' : `permit_mynetworks, cidr:${table}\n`);
    case '-M':
      return done(`${[smtpService(wiring), ...MASTER_CF].join('\n')}\n`);
    case '-P */inet/postscreen_access_list':
      if (wiring === 'overridden') return done('smtp/inet/postscreen_access_list = permit_mynetworks\n');
      return done('', 'postconf: warning: unmatched request: "*/inet/postscreen_access_list"\n');
    default:
      return undefined;
  }
}

/** `postmap -q ADDRESS cidr:FILE`; undefined: another use of it. */
export function postmap(args: readonly string[], table: TablePath): ExecResult | undefined {
  const [query, address = '', map = '', ...more] = args;
  if (query !== '-q' || address === '-' || !map.startsWith('cidr:') || more.length > 0) return undefined;
  const file = map.slice('cidr:'.length);
  try {
    const { lookup, warnings } = readCidrTable(hostPath(file, table), file);
    const stderr = warnings.map((warning) => `postmap: warning: ${warning}\n`).join('');
    const value = lookup(address);
    return value === undefined ? { exitCode: 1, stdout: '', stderr } : done(`${value}\n`, stderr);
  } catch (error) {
    if (!(error instanceof CidrTableError)) throw error;
    return { exitCode: 1, stdout: '', stderr: `postmap: fatal: ${error.message}\n` };
  }
}

/** Where a file of the container is on this machine: nothing but the table's directory is shared. */
export function hostPath(file: string, { inContainer, onHost }: TablePath): string {
  if (dirname(file) !== dirname(inContainer)) return join('/nonexistent', file);
  return file === inContainer ? onHost : join(dirname(onHost), basename(file));
}

function smtpService(wiring: Wiring): string {
  if (wiring === 'no-postscreen') return 'smtp       inet  n       -       y       -       -       smtpd';
  const override = wiring === 'overridden' ? ' -o postscreen_access_list=permit_mynetworks' : '';
  return `smtp       inet  n       -       y       -       1       postscreen${override}`;
}

function done(stdout: string, stderr = ''): ExecResult {
  return { exitCode: 0, stdout, stderr };
}

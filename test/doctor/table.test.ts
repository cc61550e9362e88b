import { execFileSync } from 'node:child_process';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFileLook } from '../../src/edge/file.ts';
import { FileError } from '../../src/ports.ts';
import { BLOCK, Patient, TABLE } from '../double/patient.ts';
import { findsEach, type Illness, ills, of, unknowns } from './illness.ts';

const TABLES: readonly Illness[] = [
  {
    title: 'no table',
    make: ({ table }) => rm(table),
    ills: { table: 'fail', 'table-postfix': 'fail', ...unknowns('order', 'table-shared') },
    check: 'table-postfix',
    says: /No such file or directory/,
    remedy: /- \.\/docker-data\/screenpass\/:\/etc\/screenpass\/:ro\n/,
  },
  {
    title: 'a directory in place of the table',
    make: async ({ table }) => {
      await rm(table);
      await mkdir(table);
    },
    ills: { table: 'fail', 'table-postfix': 'fail', ...unknowns('order') },
    check: 'table-postfix',
    says: /Is a directory/,
    remedy: /rmdir .*\nMount one directory in both/,
  },
  {
    title: 'a table that Postfix may not open',
    make: ({ mail }) => {
      mail.tableDenied = true;
    },
    ills: { 'table-postfix': 'fail', ...unknowns('order') },
    check: 'table-postfix',
    says: /Permission denied/,
    remedy: /chmod 644.*SELinux/s,
  },
  {
    title: 'a FIFO in place of the table',
    make: async ({ table }) => {
      await rm(table);
      execFileSync('mkfifo', [table]);
    },
    ills: { table: 'fail', ...unknowns('order', 'table-postfix') },
    check: 'table',
    says: /is a FIFO, not a file: remove it/,
    remedy: /on the host; then docker compose restart screenpass/,
  },
  {
    title: 'a symbolic link in place of the table',
    make: async ({ table }) => {
      await rename(table, `${table}.kept`);
      await symlink(`${table}.kept`, table);
    },
    ills: { table: 'fail' },
    check: 'table',
    says: /is a symbolic link, .* cp --remove-destination/,
    remedy: /on the host/,
  },
  {
    title: 'a second block of ours',
    make: (patient) => patient.writeTable(`${BLOCK}# mine\n${BLOCK}`),
    ills: { table: 'fail' },
    check: 'table',
    says: /has a second block of screenpass, line \d+ of .*postscreen_access\.cidr/,
    remedy: /Remove lines \d+ to \d+ from the table with an editor/,
  },
  {
    title: 'an end mark of ours without a beginning',
    make: (patient) => patient.writeTable(`${BLOCK}# <<< screenpass\n`),
    ills: { table: 'fail' },
    check: 'table',
    says: /a line "# <<< screenpass" without "# >>> screenpass", line \d+ of/,
    remedy: /Remove that line, and the rules above it/,
  },
  {
    title: "a bad line of the operator's",
    make: (patient) => patient.writeTable(`# mine\n1.2.3.4/24 reject\n${BLOCK}`),
    ills: { 'table-postfix': 'warn' },
    check: 'table-postfix',
    says: /rule of yours, line 2: non-null host address bits/,
    remedy: /Correct line 2 of .*postscreen_access\.cidr/,
    code: 0,
  },
  {
    title: 'a bad line at the end of a table that has no block of ours',
    make: (patient) => patient.writeTable('1.2.3.4/24 reject'),
    ills: { 'table-postfix': 'warn' },
    check: 'table-postfix',
    says: /rule of yours, line 1: /,
    remedy: /Correct line 1 /,
    code: 0,
  },
  {
    title: 'a bad line of ours',
    make: (patient) => patient.writeTable(BLOCK.replace('0.0/17', '0.1/17')),
    ills: { 'table-postfix': 'fail', ...unknowns('order') },
    check: 'table-postfix',
    says: /our own line 4: non-null host address bits/,
    remedy: /screenpass rewrites its block/,
  },
  {
    title: 'a table in a directory that is not there',
    make: ({ env, folder }) => {
      env.SCREENPASS_TABLE = join(folder, 'elsewhere', 'table.cidr');
    },
    ills: { table: 'fail', 'table-shared': 'fail' },
    check: 'table',
    says: /its directory does not exist/,
    remedy: /screenpass:\n {6}volumes:\n/,
  },
  {
    title: 'two tables, of which Postfix has the one without our rules',
    make: async (patient) => {
      await mkdir(join(patient.folder, 'other'));
      await writeFile(join(patient.folder, 'other', 'table.cidr'), BLOCK);
      await patient.writeTable('nonsense permit\n');
      patient.env.SCREENPASS_TABLE = join(patient.folder, 'other', 'table.cidr');
    },
    ills: { 'table-postfix': 'warn', 'table-shared': 'fail' },
    check: 'table-postfix',
    says: /skips a rule, line 1: bad address pattern/,
    remedy: /Correct line 1 of \/etc\/screenpass\//,
  },
  {
    title: 'two tables, one for each',
    make: async ({ env, folder }) => {
      await mkdir(join(folder, 'other'));
      await writeFile(join(folder, 'other', 'table.cidr'), `${BLOCK}# more\n`);
      env.SCREENPASS_TABLE = join(folder, 'other', 'table.cidr');
    },
    ills: { 'table-shared': 'fail' },
    check: 'table-shared',
    says: /not one file: .*other\/table\.cidr here, \/etc\/screenpass\/postscreen_access\.cidr in the mail container/,
    remedy: /Mount one directory in both/,
  },
];

describe('doctor at the table', () => {
  findsEach(TABLES);

  it('finds a table that the mail container has as a single file', async () => {
    await using patient = await Patient.create(['/etc/screenpass', TABLE]);
    const findings = await patient.look();
    expect(ills(findings)).toEqual({ 'table-shared': 'fail' });
    expect(of('table-shared', findings)).toMatchObject({
      says: expect.stringContaining('single file'),
      remedy: expect.stringContaining('the directory and not the file'),
    });
  });

  it('says that a copy may be one', async () => {
    await using patient = await Patient.create();
    const files = { marks: async () => `1 ${BLOCK.length} 0`, replaceable: async () => {} };
    const theirs = { exitCode: 0, stdout: `2 ${BLOCK.length} 0\n`, stderr: '' };
    patient.engine.onExec(async (argv) => (argv[0] === 'stat' ? theirs : { ...theirs, stdout: '0\n' }));
    expect(of('table-shared', await patient.look({ files }))).toMatchObject({
      verdict: 'warn',
      says: expect.stringContaining('One may be a copy'),
    });
  });

  it('looks again when the table was replaced while it looked', async () => {
    await using patient = await Patient.create();
    const seen = [1, 2, 3];
    const files = { marks: async () => `${seen.shift() ?? 7} 1 1`, replaceable: async () => {} };
    const answer = { exitCode: 0, stdout: '7 1 1\n', stderr: '' };
    patient.engine.onExec(async (argv) => (argv[0] === 'stat' ? answer : { ...answer, stdout: '0\n' }));
    expect(of('table-shared', await patient.look({ files })).verdict).toBe('ok');
  });

  it.each([
    ['EACCES', /user: in compose\.yaml.*\n {2}chown 1000:1000 docker-data\/screenpass$/],
    ['EROFS', /^Remove :ro from the mount of .* at the service screenpass/],
    ['ENOENT', /^Mount one directory in both containers/],
  ])('has the remedy for what keeps screenpass from writing: %s', async (code, remedy) => {
    await using patient = await Patient.create();
    const refuse = () => Promise.reject(new FileError(`/etc/screenpass/t: why (${code})`));
    const files = { ...createFileLook(), replaceable: refuse };
    expect(of('table', await patient.look({ files }))).toMatchObject({
      verdict: 'fail',
      remedy: expect.stringMatching(remedy),
    });
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseEvent } from '../../src/core/log/postfix-event.ts';
import type { ExecHandler } from './execs.ts';
import { MailServerDouble } from './mailserver.ts';

const TABLE = '/etc/screenpass/postscreen_access.cidr';
const CLIENT = { helo: 'a27-75.smtp-out.us-west-2.amazonses.com', from: 'a@b.example', to: 'c@d.example' };
const ZEN = ['zen.spamhaus.org'];

/** What Postfix 3.7.11 says of TEXT, measured. */
const TEXT = `# c

54.240.0.0/18 permit
  # note

  and more
1.2.3.4/24 permit
nonsense permit
1.2.3.0/33 permit
1.2.3.0/x permit
2001:db8::1/32 permit
5.6.7.8
10.0.0.0/8 reject
2001:db8::/32  dunno\x20
`;
const WARNINGS = [
  'line 7: non-null host address bits in "1.2.3.4/24", perhaps you should use "1.2.3.0/24" instead',
  'line 8: bad address pattern: "nonsense"',
  'line 9: bad mask length in "1.2.3.0/33"',
  'line 10: bad mask value in "1.2.3.0/x"',
  'line 11: non-null host address bits in "2001:db8::1/32", perhaps you should use "2001:db8::/32" instead',
  'line 12: no lookup result',
].map((text) => `cidr map ${TABLE}, ${text}: skipping this rule`);

let directory: string;
let lines: string[];
let run: ExecHandler;
let mail: MailServerDouble;
let greetWait: () => Promise<void>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'screenpass-double-'));
  lines = [];
  const engine = {
    say: (_: string, line: string) => {
      lines.push(line);
    },
    onExec: (handler: ExecHandler) => {
      run = handler;
    },
  };
  const table = { inContainer: TABLE, onHost: join(directory, 'table') };
  greetWait = async () => undefined;
  const clock = { now: () => 0 };
  mail = new MailServerDouble({ engine, table, clock, greetWait: () => greetWait() });
});
afterEach(() => rm(directory, { recursive: true }));

const write = (text: string, name = 'table') => writeFile(join(directory, name), text);
const kinds = () => lines.map((line) => parseEvent(line)?.kind);
const bodies = () => lines.map((line) => line.replace(/^\S+ mail /, ''));

it('answers postmap like Postfix', async () => {
  await write(TEXT, 'new');
  const stderr = WARNINGS.map(
    (text) => `postmap: warning: ${text.replace(TABLE, '/etc/screenpass/new')}\n`,
  ).join('');
  const ask = (address: string, file = '/etc/screenpass/new') =>
    run(['postmap', '-q', address, `cidr:${file}`]);
  expect(await ask('54.240.27.75')).toEqual({ exitCode: 0, stdout: 'permit  and more\n', stderr });
  expect(await ask('10.1.1.1')).toEqual({ exitCode: 0, stdout: 'reject\n', stderr });
  expect(await ask('2001:db8::5')).toEqual({ exitCode: 0, stdout: 'dunno\n', stderr });
  expect(await ask('192.0.2.1')).toEqual({ exitCode: 1, stdout: '', stderr });
  const missing = 'postmap: fatal: open /etc/other: No such file or directory\n';
  expect(await ask('192.0.2.1', '/etc/other')).toEqual({ exitCode: 1, stdout: '', stderr: missing });
  const directoryError = 'postmap: fatal: open /etc/screenpass: No such file or directory\n';
  expect((await ask('192.0.2.1', '/etc/screenpass')).stderr).toBe(directoryError);
});

it('refuses a listed client until the table that permits it is loaded', async () => {
  expect(await mail.connect('54.240.27.75', { ...CLIENT, listed: ZEN })).toBe('rejected');
  expect(kinds()).toEqual([
    'connect',
    'cache_or_info',
    'table_unavailable',
    'list_ignored',
    'dnsbl_listed',
    'dnsbl_rank',
    'reject',
    'disconnect',
  ]);
  await write('54.240.0.0/18 permit\n');
  expect(await mail.connect('54.240.27.75', { ...CLIENT, listed: ZEN })).toBe('rejected');
  expect(await run(['postfix', 'reload'])).toMatchObject({ exitCode: 0 });
  lines.length = 0;
  expect(await mail.connect('54.240.27.75', { ...CLIENT, listed: ZEN })).toBe('allowlisted');
  expect(kinds().slice(0, 2)).toEqual(['connect', 'allowlisted']);
  expect(bodies()[2]).toBe('postfix/smtpd[1038]: connect from unknown[54.240.27.75]');
});

it.each([
  [{}, 'passed', ['connect', 'pass_new', 'other']],
  [{ listed: ZEN, action: 'ignore' }, 'ignored', ['connect', 'dnsbl_listed', 'dnsbl_rank', 'other']],
  [{ listed: ZEN, action: 'drop' }, 'dropped', ['connect', 'dnsbl_listed', 'dnsbl_rank', 'disconnect']],
  [{ listed: ZEN, quitBefore: 'greeting' }, 'gone', ['connect', 'dnsbl_listed', 'hangup', 'disconnect']],
  [{ listed: ZEN, quitBefore: 'rcpt' }, 'gone', ['connect', 'dnsbl_listed', 'dnsbl_rank', 'disconnect']],
  [{ pregreet: true }, 'rejected', ['connect', 'pregreet', 'reject', 'disconnect']],
  [{ pregreet: true, action: 'drop' }, 'dropped', ['connect', 'pregreet', 'disconnect']],
] as const)('plays a session with %j', async (client, outcome, expected) => {
  await write('');
  await run(['postfix', 'reload']);
  lines.length = 0;
  expect(await mail.connect('203.0.113.9', { ...CLIENT, ...client })).toBe(outcome);
  expect(kinds().slice(0, expected.length)).toEqual(expected);
});

it('knows a client again, and blocks nobody for a reject in the table', async () => {
  await write('203.0.113.0/24 reject\n');
  await run(['postfix', 'reload']);
  lines.length = 0;
  await mail.connect('203.0.113.9', CLIENT);
  expect(kinds().slice(0, 3)).toEqual(['connect', 'denylisted', 'pass_new']);
  lines.length = 0;
  await mail.connect('203.0.113.9', CLIENT);
  expect(kinds().slice(0, 3)).toEqual(['connect', 'denylisted', 'pass_old']);
});

it('complains of a bad table once a process, and of an unknown word each time', async () => {
  await write(`${TEXT}203.0.113.0/24 permut\n`);
  mail.idle();
  await mail.connect('203.0.113.9', CLIENT);
  await mail.connect('203.0.113.9', CLIENT);
  const warnings = bodies().filter((body) => body.includes('warning: '));
  const unknown = `cidr:${TABLE}: unknown command: permut -- ignoring the remainder of this access list`;
  expect(warnings.map((body) => body.replace(/^.*?warning: /, ''))).toEqual([...WARNINGS, unknown, unknown]);
});

it('answers postconf by how it is wired', async () => {
  const list = async () =>
    (await run(['postconf', '-hx', 'postscreen_access_list', 'mynetworks'])).stdout.split('\n')[0];
  const override = async () => (await run(['postconf', '-Px', '*/inet/*'])).stdout;
  const services = async () => (await run(['postconf', '-M'])).stdout;
  expect(await list()).toBe(`permit_mynetworks, cidr:${TABLE}`);
  expect(await override()).toBe('');
  expect(await services()).toMatch(/^smtp {7}inet {2}n .* postscreen$/m);
  mail.wiring = 'not-wired';
  expect(await list()).toBe('permit_mynetworks');
  mail.wiring = 'overridden';
  expect(await override()).toBe('smtp/inet/postscreen_access_list = permit_mynetworks\n');
  mail.wiring = 'no-postscreen';
  expect(await services()).not.toContain('postscreen');
  await write('203.0.113.0/24 permit\n');
  mail.idle();
  expect(await mail.connect('203.0.113.9', { ...CLIENT, listed: ZEN })).toBe('rejected');
});

it('answers what doctor asks', async () => {
  const ask = async (...argv: string[]) => (await run(argv)).stdout;
  const names = ['postscreen_dnsbl_sites', 'postscreen_greet_action'];
  mail.parameters = { ...mail.parameters, postscreen_dnsbl_sites: '' };
  expect(await ask('postconf', '-x', ...names)).toBe(
    'postscreen_dnsbl_sites =\npostscreen_greet_action = enforce\n',
  );
  mail.overrides = { postscreen_greet_action: 'ignore' };
  expect(await ask('postconf', '-Px', '*/inet/*')).toBe('smtp/inet/postscreen_greet_action = ignore\n');
  expect(await ask('postconf', '-M')).toContain('postscreen -o postscreen_greet_action=ignore\n');
  mail.accessList = 'permit';
  expect(await ask('postconf', '-hx', 'postscreen_access_list', 'mynetworks')).toMatch(
    /^permit\n127\.0\.0\.0\/8 /,
  );
  expect(await ask('id', '-u')).toBe('0\n');
  await write('text');
  expect(await ask('stat', '-L', '-c', '%i %s %Y', TABLE)).toMatch(/^\d+ 4 \d+\n$/);
  expect(await run(['stat', '-L', '-c', '%i %s %Y', `${TABLE}.old`])).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('No such file or directory'),
  });
});

it('can fail to reload, or do so without a word', async () => {
  await write('203.0.113.0/24 permit\n');
  mail.reload = 'fails';
  const stderr = 'postfix/postlog: fatal: the Postfix mail system is not running\n';
  expect(await run(['postfix', 'reload'])).toEqual({ exitCode: 1, stdout: '', stderr });
  expect((await run(['postfix', 'status'])).exitCode).toBe(1);
  lines.length = 0;
  mail.reload = 'unlogged';
  expect((await run(['postfix', 'reload'])).exitCode).toBe(0);
  expect(lines).toEqual([]);
  expect(await mail.connect('203.0.113.9', { ...CLIENT, listed: ZEN })).toBe('rejected');
  mail.reload = 'works';
  lines.length = 0;
  await run(['postfix', 'reload']);
  expect(bodies()).toEqual([
    'postfix/postfix-script[1017]: refreshing the Postfix mail system',
    'postfix/master[905]: reload -- version 3.10.13, configuration /etc/postfix',
  ]);
});

it('lets a session that a reload overtook end under the old table, in another process', async () => {
  greetWait = async () => {
    await write('203.0.113.0/24 permit\n');
    mail.idle();
  };
  const session = mail.connect('203.0.113.9', { ...CLIENT, listed: ZEN });
  expect(await session).toBe('rejected');
  const pids = lines.flatMap((line) => /postscreen\[(\d+)\]/.exec(line)?.[1] ?? []);
  expect(new Set(pids).size).toBe(2);
});

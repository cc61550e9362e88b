// Wrong usage names everything that is wrong in one run, with exit code 2 and nothing on stdout.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HELP } from '../../src/commands/help.ts';
import { screenpass } from '../double/program.ts';

/** By command: wrong arguments, and what must be named. */
const WRONG: readonly (readonly [args: readonly string[], named: readonly string[]])[] = [
  [
    ['run', '--jsno', '--loud'],
    ['--jsno', '--loud'],
  ],
  [
    ['doctor', '--dns', 'example.com', '--jsno', 'x'],
    ['"example.com" is a name', '--jsno; did you mean --json?', '"x"'],
  ],
  [
    ['probe', 'amazon-sess', 'extra', '--dns', '300.1.1.1'],
    ['amazon-sess; did you mean amazon-ses?', '"extra"', '300.1.1.1'],
  ],
  [
    ['parse', 'a', 'b', '--jsno', '--verbose'],
    ['"b"', '--jsno', '--verbose'],
  ],
  [
    ['replay', '--dnsbl-threshold', 'x', '--pregreet', 'y', '--without-dnsbl', '!', '--jsno', 'a', 'b'],
    ['--dnsbl-threshold: "x"', '--pregreet: "y"', '--without-dnsbl: ', '--jsno', '"b"'],
  ],
  [
    ['import', '--jsno'],
    ['<file> is missing', '--jsno'],
  ],
  [
    ['check', 'banana', 'apple', '--dns', 'nowhere'],
    ['"banana"', '"apple"', '"nowhere"'],
  ],
  [
    ['check', '--jsno'],
    ['<address> is missing', '--jsno'],
  ],
  [
    ['senders', '--jsno', 'x'],
    ['--jsno', '"x"'],
  ],
  [
    ['status', '--jsno', 'x'],
    ['--jsno', '"x"'],
  ],
  [
    ['health', '--jsno', 'x'],
    ['--jsno', '"x"'],
  ],
  [
    ['list', '--jsno', 'x'],
    ['--jsno', '"x"'],
  ],
  [
    ['allow', '--ttl', 'soon'],
    ['--ttl: "soon"', '<target> is missing'],
  ],
  [
    ['allow', '10.0.0.0/8', '--ttl', 'soon'],
    ['10.0.0.0/8 is private', '--ttl: "soon"'],
  ],
  [
    ['allow', 'sendgird', '--ttl', 'soon', '--jsno'],
    ['did you mean sendgrid?', '--ttl: "soon"', '--jsno'],
  ],
  [['allow', 'sendgrid', '--ttl'], ['--ttl <duration> needs a value']],
  [
    ['revoke', 'sendgird', 'x', '--jsno'],
    ['did you mean sendgrid?', '"x"', '--jsno'],
  ],
  [
    ['refresh', '--accept', 'sendgird', 'gogle', '--jsno'],
    ['did you mean sendgrid?', 'did you mean google?', '--jsno'],
  ],
  [['spf'], ['--ip <address> is missing', '--sender <address> is missing', '--helo <name> is missing']],
  [
    ['spf', '--ip', 'x', '--helo', 'h', '--dns', 'y'],
    ['--ip: "x"', '--sender <address> is missing', '--dns: "y"'],
  ],
];

describe('wrong arguments', () => {
  it.each(WRONG)('%j are named all at once', async (args, named) => {
    const { code, stdout, stderr } = await screenpass([...args]);
    expect([code, stdout]).toEqual([2, '']);
    for (const text of named) expect(stderr).toContain(text);
    expect(stderr).toMatch(
      new RegExp(
        `^screenpass: (?:this is wrong:\\n(?:  .+\\n)+|.+\\n)screenpass ${args[0]} --help has an example\\n$`,
      ),
    );
    expect(stderr).not.toMatch(/error:|E[A-Z]{4,}:/);
  });

  it('are tried for every command', () => {
    expect(new Set(WRONG.map(([[command]]) => command))).toEqual(new Set(Object.keys(HELP)));
  });

  it('of a command that does not exist name the one that was perhaps meant', async () => {
    const { code, stderr } = await screenpass(['stauts']);
    expect([code, stderr]).toEqual([
      2,
      "screenpass: unknown command 'stauts'; did you mean status?\nscreenpass --help lists the commands\n",
    ]);
  });
});

describe('wrong settings', () => {
  it('are named all at once, in our own words', async () => {
    const env = {
      ...{ SCREENPASS_MOED: 'observe', SCREENPASS_MODE: 'enfroce', SCREENPASS_SENDERS: 'sendgird,gogle' },
      ...{
        SCREENPASS_REFRESH: '99 4 * * 9',
        SCREENPASS_ALERTS: '-digset,-strated',
        SCREENPASS_DIGEST: 'daily',
      },
      ...{ SCREENPASS_VETO_DNSBL: 'zen,!' },
    };
    const { code, stderr } = await screenpass(['senders'], { env });
    expect(code).toBe(2);
    for (const text of [
      'SCREENPASS_MOED: there is no such setting; did you mean SCREENPASS_MODE?',
      'SCREENPASS_MODE: "enfroce": expected enforce or observe; did you mean enforce?',
      'SCREENPASS_SENDERS: no sender is called sendgird; did you mean sendgrid?',
      'SCREENPASS_SENDERS: no sender is called gogle; did you mean google?',
      'SCREENPASS_REFRESH: "99 4 * * 9" is not a cron expression (99 is not a minute from 0 to 59, 9 is not a weekday from 0 to 7 or sun to sat)',
      'SCREENPASS_DIGEST: "daily" is not a cron expression (expected 5 or 6 fields but got 1)',
      'SCREENPASS_ALERTS: "-digset": expected all, or - and an alert kind; did you mean digest?',
      'SCREENPASS_ALERTS: "-strated": expected all, or - and an alert kind; did you mean started?',
      'SCREENPASS_VETO_DNSBL: "zen" is not a DNSBL zone',
      'SCREENPASS_VETO_DNSBL: "!" is not a DNSBL zone',
    ])
      expect(stderr).toContain(`  ${text}`);
  });

  it('and a file that is a directory is a sentence', async () => {
    const { code, stderr } = await screenpass(['parse', tmpdir()]);
    expect(code).toBe(3);
    expect(stderr).toBe(
      `screenpass: ${tmpdir()} cannot be read to its end: it is a directory; expected a file\n`,
    );
  });
});

describe('what is not known', () => {
  it('is said once by doctor when no Engine answers', async () => {
    const env = { DOCKER_HOST: 'unix:///nonexistent/docker.sock', SCREENPASS_STATE_DIR: '/nonexistent' };
    const { code, stdout } = await screenpass(['doctor', '--dns', '127.0.0.1:1'], { env });
    expect(code).toBe(3);
    expect(stdout).toContain(
      '\nNot checked, because the Engine does not answer: container, log, exec, reload, postfix',
    );
    expect(stdout).not.toContain('no mail container was found running');
  });

  it('of a sender, its networks or their age, is in the list', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'screenpass-cli-'));
    const env = { SCREENPASS_STATE_DIR: folder, SCREENPASS_TABLE: join(folder, 'table.cidr') };
    await writeFile(env.SCREENPASS_TABLE, '');
    const { stdout } = await screenpass(['senders'], { env });
    expect(stdout).toMatch(
      /^hornetsecurity .* yes +0 +bundled +never +watched, but no networks are known: only /m,
    );
    expect(stdout).toMatch(/^amazon-ses .* yes +12 +bundled +bundled 2026-\d\d +SPF of amazonses\.com$/m);
    const checked = await screenpass(['check', '185.199.108.9', '--dns', '127.0.0.1:1', '--json'], { env });
    expect(JSON.parse(checked.stdout)).toMatchObject({ decision: 'refuse' });
    await rm(folder, { recursive: true });
  });
});

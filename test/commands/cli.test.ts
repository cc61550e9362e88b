import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { network } from '../../src/core/net/network.ts';
import { newEntry } from '../../src/core/policy/entry.ts';
import { renderBlock } from '../../src/core/table/managed-block.ts';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import { startDnsServer } from '../double/dns-server.ts';
import { PROGRAM, screenpass, spawned } from '../double/program.ts';
import { sendersZone } from '../double/senders-zone.ts';

const { PATH } = process.env;

const REJECT =
  'Nov 24 02:24:10 mail postfix/postscreen[910]: NOQUEUE: reject: RCPT from [54.240.27.75]:58839: 550 5.7.1 Service unavailable; client [54.240.27.75] blocked using zen.spamhaus.org; from=<a@amazonses.com>, to=<u@example.test>, proto=ESMTP, helo=<a27-75.example>';

describe('screenpass', () => {
  it('has help and version, and help lists every setting', async () => {
    expect(await screenpass(['--version'])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
    const help = await screenpass(['--help']);
    expect(help).toMatchObject({ code: 0, stdout: expect.stringMatching(/run.*parse.*check.*Exit codes/s) });
    expect((await screenpass(['run', '--help'])).stdout).toContain('SCREENPASS_RELOAD_INTERVAL');
  });

  it.each([
    [['nonsense']],
    [['check']],
    [['check', 'example.com']],
    [['parse', '--jsno']],
  ])('exits 2 for %j', async (args) => {
    const { code, stdout, stderr } = await screenpass(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^screenpass: .*\n(\(Did you mean .*\n)?screenpass .*--help (has an example|lists the commands)\n$/,
    );
  });

  it('exits 2 with all problems of the settings at once', async () => {
    const env = { SCREENPASS_MOED: 'observe', SCREENPASS_TTL: 'long', SCREENPASS_MODE: 'off' };
    const { code, stdout, stderr } = await screenpass([], { env });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.match(/^ {2}SCREENPASS_\w+/gm)).toEqual([
      '  SCREENPASS_MOED',
      '  SCREENPASS_MODE',
      '  SCREENPASS_TTL',
    ]);
  });
});

describe('the bundle, in a process of its own,', () => {
  it('has the same version and help as the sources', async () => {
    for (const args of [['--version'], ['--help']])
      expect(await spawned(args)).toEqual(await screenpass(args));
  });

  it('ends with the exit code, and what is wrong on stderr', async () => {
    const env = { SCREENPASS_MODE: 'off' };
    const ended = await spawned([], { env });
    expect(ended).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('  SCREENPASS_MODE'),
    });
    expect(ended).toEqual(await screenpass([], { env }));
  });

  it('reads stdin, and writes what another process reads', async () => {
    const input = `${REJECT}\n`.repeat(2_000);
    const ended = await spawned(['parse', '--json'], { input });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended).toEqual(await screenpass(['parse', '--json'], { input }));
  });

  it('takes a reader that has seen enough for no failure', async () => {
    const script = 'set -o pipefail; "$0" "$1" parse --json - | head -n 1';
    const child = spawn('bash', ['-c', script, process.execPath, PROGRAM], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.on('error', () => {});
    child.stdin.end(`${REJECT}\n`.repeat(50_000));
    const closed = once(child, 'close');
    expect(JSON.parse(await text(child.stdout))).toMatchObject({ n: 1 });
    expect(await closed).toEqual([0, null]);
  });
});

describe('screenpass parse', () => {
  it('prints one object a Postfix line, with the number of the input line', async () => {
    const input = `dovecot: not ours\n${REJECT}\r\nNov 24 02:24:11 mail postfix/postscreen[910]: DISCONNECT [54.240.27.75]:58839`;
    const { code, stdout } = await screenpass(['parse', '--json'], { input });
    expect(code).toBe(0);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      {
        n: 2,
        program: 'postscreen',
        kind: 'reject',
        ip: '54.240.27.75',
        port: 58839,
        code: 550,
        enhanced: '5.7.1',
        dnsbl: 'zen.spamhaus.org',
        rank: null,
        helo: 'a27-75.example',
        sender: 'a@amazonses.com',
        recipient: 'u@example.test',
        time: 'Nov 24 02:24:10',
        queue_id: null,
        answer: null,
      },
      {
        ...{
          n: 3,
          program: 'postscreen',
          kind: 'disconnect',
          ip: '54.240.27.75',
          port: 58839,
          code: null,
          enhanced: null,
        },
        ...{ dnsbl: null, rank: null, helo: null, sender: null, recipient: null },
        ...{ time: 'Nov 24 02:24:11', queue_id: null, answer: null },
      },
    ]);
  });

  it('has the time, the queue id, what a DNSBL answered, and each address in its one form', async () => {
    const stamp = '2026-11-24T02:24:10.921946+00:00';
    const lines = [
      'qmgr[9]: 4XyZ12b3c4z9Nv: removed',
      'dnsblog[9]: addr 2001:DB8:0::1 listed by domain zen.spamhaus.org as 127.0.0.4',
      'dnsblog[9]: addr 192.0.2.1 listed by domain zen.spamhaus.org as 127.0.0.2',
      'cleanup[9]: 5E3C723E2A9: milter-reject: END-OF-MESSAGE from x[::ffff:192.0.2.1]: 5.7.1 no; from=<a@b> to=<c@d> proto=ESMTP helo=<x>',
      'postscreen[9]: PASS OLD [2001:db8:0:0:0:0:0:1]:25',
    ];
    const input = lines.map((line) => `${stamp} mail postfix/${line}\n`).join('');
    const { stdout } = await screenpass(['parse', '--json'], { input });
    const objects = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects).toMatchObject([
      { time: stamp, queue_id: '4XyZ12b3c4z9Nv', answer: null, ip: null },
      { time: stamp, queue_id: null, answer: '127.0.0.4', ip: '2001:db8::1' },
      { time: stamp, queue_id: null, answer: '127.0.0.2', ip: '192.0.2.1' },
      { time: stamp, queue_id: '5E3C723E2A9', answer: null, ip: '192.0.2.1' },
      { time: stamp, queue_id: null, answer: null, ip: '2001:db8::1' },
    ]);
  });

  it('is readable without --json, and shows no control characters of a client', async () => {
    const { stdout } = await screenpass(['parse', '-'], {
      input: REJECT.replace('a27-75', 'a\u202e\u2028b'),
    });
    expect(stdout).toMatch(
      /^ {5}1 postscreen reject .*\[54\.240\.27\.75\]:58839 .*helo=a\\u\{202e\}\\u\{2028\}b\.example /,
    );
  });

  it('reads what comes slowly on a stdin that does not wait for it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'screenpass-cli-'));
    const server = createServer().listen(join(folder, 'log.sock'));
    const client = createConnection(join(folder, 'log.sock'));
    const [socket] = (await once(server, 'connection')) as [Socket];
    // Node has a child of its own wait at 0, but not at 3.
    const child = spawn(
      'sh',
      ['-c', 'exec "$0" "$@" <&3', process.execPath, PROGRAM, 'parse', '--json', '-'],
      {
        stdio: ['ignore', 'pipe', 'inherit', socket],
      },
    );
    const stdout = child.stdout as Readable;
    client.write(`${REJECT}\n`);
    const [first] = await once(stdout, 'data');
    client.end(`${REJECT}\n`);
    const lines = `${first}${await text(stdout)}`.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).n)).toEqual([1, 2]);
    socket.destroy();
    server.close();
    await rm(folder, { recursive: true });
  });

  it('exits 3 when the file is not there', async () => {
    const { code, stderr } = await screenpass(['parse', '/nonexistent/mail.log']);
    expect([code, stderr]).toEqual([3, expect.stringContaining('/nonexistent/mail.log')]);
  });

  it('reads a file of any size without keeping it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'screenpass-cli-'));
    await writeFile(join(folder, 'mail.log'), `${REJECT}\n`.repeat(50_000));
    const { code, stdout } = await screenpass(['parse', '--json', join(folder, 'mail.log')]);
    await rm(folder, { recursive: true });
    expect([code, stdout.split('\n').length]).toEqual([0, 50_001]);
  });
});

describe('screenpass check', () => {
  let env: Record<string, string>;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'screenpass-cli-'));
    const entry = newEntry('amazon-ses', 0, { scope: 'sender', networks: [], cause: null });
    const block = renderBlock([{ entry, networks: [network('54.240.0.0/17')] }]);
    env = { SCREENPASS_TABLE: join(folder, 'table.cidr') };
    await writeFile(join(folder, 'table.cidr'), block);
    return () => rm(folder, { recursive: true });
  });

  it('says whose address it is and what policy would do', async () => {
    const { code, stdout } = await screenpass(['check', '--json', '54.240.27.75'], { env });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      address: '54.240.27.75',
      sender: 'amazon-ses',
      evidence: 'network',
      network: '54.240.0.0/17',
      allowed: true,
      decision: 'keep',
    });
  });

  it('gives an array for several, and exits 1 when one would be refused', async () => {
    await using dns = await startDnsServer({ zone: {} });
    const { code, stdout } = await screenpass(
      ['check', '::ffff:167.89.93.77', '185.199.108.9', '10.0.0.1', '--json', '--dns', dns.server],
      { env },
    );
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject([
      { address: '167.89.93.77', sender: 'sendgrid', allowed: false, decision: 'allow' },
      { sender: null, evidence: null, network: null, decision: 'refuse' },
      { sender: null, decision: 'refuse', reason: expect.stringContaining('private') },
    ]);
  });

  it('knows senders that are not watched', async () => {
    const { stdout } = await screenpass(['check', '54.240.27.75'], {
      env: { ...env, SCREENPASS_SENDERS: 'google' },
    });
    expect(stdout).toMatch(
      /54\.240\.27\.75 +amazon-ses +network +54\.240\.0\.0\/17 +no +refuse +SCREENPASS_SENDERS does not name/,
    );
  });

  it('works before there is a table, and exits 3 when the table cannot be read', async () => {
    expect(
      (await screenpass(['check', '54.240.27.75'], { env: { SCREENPASS_TABLE: '/nonexistent/t' } })).code,
    ).toBe(0);
    const { code, stderr } = await screenpass(['check', '54.240.27.75'], {
      env: { SCREENPASS_TABLE: '/etc' },
    });
    expect([code, stderr]).toEqual([3, expect.stringContaining('mount the directory')]);
  });
});

describe('screenpass run', () => {
  it('says on stdout what it waits for, and ends with code 0 when asked to, soon', async () => {
    await using dns = await startDnsServer({ zone: sendersZone(readCatalogue(catalogue)) });
    const folder = await mkdtemp(join(tmpdir(), 'screenpass-cli-'));
    const env = {
      PATH,
      DOCKER_HOST: `unix://${folder}/docker.sock`,
      SCREENPASS_TABLE: `${folder}/table.cidr`,
      SCREENPASS_STATE_DIR: folder,
      SCREENPASS_DNS: dns.server,
    };
    const child = spawn(process.execPath, [PROGRAM], { env });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (text.includes('mailserver-lost')) child.kill('SIGTERM');
    });
    const [code] = await once(child, 'close');
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(code).toBe(0);
    const alerts = lines.flatMap(({ alert }) => alert ?? []);
    expect(alerts).toEqual(['started', 'mailserver-lost', 'stopping']);
    expect(lines[1]).toMatchObject({
      level: 'warn',
      id: expect.any(String),
      msg: expect.stringContaining(env.DOCKER_HOST),
    });
    expect(Date.parse(lines[1].time)).toBeGreaterThan(0);
    expect(JSON.parse(await readFile(join(folder, 'state.json'), 'utf8'))).toMatchObject({ version: 3 });
    await rm(folder, { recursive: true });
  });
});

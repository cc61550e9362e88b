import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { screenpass } from '../double/program.ts';
import { LISTED, replayLog } from '../double/replay-log.ts';

/** Two refusals of Amazon SES, then a pass; a stranger is refused, too. */
function story(): string {
  const log = replayLog();
  log.refused('54.240.27.75', LISTED);
  log.wait(600);
  log.refused('54.240.27.76', LISTED);
  log.wait(60);
  log.passed('54.240.27.77');
  log.refused('203.0.113.9', { listed: { 'zen.spamhaus.org': ['127.0.0.4'] }, rank: 4 });
  log.say(
    'smtpd',
    'NOQUEUE: reject: RCPT from unknown[54.240.27.77]: 450 4.7.25 Client host rejected: cannot find your hostname, [54.240.27.77]; from=<a@b> to=<c@d> proto=ESMTP helo=<x>',
  );
  return `${log.lines.join('\n')}\n`;
}

const EXPECTED = {
  senders: [{ sender: 'amazon-ses', refused: { total: 2 }, spared: 1, otherGates: { 'client-hostname': 1 } }],
  strangers: { refused: { total: 1 } },
};

describe('screenpass replay', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'screenpass-replay-'));
    await writeFile(join(folder, 'mail.log'), story());
    await writeFile(join(folder, 'mail.log.1.gz'), gzipSync(story()));
    await writeFile(join(folder, 'cut.gz'), gzipSync(story()).subarray(0, 200));
    const damaged = gzipSync(story().repeat(100));
    damaged.fill(0, damaged.length >> 1, (damaged.length >> 1) + 50);
    await writeFile(join(folder, 'damaged.gz'), damaged);
    return () => rm(folder, { recursive: true });
  });

  async function json(args: string[], input?: string | Buffer) {
    const { code, stdout, stderr } = await screenpass(
      ['replay', '--json', ...args],
      input === undefined ? {} : { input },
    );
    expect([code, stderr]).toEqual([0, '']);
    return JSON.parse(stdout);
  }

  it('reads a file, stdin, and gzip of both, whatever their names', async () => {
    const file = await json([join(folder, 'mail.log')]);
    expect(file).toMatchObject(EXPECTED);
    expect(await json([join(folder, 'mail.log.1.gz')])).toEqual(file);
    expect(await json(['-'], story())).toEqual(file);
    expect(await json([], gzipSync(story()))).toEqual(file);
    // Log rotation by appending makes such files.
    const half = story().indexOf('\n', 700) + 1;
    const members = [story().slice(0, half), story().slice(half)].map((part) => gzipSync(part));
    expect(await json([], Buffer.concat(members))).toEqual(file);
  });

  it('has times in ISO, and what other settings would have done', async () => {
    const { period, senders, whatIf } = await json([join(folder, 'mail.log'), '--dnsbl-threshold', '4']);
    expect(period).toEqual({ from: '2026-11-24T02:00:00.000Z', to: '2026-11-24T02:11:24.000Z' });
    expect(senders[0].allowed).toMatchObject([{ at: '2026-11-24T02:00:06.000Z', until: null, spared: 1 }]);
    expect(whatIf).toMatchObject({
      senders: [{ sender: 'amazon-ses', newlyPassed: 2 }],
      strangers: { newlyPassed: 0 },
    });
  });

  it('tells people the same in tables', async () => {
    const args = [
      'replay',
      join(folder, 'mail.log'),
      '--without-dnsbl',
      'zen.spamhaus.org',
      '--pregreet',
      'ignore',
    ];
    const { code, stdout } = await screenpass(args);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^18 lines, 18 of them from Postfix, 2026-11-24 02:00:00 to 2026-11-24 02:11:24 UTC$/m,
    );
    expect(stdout).toMatch(/^amazon-ses +3 +1 +2 +11 min +dnsbl 2$/m);
    expect(stdout).toMatch(
      /^amazon-ses +2026-11-24 02:00:06 +1 +54\.240\.27\.75 dnsbl 550 zen\.spamhaus\.org$/m,
    );
    expect(stdout).toMatch(/^zen\.spamhaus\.org +2 +1$/m);
    expect(stdout).toMatch(/^amazon-ses +client-hostname +1 +Set POSTFIX_REJECT_UNKNOWN_CLIENT_HOSTNAME/m);
    expect(stdout).toMatch(/^postscreen_dnsbl_threshold is taken as 3, the lowest rank in the log/m);
    expect(stdout).toMatch(/^\(everyone else\) +1 +0 +1 +0 +0$/m);
  });

  it('uses the settings, and changes nothing', async () => {
    const env = {
      SCREENPASS_THRESHOLD: '3',
      SCREENPASS_STATE_DIR: folder,
      SCREENPASS_TABLE: join(folder, 'table'),
    };
    const { stdout } = await screenpass(['replay', '--json', join(folder, 'mail.log')], { env });
    expect(JSON.parse(stdout).senders).toMatchObject([{ allowed: [], notAllowed: { 'below-threshold': 2 } }]);
    expect((await screenpass(['replay', '/dev/null'])).stdout).toMatch(
      /^0 lines.*Nothing: postscreen refused no/s,
    );
  });

  it("takes the year of stamps without one from the file's last change", async () => {
    const path = join(folder, 'old.log');
    await writeFile(
      path,
      'Dec 31 23:59:59 mail postfix/postscreen[1]: CONNECT from [192.0.2.1]:1 to [192.0.2.25]:25\n',
    );
    await utimes(path, new Date(), new Date('2021-01-03T00:00:00Z'));
    expect((await json([path])).period.from).toBe('2020-12-31T23:59:59.000Z');
  });

  it('exits 3 and prints nothing of a log that it cannot read to its end', async () => {
    for (const name of ['cut.gz', 'damaged.gz', 'missing.log', '.']) {
      const { code, stdout, stderr } = await screenpass(['replay', join(folder, name)]);
      expect([name, code, stdout]).toEqual([name, 3, '']);
      expect(stderr).toContain(`screenpass: ${join(folder, name)} cannot be read to its end: `);
    }
    const { code, stdout, stderr } = await screenpass(['replay'], {
      input: gzipSync(story()).subarray(0, 200),
    });
    expect([code, stdout, stderr]).toEqual([
      3,
      '',
      expect.stringContaining('stdin cannot be read to its end: the gzip'),
    ]);
  });

  it('exits 2 with all problems of options and settings at once', async () => {
    const options = [
      '--dnsbl-threshold',
      '0',
      '--dnsbl-sites',
      'a*x b=1.2',
      '--without-dnsbl',
      '..',
      '--pregreet',
      'drop',
    ];
    const { code, stdout, stderr } = await screenpass(['replay', '/nonexistent', ...options], {
      env: { SCREENPASS_TTL: 'long' },
    });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.match(/(?:--[a-z-]+|SCREENPASS_\w+)(?=:)/g)).toEqual([
      '--dnsbl-threshold',
      '--dnsbl-sites',
      '--dnsbl-sites',
      '--without-dnsbl',
      '--pregreet',
      'SCREENPASS_TTL',
    ]);
  });
});

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ImportReport } from '../../src/core/import/import-report.ts';
import { screenpass } from '../double/program.ts';

const LISTS = join(import.meta.dirname, '..', 'corpus', 'cidr');
const list = (name: string) => join(LISTS, name);

async function json(file: string, options: Parameters<typeof screenpass>[1] = {}) {
  const { code, stdout, stderr } = await screenpass(['import', '--json', file], options);
  expect(stderr).toBe('');
  const report = JSON.parse(stdout) as ImportReport;
  return { code, report, verdicts: report.lines.map(({ line, verdict }) => [line, verdict]) };
}

describe('screenpass import', () => {
  it('reads a list of megabytes whole, from a file and from stdin', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'screenpass-import-'));
    const filler = Array.from({ length: 60_000 }, (_, i) => `# ${i} ${'x'.repeat(40)}`);
    const text = ['54.240.27.0/24 permit', ...filler, '192.0.32.0/24 permit', ''].join('\n');
    await writeFile(join(folder, 'large.cidr'), text);
    const lines = [
      [1, 'covered'],
      [60_002, 'unknown'],
    ];
    expect((await json(join(folder, 'large.cidr'))).verdicts).toEqual(lines);
    expect((await json('-', { input: text })).verdicts).toEqual(lines);
    await rm(folder, { recursive: true });
  });

  it('finds in a list of postwhite what is of no use, what may be stale and what it can take over', async () => {
    const { code, report, verdicts } = await json(list('postwhite.cidr'));
    expect(code).toBe(1);
    expect(verdicts).toEqual([
      [4, 'covered'],
      [5, 'covered'],
      [6, 'covered'],
      [7, 'redundant'],
      [8, 'covered'],
      [9, 'redundant'],
      [10, 'unknown'],
      [11, 'broken'],
    ]);
    expect(report.senders).toMatchObject([
      { sender: 'amazon-ses', cover: 'part', networks: { part: 1 } },
      { sender: 'microsoft-365', cover: 'part' },
      { sender: 'sendgrid', cover: 'part' },
    ]);
    expect(report.settings.SCREENPASS_PRESEED).toBe('amazon-ses,microsoft-365,sendgrid');
    expect(report.lines.at(-1)).toMatchObject({ meant: '209.85.128.0/17', senders: ['google'] });
  });

  it('finds nothing wrong in a list of postallow', async () => {
    const { code, verdicts } = await json(list('postallow.cidr'));
    expect([code, new Set(verdicts.map(([, verdict]) => verdict))]).toEqual([0, new Set(['covered'])]);
  });

  it('tells people of a list made by hand, with what to do', async () => {
    const { code, stdout } = await screenpass(['import', list('hand-made.cidr')]);
    expect(code).toBe(1);
    for (const line of [
      /^Lines judged: 13\. Lines with something wrong: 7\.$/m,
      /^amazon-ses +yes +part +0 of \d+, 1 in part +30720 of \d+ /m,
      /^2 +203\.0\.113\.0\/24 +own +your own reject$/m,
      /^6 +54\.240\.27\.75\/18 +broken +non-null host address bits .* screenpass opens what was meant: amazon-ses$/m,
      /^7 +54\.240\.0\.0\/17 +covered +/m,
      /^8 +23\.249\.208\.0\/20 +broken +begins with a blank, so it is part of the rule of line 7; /m,
      /^11 +192\.0\.32\.0\/24 +perhaps-stale +the comment names sendgrid; no known sender publishes it$/m,
      /^14 +185\.199\.108\.0\/22 +unknown /m,
      /^15 +185\.199\.109\.7 +redundant +the same as line 14$/m,
      /^16 +10\.8\.0\.0\/16 +never /m,
      /^17 +203\.0\.113\.77 +unreachable +all of its addresses are decided by line 2 before it$/m,
      /^18 +198\.51\.100\.0\/24 +unknown-action /m,
      /^19 +if 192\.0\.2\.0\/24 +broken +IF has no matching ENDIF/m,
      /^Lines 6, 8, 19 \(broken\): /m,
      /^Line 15 \(redundant\): remove it/m,
      /^Lines 2-3 \(own\): keep it above the block/m,
      /^SCREENPASS_NEVER=54\.240\.8\.0\/21$/m,
    ])
      expect(stdout).toMatch(line);
  });

  it('reads a list without actions, a file of gzip, and stdin', async () => {
    const { code, report } = await json(list('bare.txt'));
    expect([code, report.bare]).toEqual([0, true]);
    const input = gzipSync(await readFile(list('bare.txt')));
    expect((await json('-', { input })).report).toEqual(report);
    expect((await screenpass(['import', list('bare.txt')])).stdout).toContain(
      'as if "permit", which Postfix needs, followed it',
    );
  });

  it('goes by the settings, says when the saved state cannot be read, and writes nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'screenpass-import-'));
    const env = { SCREENPASS_SENDERS: 'google', SCREENPASS_STATE_DIR: folder };
    const { report } = await json(list('bare.txt'), { env });
    expect(report.lines).toMatchObject([{ verdict: 'unwatched' }, { verdict: 'unwatched' }]);
    expect(report.settings.SCREENPASS_SENDERS).toBe('+amazon-ses,+sendgrid');
    expect(await readdir(folder)).toEqual([]);
    await writeFile(join(folder, 'state.json'), 'damaged');
    const { code, stderr } = await screenpass(['import', list('bare.txt')], { env });
    expect([code, stderr]).toEqual([0, expect.stringContaining('the saved state cannot be read')]);
    await rm(folder, { recursive: true });
  });

  it('exits 2 without a file, and 3 for one that it cannot read or that is no list', async () => {
    expect((await screenpass(['import'])).code).toBe(2);
    const missing = await screenpass(['import', '/nonexistent.cidr']);
    expect(missing).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringContaining('/nonexistent.cidr'),
    });
    const endless = await screenpass(['import', '/dev/zero']);
    expect(endless).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('that is no list of networks'),
    });
  });

  it('shows no control characters of the list', async () => {
    const { stdout } = await screenpass(['import', '-'], { input: '1.2.3.4\x1b[31m permit\n' });
    expect(stdout).toMatch(
      /^1 +1\.2\.3\.4\\u\{1b\}\[31m +broken +bad address pattern: "1\.2\.3\.4\\u\{1b\}\[31m"$/m,
    );
  });
});

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import { startDnsServer } from '../double/dns-server.ts';
import { records, type Zone } from '../double/dns-zone.ts';
import { sendersZone } from '../double/senders-zone.ts';

describe('npm run catalogue', () => {
  const root = join(import.meta.dirname, '..', '..');
  const month = new Date().toISOString().slice(0, 'YYYY-MM'.length);
  const today = new Date().toISOString().slice(0, 'YYYY-MM-DD'.length);
  const senders = catalogue.senders.map((one) => (one.spf.length > 0 ? { ...one, seen: month } : one));
  const fresh = `${JSON.stringify({ ...catalogue, generated: '2026-01-01', senders }, null, 1)}\n`;
  const zone = sendersZone(readCatalogue(catalogue));
  const asked = catalogue.senders.filter(({ spf }) => spf.length > 0).length;

  beforeAll(() => {
    const build = spawnSync('npm', ['run', '--silent', 'build:catalogue'], { cwd: root, encoding: 'utf8' });
    expect([build.status, build.stdout]).toEqual([0, '']);
  });

  /** Runs the script on a catalogue of this text; with `zone`, against a DNS server of its own. */
  async function run(text: string, args: readonly string[], zone?: Zone) {
    const directory = await mkdtemp(join(tmpdir(), 'screenpass-catalogue-'));
    const path = join(directory, 'catalogue.json');
    await writeFile(path, text);
    const { ino } = await stat(path);
    const dns = await startDnsServer({ zone: zone ?? {} });
    if (zone === undefined) await dns.close();
    try {
      const given = ['--file', path, '--dns', dns.server, ...args];
      const child = spawn(process.execPath, [join(root, 'dist', 'catalogue.js'), ...given]);
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        stdout += chunk;
      });
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        stderr += chunk;
      });
      const [code] = await once(child, 'close');
      const replaced = (await stat(path)).ino !== ino;
      return {
        code,
        lines: stdout.trimEnd().split('\n'),
        stderr,
        after: await readFile(path, 'utf8'),
        replaced,
      };
    } finally {
      await dns.close();
      await rm(directory, { recursive: true });
    }
  }

  it('leaves the catalogue alone when all senders list what it has', async () => {
    const { code, lines, stderr, after, replaced } = await run(fresh, [], zone);
    expect([code, stderr, after === fresh, replaced]).toEqual([0, '', true, false]);
    expect(lines).toEqual([
      `${asked} senders asked: 0 changed (+0 -0 networks), 0 did not answer, 0 not trusted`,
    ]);
  });

  const grown = {
    ...zone,
    ...records({
      'spf.messagingengine.com':
        'v=spf1 ip4:202.12.125.0/27 ip4:64.147.123.128/27 ip4:103.168.172.128/27 ip4:202.12.124.128/27 -all',
    }),
  };

  it('writes what is new, and nothing else, in the form that the file has', async () => {
    const text = fresh.replace('"Fastmail"', '"Fästmail"');
    const { code, lines, after } = await run(text, [], grown);
    expect(code).toBe(0);
    expect(lines).toEqual([
      'fastmail',
      '  + 202.12.125.0/27',
      `${asked} senders asked: 1 changed (+1 -0 networks), 0 did not answer, 0 not trusted`,
    ]);
    expect(after).toBe(
      text
        .replace('"generated": "2026-01-01"', `"generated": "${today}"`)
        .replace('"202.12.124.128/27"\n', '"202.12.124.128/27",\n    "202.12.125.0/27"\n'),
    );
  });

  it('tells the same and writes nothing in a dry run', async () => {
    const { code, lines, replaced } = await run(fresh, ['--dry-run'], grown);
    expect([code, lines[1], replaced]).toEqual([0, '  + 202.12.125.0/27', false]);
  });

  it('exits 1 when a sender is not trusted, which keeps its networks until that is accepted', async () => {
    const swing = {
      ...zone,
      ...records({ 'amazonses.com': 'v=spf1 ip4:54.240.0.0/17 -all', 'gmx.net': 'v=spf1 +all' }),
    };
    const held = await run(fresh, [], swing);
    expect([held.code, held.after === fresh]).toEqual([1, true]);
    expect(held.lines).toEqual([
      'amazon-ses is not trusted and keeps its networks: loses more than half of its IPv4 addresses at once; if that is right: --accept amazon-ses',
      'ionos-gmx-webde is not trusted and keeps its networks: gmx.net "+all" lets everyone in',
      `${asked} senders asked: 0 changed (+0 -0 networks), 0 did not answer, 2 not trusted`,
    ]);
    const accepted = await run(fresh, ['--accept', 'ionos-gmx-webde', 'amazon-ses'], swing);
    expect(accepted.code).toBe(1);
    const [ses] = JSON.parse(accepted.after).senders;
    expect([ses.id, ses.networks]).toEqual(['amazon-ses', ['54.240.0.0/17']]);
  });

  it('exits 3 when a sender does not answer, and takes what the others say', async () => {
    const { code, lines, after } = await run(fresh, [], { ...grown, 'amazonses.com': 'SERVFAIL' });
    expect([code, lines.at(-2)]).toEqual([
      3,
      'amazon-ses did not answer and keeps its networks: amazonses.com: no answer (servfail)',
    ]);
    expect(after).toContain('202.12.125.0/27');
    expect(JSON.parse(after).senders[0]).toEqual(senders[0]);
  });

  it('exits 3 and changes nothing when DNS is dead', async () => {
    const { code, lines, after, replaced } = await run(fresh, []);
    expect([code, after === fresh, replaced]).toEqual([3, true, false]);
    expect(lines.at(-1)).toBe(
      `${asked} senders asked: 0 changed (+0 -0 networks), ${asked} did not answer, 0 not trusted`,
    );
  });

  it.each([
    ['a server by name', ['--dns', 'dns.example'], fresh, 2, 'is a name'],
    ['an option that is none', ['--fiel', 'x'], fresh, 2, '--fiel'],
    ['an argument that belongs nowhere', ['x'], fresh, 2, 'what is "x"?'],
    ['a sender that is not asked', ['--accept', 'github'], fresh, 2, 'can be asked is called github'],
    ['a file that is no JSON', [], '{', 2, 'is not a catalogue'],
    ['a file that is no catalogue', [], '{"generated": "2026-01-01"}', 2, 'is not a catalogue'],
    ['no file', ['--file', '/nonexistent/x.json'], fresh, 3, 'there is no /nonexistent/x.json'],
    ['a directory', ['--file', '/'], fresh, 3, '/'],
  ])('says what is wrong with %s', async (_what, args, text, code, problem) => {
    const result = await run(text, args, zone);
    expect([result.code, result.lines, result.after]).toEqual([code, [''], text]);
    expect(result.stderr).toMatch(/^catalogue: /);
    expect(result.stderr).toContain(problem);
  });
});

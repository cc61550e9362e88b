import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReport } from '../../src/edge/report.ts';

/** What is written: in pieces of any size, after errors that pass, and only while it is let. */
function device(plan: readonly (number | string)[]) {
  const steps = [...plan];
  const chunks: Buffer[] = [];
  let open: () => void = () => {};
  let gate: Promise<void> = Promise.resolve();
  return {
    shut() {
      gate = new Promise((resolve) => {
        open = resolve;
      });
    },
    open: () => open(),
    text: () => Buffer.concat(chunks).toString(),
    lines: () =>
      Buffer.concat(chunks)
        .toString()
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as { msg: string; lines?: number; alert?: string }),
    async write(_: number, bytes: Buffer): Promise<number> {
      await gate;
      const step = steps.shift() ?? bytes.length;
      if (typeof step === 'string') throw Object.assign(new Error(step), { code: step });
      const some = Buffer.from(bytes.subarray(0, Math.max(1, step)));
      chunks.push(some);
      return some.length;
    },
  };
}

describe('the report', () => {
  it('has escapes in place of what a terminal obeys, and reads as what was meant', async () => {
    const out = device([]);
    const report = createReport('info', new Set(), { write: out.write });
    const hostile = '\x1b[2J \x9b2J \u202e \u2028 \u{e0041} \x7f';
    report.info(hostile);
    await report.flushed();
    expect(out.text().replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
    expect(out.lines().map(({ msg }) => msg)).toEqual([hostile]);
  });

  it('writes all lines whole and in order, however the bytes are taken', async () => {
    const steps = fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 30 });
    const bursts = fc.array(fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(steps, bursts, async (plan, texts) => {
        const out = device(plan);
        const report = createReport('info', new Set(), { write: out.write });
        for (const burst of texts) {
          for (const text of burst) report.info(text);
          await new Promise((done) => setImmediate(done));
        }
        await report.flushed();
        expect(out.lines().map(({ msg }) => msg)).toEqual(texts.flat());
      }),
    );
  });

  it.each(['EAGAIN', 'ENOSPC', 'EIO'])('tries again after %s', async (code) => {
    const out = device([5, code, code]);
    const report = createReport('info', new Set(), { write: out.write });
    report.info('one');
    report.info('two');
    await report.flushed();
    expect(out.lines().map(({ msg }) => msg)).toEqual(['one', 'two']);
  });

  it('is not flushed before what was reported is written, and keeps nobody else waiting', async () => {
    const out = device([]);
    out.shut();
    const report = createReport('info', new Set(), { write: out.write });
    report.alert('wired', 'a', { seconds: 1 });
    let isFlushed = false;
    const flushed = report.flushed().then(() => {
      isFlushed = true;
    });
    await new Promise((done) => setTimeout(done, 50));
    expect([isFlushed, out.text()]).toEqual([false, '']);
    out.open();
    await flushed;
    expect(out.lines()).toMatchObject([{ alert: 'wired' }]);
  });

  it('keeps little of what nobody takes, alerts longer than the rest, and says how much it left out', async () => {
    const out = device([]);
    out.shut();
    const report = createReport('info', new Set(), { write: out.write });
    for (let i = 0; i < 3_000; i += 1) report.info('x'.repeat(1_000));
    for (let i = 0; i < 1_000; i += 1) report.alert('wired', String(i), { seconds: i });
    const flushed = report.flushed();
    out.open();
    await flushed;
    await report.flushed();
    const lines = out.lines();
    const kept = lines.filter(({ msg }) => msg.startsWith('xxx')).length;
    expect(kept).toBeLessThan(300);
    expect(lines.filter(({ alert }) => alert === 'wired')).toHaveLength(1_000);
    expect(lines.at(-1)).toMatchObject({ lines: 3_000 - kept, msg: expect.stringContaining('left out') });
  });

  it('says that it was closed when its reader is gone', async () => {
    const out = device(['EPIPE']);
    const report = createReport('info', new Set(), { write: out.write });
    report.info('nobody sees this');
    await expect(report.closed).rejects.toMatchObject({
      name: 'FileError',
      message: expect.stringContaining('closed it'),
    });
  });

  it('writes to a file and to a pipe', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'screenpass-report-'));
    try {
      const path = join(folder, 'out');
      const file = await open(path, 'w');
      const toFile = createReport('info', new Set(), { fd: file.fd });
      toFile.info('to a file');
      await toFile.flushed();
      await file.close();
      expect(await readFile(path, 'utf8')).toContain('"msg":"to a file"');

      const fifo = join(folder, 'fifo');
      await once(spawn('mkfifo', [fifo]), 'exit');
      const reader = readFile(fifo, 'utf8');
      const pipe = await open(fifo, 'w');
      const toPipe = createReport('info', new Set(), { fd: pipe.fd });
      for (let i = 0; i < 300; i += 1) toPipe.info('x'.repeat(500));
      await toPipe.flushed();
      await pipe.close();
      expect((await reader).split('\n')).toHaveLength(301);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

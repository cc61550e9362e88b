import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tableOf } from '../../src/commands/output.ts';
import { renderBlock, splitTable } from '../../src/core/table/managed-block.ts';
import { replaceFile } from './replace-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'screenpass-kill-'));
const steps = join(folder, 'steps');

const OPERATOR = '# Ours, since 2019: \u00e4\u00f6\u00fc\r\n203.0.113.7/32 reject\n\n';
const OLD = `${OPERATOR}${renderBlock([])}`;
const NEW = `${OPERATOR}${renderBlock([])}`.replace('# <<<', '54.240.0.0/17 permit\n# <<<');

const FILES = {
  table: { path: join(folder, 'data', 'table.cidr'), old: OLD, next: NEW },
  state: {
    path: join(folder, 'data', 'state.json'),
    old: '{"version":1}\n',
    next: '{"version":1,"more":2}\n',
  },
} as const;
type Name = keyof typeof FILES;

beforeAll(async () => {
  const entryPoints = ['commit-process.ts', 'kill-at.ts'].map((name) => join(import.meta.dirname, name));
  const options = { bundle: true, platform: 'node', format: 'esm', outExtension: { '.js': '.mjs' } } as const;
  await build({ ...options, entryPoints, outdir: folder, logLevel: 'warning' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Replaces the file in a process of its own; gives how that ended, and the steps that it came to. */
function replace(name: Name, killAt: string): { signal: string | null; names: string[] } {
  rmSync(steps, { force: true });
  const args = ['--import', join(folder, 'kill-at.mjs'), join(folder, 'commit-process.mjs')];
  const { signal, status, stderr } = spawnSync(
    process.execPath,
    [...args, name, FILES[name].path, FILES[name].next],
    { encoding: 'utf8', env: { ...process.env, KILL_AT: killAt, STEPS: steps } },
  );
  if (signal === null && status !== 0) throw new Error(stderr);
  return { signal, names: readFileSync(steps, 'utf8').trim().split('\n') };
}

/** Puts the old version there, alone. */
function restore(name: Name): void {
  const { path, old } = FILES[name];
  rmSync(join(folder, 'data'), { recursive: true, force: true });
  mkdirSync(join(folder, 'data'));
  writeFileSync(path, old, 'latin1');
}

describe.each(['table', 'state'] as const)('a SIGKILL at each step of replacing the %s', (name) => {
  const { path, old, next } = FILES[name];

  it('leaves the old or the new one, whole, and the next attempt puts the new one there alone', async () => {
    restore(name);
    const { signal, names } = replace(name, '');
    expect(signal).toBeNull();
    expect(names).toEqual(expect.arrayContaining(['open', 'writeFile', 'sync', 'rename']));
    const renamed = names.indexOf('rename');

    const rows: string[][] = [];
    for (const [i, step] of names.entries()) {
      for (const when of step === 'writeFile' ? ['before', 'within', 'after'] : ['before', 'after']) {
        restore(name);
        const killed = replace(name, `${when} ${i + 1}`);
        expect([killed.signal, killed.names]).toEqual(['SIGKILL', names.slice(0, i + 1)]);
        const found = readFileSync(path, 'latin1');
        const isNew = i > renamed || (i === renamed && when === 'after');
        expect(found, `${when} step ${i + 1}, ${step}`).toBe(isNew ? next : old);
        if (name === 'table') expect(splitTable(found).before).toBe(OPERATOR);
        const left = readdirSync(dirname(path)).filter((file) => file !== basename(path));
        rows.push([`${i + 1} ${step}`, when, isNew ? 'new' : 'old', left.join(' ') || '-']);

        await replaceFile(name, path, next);
        expect(readFileSync(path, 'latin1')).toBe(next);
        expect(readdirSync(dirname(path))).toEqual([basename(path)]);
      }
    }
    console.log(`${name}\n${tableOf(['step', 'killed', 'then there is', 'and beside it'], rows)}`);
  });
});

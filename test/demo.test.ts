import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('the demo shows a sender refused, allowed, loaded and recovered, and ends well', () => {
  const demo = join(import.meta.dirname, '..', 'dist', 'demo.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [demo, '--json'], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect([status, stderr]).toEqual([0, '']);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const seen = lines.map(({ alert }) => alert).filter((alert, i, all) => all.indexOf(alert) === i);
  expect(seen).toEqual([
    'started',
    'sender-refused',
    'sender-allowed',
    'reload-done',
    'sender-recovered',
    'stopping',
  ]);
}, 70_000);

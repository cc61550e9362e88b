import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('the demo shows senders refused, known by list or by SPF, allowed, loaded and recovered, and ends well', () => {
  const demo = join(import.meta.dirname, '..', '..', 'dist', 'demo.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [demo, '--json'], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect([status, stderr]).toEqual([0, '']);
  // Beside the alerts, the log says which senders have no networks.
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ alert }) => alert !== undefined);
  const seen = lines.map(({ alert }) => alert).filter((alert, i, all) => all.indexOf(alert) === i);
  expect(seen).toEqual([
    'started',
    'sender-refused',
    'sender-allowed',
    'reload-done',
    'sender-recovered',
    'stopping',
  ]);
  const allowed = lines.filter(({ alert, decision }) => alert === 'sender-refused' && decision === 'allow');
  expect(allowed.map(({ sender, evidence }) => [sender, evidence])).toEqual([
    ['amazon-ses', 'network'],
    ['salesforce', 'spf'],
  ]);
  const recovered = lines.filter(({ alert }) => alert === 'sender-recovered');
  expect(recovered.map(({ sender }) => sender)).toEqual(['amazon-ses', 'salesforce']);
}, 70_000);

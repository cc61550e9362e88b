// docs/docker-compose.hardened.yml: no root, no capability, no shell, and of the Engine the calls in docs/hardened.md only.
// Each step stands on the one before it.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { Status } from '../../src/core/monitor/status-report.ts';
import { isWell } from './control-steps.ts';
import { zone } from './dns-steps.ts';
import { type Client, Stack } from './harness.ts';
import { engineSocket } from './program.ts';
import { blocked, createSteps, stepTime } from './steps.ts';

const ses: Client = {
  ...{ from: '54.240.27.75', helo: 'a27-75.smtp-out.us-west-2.amazonses.com' },
  sender: '0101018f2a@us-west-2.amazonses.com',
};
const sendgrid: Client = {
  from: '167.89.93.77',
  helo: 'o1.sg.example.com',
  sender: 'bounces@sg.example.com',
};
const clients = [ses.from, sendgrid.from];

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'hardened.md'), 'utf8');
const section = page.split('## What it needs of the Engine\n')[1]?.split('\n## ')[0] ?? '';
const CALLS = [...section.replace(/\s+/g, ' ').matchAll(/`((?:GET|POST) \/[^`]+)`/g)].map(
  ([, call]) => call ?? '',
);
const READING = CALLS.filter((call) => call.startsWith('GET /containers/'));

// The first run also builds the images.
const buildTime = 900_000;

describe('screenpass with no more rights than it needs', () => {
  const stack = new Stack({ wired: true, clients, listed: clients, zone, calls: CALLS });
  const { step, passes, isRefused } = createSteps(stack);

  beforeAll(() => stack.up(), buildTime);
  afterAll(() => stack.remove(), stepTime);

  step('runs as an ordinary user without capabilities, on a file system that it cannot write', async () => {
    await stack.alert('started');
    const { stdout } = await stack.inScreenpass(
      'node',
      '-p',
      "require('fs').readFileSync('/proc/1/status', 'latin1')",
    );
    expect(stdout).toMatch(/^Uid:(\s+1000){4}$/m);
    expect(stdout).toMatch(/^Gid:(\s+1000){4}$/m);
    expect(stdout).toMatch(/^NoNewPrivs:\s+1$/m);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect(stdout).toMatch(new RegExp(`^${set}:\\s+0+$`, 'm'));
    const { stderr } = await stack.inScreenpass('node', '-e', "fs.writeFileSync('/app/x', '')");
    expect(stderr).toContain('EROFS');
    const version = '{{index .Config.Labels "org.opencontainers.image.version"}}';
    expect(await stack.inspect('screenpass', version)).toMatch(/^\d+\.\d+\.\d+$/);
    const health = '{{json .Config.Healthcheck.Test}}';
    expect(await stack.inspect('screenpass', health)).toBe('["CMD","node","/app/screenpass.mjs","health"]');
    const shell = await stack.inScreenpass('/bin/sh', '-c', 'true');
    expect(shell.code).not.toBe(0);
  });

  step('does all that it is for', async () => {
    await isRefused(ses, blocked(ses.from));
    await stack.alert('sender-allowed', { sender: 'amazon-ses' });
    await stack.alert('reload-done');
    await passes(ses);
    await stack.alert('sender-recovered', { sender: 'amazon-ses' });
    await isWell(stack);
  });

  step('shows a monitor how it stands, where it was told to listen', async () => {
    const look = async (path: string) => {
      const script = `fetch('http://127.0.0.1:9469${path}').then(async (r) => console.log(r.status, await r.text()))`;
      return (await stack.inScreenpass('node', '-e', script)).stdout;
    };
    expect(await look('/healthz')).toBe('200 {"healthy":true,"reasons":[]}\n\n');
    expect(await look('/metrics')).toContain(
      '\nscreenpass_refusals_total{sender="amazon-ses",gate="dnsbl"} 1\n',
    );
    expect(await look('/')).toBe('404 \n');
  });

  step('lets doctor find nothing wrong', async () => {
    const { code, stdout } = await stack.screenpass('doctor');
    expect([code, stdout]).toEqual([0, expect.stringContaining(' 0 failed')]);
  });

  step('observes without the right to run commands, says so, and goes on when it has it again', async () => {
    const told = (await stack.alerts()).length;
    const table = stack.readTable();
    stack.grant(READING);
    await isRefused(sendgrid, blocked(sendgrid.from));
    await stack.alert('sender-refused', { sender: 'sendgrid', decision: 'allow' }, told);
    const { msg } = await stack.alert('reload-failed', {}, told);
    expect(msg).toContain('refused the call');
    expect(msg).toContain('screenpass reports refusals and does not change the table');
    expect(stack.readTable()).toBe(table);
    const { code, answer } = await stack.answer<Status>('status');
    expect([code, answer.reload]).toEqual([1, 'failing']);
    const { stdout } = await stack.screenpass('doctor');
    expect(stdout).toMatch(/^FAIL {2}exec /m);

    stack.grant(CALLS);
    await stack.alert('reload-done', {}, told);
    await passes(sendgrid);
    await isWell(stack);
  });

  step('finds its mail container by a label as well', async () => {
    const label = `service=mailserver`;
    const { stdout } = await stack.screenpassAs({ SCREENPASS_CONTAINER: label }, 'doctor');
    expect(stdout).toMatch(/^ok {4}engine /m);
  });

  step('made the calls that docs/hardened.md lists, and no other', async () => {
    const seen = new Map<string, number>();
    for (const line of await stack.log('socket-proxy')) {
      if (/^(allowed|refused) /.test(line)) seen.set(line, (seen.get(line) ?? 0) + 1);
    }
    console.log([...seen].map(([line, count]) => `${String(count).padStart(6)} ${line}`).join('\n'));
    const allowed = CALLS.map((call) => `allowed ${call}`);
    expect([...seen.keys()].filter((line) => line.startsWith('allowed ')).sort()).toEqual(allowed.sort());
    // What was refused is what was withdrawn for a while.
    const refused = [...seen.keys()].filter((line) => line.startsWith('refused '));
    const withdrawn =
      /^refused (POST \/containers\/[^/]+\/exec|POST \/exec\/[^/]+\/start|GET \/exec\/[^/]+\/json)$/;
    expect(refused.filter((line) => !withdrawn.test(line))).toEqual([]);
    expect(refused).not.toEqual([]);
  });

  step('has started no other program', async () => {
    // The HEALTHCHECK is node as well.
    expect(new Set(await stack.programs('screenpass'))).toEqual(new Set(['node']));
  });

  step('needs only the group of the socket where there is no proxy', async () => {
    await stack.compose('stop', 'screenpass');
    const { gid } = statSync(engineSocket());
    const { code, stdout, stderr } = await stack.screenpassAlone(`1000:${gid}`, 'doctor');
    expect(stderr).toBe('');
    for (const check of ['engine', 'exec', 'reload', 'wired', 'table', 'table-shared', 'state'])
      expect(stdout).toMatch(new RegExp(`^ok {4}${check} `, 'm'));
    // There is no DNS to be had here.
    expect([0, 1]).toContain(code);
    const nobody = await stack.screenpassAlone('1000:1000', 'doctor');
    expect(nobody.stdout).toMatch(/^FAIL {2}engine .*no permission to open/m);
  });
});

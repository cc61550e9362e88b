// The commands that speak with the running daemon over its control socket.
import { expect } from 'vitest';
import type { Status } from '../../src/core/monitor/status-report.ts';
import type { ListedEntry } from '../../src/daemon/replies.ts';
import type { Client, Stack } from './harness.ts';
import { blocked, type Steps } from './steps.ts';

/** Nobody's address, as far as screenpass knows, and listed. */
const partner: Client = { from: '185.199.108.7', helo: 'mail.partner.example', sender: 'a@partner.example' };
const network = '185.199.108.0/22';

export const controlClients = [partner.from];

const done = { code: 0, stdout: '', stderr: '' };

/** The daemon does not do what it is for now, since it does not follow the mail container's log. */
export async function isUnwell(stack: Stack): Promise<void> {
  const [health, status] = await Promise.all([stack.screenpass('health'), stack.answer<Status>('status')]);
  expect(health).toEqual({
    ...done,
    code: 1,
    stderr: expect.stringMatching(/^screenpass: .* is not followed$/m),
  });
  expect(status).toMatchObject({ code: 1, answer: { following: null } });
}

export async function isWell(stack: Stack): Promise<void> {
  expect(await stack.screenpass('health')).toEqual(done);
  // A list that was in the way before the reload is asked about after it.
  const status = await stack.until('the access list was asked about', async () => {
    const given = await stack.answer<Status>('status');
    return given.answer.wiring === 'not-wired' ? undefined : given;
  });
  const following = await stack.inspect('mailserver', '{{.Id}}');
  const well = { following, mode: 'enforce', wiring: 'wired', reload: 'done' };
  expect(status).toMatchObject({ code: 0, answer: well });
}

export function controlSteps({ stack, step, passes, isRefused }: Steps): void {
  step('says how it stands, and what it let in', async () => {
    await isWell(stack);
    const [status, list, json] = await Promise.all([
      stack.screenpass('status'),
      stack.screenpass('list'),
      stack.answer<ListedEntry[]>('list'),
    ]);
    expect(status).toEqual({ ...done, stdout: expect.stringMatching(/^health +healthy$/m) });
    expect(status.stdout).toMatch(/^postscreen +uses the table$/m);
    expect(status.stdout).toMatch(/^fault +none$/m);
    expect(list).toEqual({ ...done, stdout: expect.stringMatching(/^amazon-ses +sender +\d+ .* yes /m) });
    expect(json).toMatchObject({
      code: 0,
      answer: expect.arrayContaining([expect.objectContaining({ sender: 'amazon-ses', scope: 'sender' })]),
    });
  });

  step('lets in a network because the operator says so, for a time', async () => {
    await isRefused(partner, blocked(partner.from));
    const told = (await stack.alerts()).length;
    const { code, answer } = await stack.answer<ListedEntry>(
      'allow',
      network,
      '--ttl',
      '1h',
      '--reason',
      'moving',
    );
    expect(code).toBe(0);
    expect(answer).toMatchObject({
      ...{ sender: network, scope: 'network', networks: [network], cause: 'operator', reason: 'moving' },
      inForce: null,
    });
    expect(Date.parse(answer.until ?? '') - Date.parse(answer.since)).toBe(3_600_000);

    await stack.alert('sender-allowed', { sender: network }, told);
    await stack.alert('reload-done', {}, told);
    await passes(partner);
    const { stdout } = await stack.screenpass('list');
    expect(stdout).toMatch(/^185\.199\.108\.0\/22 +network +1 .* yes +operator +moving$/m);
    expect(stack.readTable()).toContain(`\n${network} permit\n`);
    expect(stack.readTable()).not.toContain('moving');
  });

  step('takes away what the operator revokes', async () => {
    const told = (await stack.alerts()).length;
    expect(await stack.answer('revoke', network)).toEqual({
      code: 0,
      answer: { sender: network, comesBack: null, note: null },
    });
    expect(await stack.alert('entry-revoked', {}, told)).toMatchObject({ sender: network, reason: 'moving' });
    await stack.alert('reload-done', {}, told);
    expect(stack.readTable()).not.toContain(network);
    await isRefused(partner, blocked(partner.from));
  });

  step('says what is wrong with a wrong target, and does nothing', async () => {
    const table = stack.readTable();
    const wrong: readonly (readonly [reason: string, ...command: string[]])[] = [
      ['private or reserved address space', 'allow', '10.1.2.0/24'],
      ['too wide', 'allow', '185.0.0.0/8'],
      ['no sender is called nobody', 'allow', 'nobody'],
      ['--ttl', 'allow', network, '--ttl', 'soon'],
      [`there is no entry of ${network}`, 'revoke', network, '--json'],
    ];
    const answers = await Promise.all(wrong.map(([, ...command]) => stack.screenpass(...command)));
    expect(answers).toEqual(
      wrong.map(([reason]) => ({ code: 2, stdout: '', stderr: expect.stringContaining(reason) })),
    );
    expect(stack.readTable()).toBe(table);
  });
}

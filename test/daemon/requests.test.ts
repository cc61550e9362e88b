import { mkdir, rm, rmdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Status } from '../../src/core/monitor/status-report.ts';
import { observingText, unhealthy } from '../../src/core/monitor/status-report.ts';
import type { AllowReply, ListedEntry, RevokeReply, StatusReply } from '../../src/daemon/replies.ts';
import { World } from '../double/world.ts';

async function following(env: Record<string, string> = {}): Promise<World> {
  const world = await World.following(env);
  const isFollowing = async () => (await result<Status>(world, 'status')).following !== null;
  await world.until('the log is followed', isFollowing);
  return world;
}

async function result<T>(world: World, command: string, given: Record<string, unknown> = {}): Promise<T> {
  const reply = await world.ask(command, given);
  if (!reply.ok) throw new Error(reply.problem);
  return reply.result as T;
}

async function problem(world: World, command: string, given: Record<string, unknown>): Promise<string> {
  const reply = await world.ask(command, given);
  return reply.ok ? '' : reply.problem;
}

describe('allow', () => {
  it('opens a network for a time, over restarts, and says when it has left', async () => {
    await using world = await following();
    const given = { target: '185.199.108.7/22', ttlMs: 3_600_000, reason: 'migration' };
    expect(await result<ListedEntry>(world, 'allow', given)).toMatchObject({
      sender: '185.199.108.0/22',
      networks: ['185.199.108.0/22'],
      until: '2026-11-24T03:00:00.000Z',
      reason: 'migration',
      inForce: null,
    });
    await world.alert('reload-done');
    expect(await world.alert('sender-allowed')).toMatchObject({
      sender: '185.199.108.0/22',
      cause: 'operator',
    });
    expect(await world.readTable()).toContain('\n185.199.108.0/22 permit\n');
    expect(await world.readTable()).not.toContain('migration');
    await world.stop();
    world.start();
    await world.alert('started', 2);
    expect(await result<ListedEntry[]>(world, 'list')).toMatchObject([{ reason: 'migration' }]);
    await world.until(
      'the log is followed',
      async () => (await result<Status>(world, 'status')).following !== null,
    );
    world.quiet(3_600_000);
    expect(await world.alert('entry-expired')).toMatchObject({ sender: '185.199.108.0/22' });
    await world.eventually('it is gone', async () => !(await world.readTable()).includes('185.199'));
  });

  it('opens all of a watched sender until it is revoked, however long nobody sees it', async () => {
    await using world = await following();
    await result(world, 'allow', { target: 'sendgrid' });
    await world.alert('reload-done');
    expect(await world.connect('167.89.93.77', { helo: 'o1.sg.example' })).toBe('allowlisted');
    world.quiet(40 * 86_400_000);
    expect(world.told('entry-expired')).toEqual([]);
    expect(await result(world, 'revoke', { target: 'sendgrid' })).toMatchObject({
      sender: 'sendgrid',
      comesBack: expect.stringContaining('next refusal'),
    });
    await world.alert('entry-revoked');
    await world.eventually('it is gone', async () => !(await world.readTable()).includes('sendgrid'));
  });

  it.each([
    [{ target: '10.1.2.0/24' }, 'private or reserved'],
    [{ target: '185.0.0.0/8' }, 'too wide'],
    [{ target: '0.0.0.0/0' }, 'every address'],
    [{ target: '54.240.0.0/17' }, 'SCREENPASS_NEVER'],
    [{ target: 'nobody' }, 'no sender is called nobody'],
    [{ target: 'godaddy' }, 'add +godaddy to SCREENPASS_SENDERS'],
    [{ target: 'a/b; rm -rf' }, 'not a network'],
    [{ target: '185.199.108.0/22', ttlMs: 1e300 }, 'whole milliseconds'],
    [{ target: '185.199.108.0/22', ttlMs: 0.5 }, 'whole milliseconds'],
    [{}, 'no sender is called'],
  ])('refuses %j', async (given, why) => {
    await using world = await following({ SCREENPASS_NEVER: '54.240.27.0/24' });
    expect(await problem(world, 'allow', given)).toContain(why);
    expect(await result(world, 'list')).toEqual([]);
  });
});

describe('allow for a time', () => {
  it('leaves an entry by evidence its own end, and says so', async () => {
    await using world = await following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    const allowed = await result<AllowReply>(world, 'allow', { target: 'amazon-ses', ttlMs: 60_000 });
    expect(allowed).toMatchObject({
      cause: expect.stringContaining('dnsbl'),
      granted: '2026-11-24T02:01:00.000Z',
      leaves: '2026-12-24T02:00:00.001Z',
      note: expect.stringContaining('which stays until 2026-12-24T02:00:00.001Z, and longer'),
    });
    world.quiet(120_000);
    await world.pass(20_000);
    expect(world.told('entry-expired')).toEqual([]);
    expect(await result<ListedEntry[]>(world, 'list')).toMatchObject([{ granted: null }]);
    expect(await world.readTable()).toContain('54.240.0.0/17 permit');
  });
});

describe('observe mode after enforce mode', () => {
  it('says what is in the table, whatever it would write', async () => {
    await using world = await following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    await world.stop();
    const table = await world.readTable();
    world.start({ SCREENPASS_MODE: 'observe' });
    await world.alert('started', 2);
    const still = expect.stringMatching(
      /^Observe mode writes nothing, and .* still has 12 rules of screenpass/,
    );
    expect(await result<RevokeReply>(world, 'revoke', { target: 'amazon-ses' })).toMatchObject({
      note: still,
    });
    expect(await result<StatusReply>(world, 'status')).toMatchObject({
      entries: 0,
      rules: 0,
      rulesInTable: 12,
    });
    expect(await result<AllowReply>(world, 'allow', { target: 'sendgrid' })).toMatchObject({ note: still });
    await world.pass(20_000);
    expect(await world.readTable()).toBe(table);
    await rm(world.table);
    expect(await result<StatusReply>(world, 'status')).toMatchObject({ rules: 15, rulesInTable: 0 });
    expect(observingText('/t', 0)).toBe('Observe mode writes nothing; /t has no rules of screenpass');
  });
});

describe('revoke', () => {
  it('takes an entry that a refusal made, and the next refusal makes it again', async () => {
    await using world = await following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    await result(world, 'revoke', { target: 'amazon-ses' });
    await world.eventually('it is gone', async () => !(await world.readTable()).includes('54.240'));
    await world.eventually('that is loaded', () => world.told('reload-done').length === 2);
    world.clock.advance(60_000);
    await world.connect('54.240.27.76');
    await world.alert('sender-allowed', 2);
  });

  it('says when there is nothing to revoke', async () => {
    await using world = await following();
    expect(await problem(world, 'revoke', { target: 'sendgrid' })).toContain('no entry of sendgrid');
  });
});

describe('status', () => {
  it('shows how all stands, and that it is well', async () => {
    await using world = await following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    // postscreen may have started before the table was there: then its list is checked again after the reload.
    await world.until('it is in force, and the list is checked', async () => {
      const [entry] = await result<ListedEntry[]>(world, 'list');
      return typeof entry?.inForce === 'string' && (await result<Status>(world, 'status')).wiring === 'wired';
    });
    const status = await result<Status>(world, 'status');
    expect(status).toMatchObject({
      mode: 'enforce',
      container: 'mailserver',
      following: expect.stringMatching(/^[0-9a-f]{64}$/),
      wiring: 'wired',
      reload: 'done',
      trouble: null,
      entries: 1,
      rules: 12,
      lastRefusal: {
        sender: 'amazon-ses',
        client: '54.240.27.75',
        gate: 'dnsbl',
        at: '2026-11-24T02:00:00.000Z',
      },
      questions: 0,
      cursorAge: 0,
      lag: 0,
    });
    expect(status.senders.fresh).toBeGreaterThan(40);
    expect(unhealthy(status)).toBeNull();
  });

  it('names the watched senders of which no network is known', async () => {
    await using world = await following({ SCREENPASS_SENDERS: 'hornetsecurity,sendgrid' });
    expect((await result<Status>(world, 'status')).withoutNetworks).toEqual(['hornetsecurity']);
  });

  it('is not well while the table cannot be written, and says why', async () => {
    await using world = await following();
    const health = async () => unhealthy(await result<Status>(world, 'status'));
    await rm(world.table, { force: true });
    await mkdir(world.table);
    await world.connect('54.240.27.75');
    await world.alert('table-invalid');
    await world.until('it is told', async () => (await health())?.includes(world.table) === true);
    await rmdir(world.table);
    await world.eventually('it is well again', () => world.told('reload-done').length > 0);
    await world.until('it is seen', async () => (await health()) === null);
  });

  it('is not well when the log is not followed, the table not used, or the reload not proven', async () => {
    await using world = await following();
    const well = await result<Status>(world, 'status');
    expect(unhealthy(well)).toBeNull();
    expect(unhealthy({ ...well, following: null })).toContain('not followed');
    const fault = { kind: 'not-wired', subject: null, text: 'not used', since: '', tries: 1 } as const;
    expect(unhealthy({ ...well, faults: [{ ...fault, blocking: true }] })).toBe('not used');
    expect(unhealthy({ ...well, faults: [{ ...fault, blocking: false }] })).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { type Status, unhealthy } from '../../src/core/monitor/status-report.ts';
import { World } from '../double/world.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

async function statusOf(world: World): Promise<Status> {
  const reply = await world.ask('status');
  if (!reply.ok) throw new Error(reply.problem);
  return reply.result as Status;
}

describe('a clock that jumps', () => {
  it('ahead and back does not make the daemon deaf after a cut', async () => {
    await using world = await World.following();
    world.clock.advance(DAY);
    await world.connect('54.240.27.1');
    await world.alert('sender-refused', 1);
    world.clock.advance(-DAY);
    world.engine.cutStreams();
    await world.eventually('the log is followed again', () => world.engine.followers > 0);
    await world.connect('167.89.93.2', { from: 'b@sendgrid.net' });
    await world.alert('sender-refused', 2);
    expect(world.told('sender-refused')).toHaveLength(2);
  });

  it('back by more than was read of the log is noticed while the stream is open', async () => {
    await using world = await World.following();
    world.clock.advance(-2 * DAY);
    await world.connect('54.240.27.1');
    world.clock.runJob('* * * * *');
    await world.eventually('it is read', () => world.told('sender-refused').length === 1);
  });

  it('back while the daemon does not run loses no refusal and doubles none, however long it takes', async () => {
    for (const later of [0, HOUR, 3 * HOUR]) {
      await using world = await World.following();
      await world.connect('54.240.27.1');
      await world.alert('reload-done');
      await world.stop();
      world.clock.advance(-2 * HOUR);
      await world.connect('167.89.93.2', { from: 'b@sendgrid.net' });
      world.clock.advance(later);
      world.start();
      await world.alert('sender-refused', 2);
      await world.connect('167.89.93.3', { from: 'b@sendgrid.net' });
      await world.eventually('both are loaded', () => world.told('reload-done').length >= 2);
      expect(new Set(world.told('sender-refused').map(({ id }) => id)).size).toBe(
        world.told('sender-refused').length,
      );
    }
  });

  it('back is named in status and health while the last line is stamped ahead of it', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.1');
    await world.alert('reload-done');
    world.clock.advance(-HOUR);
    const status = await statusOf(world);
    expect(status.cursorAge).toBe(-3600);
    expect(unhealthy(status)).toContain('3600 s ahead of the clock');
    await world.connect('54.240.27.2');
    await world.until('it is read', async () => ((await statusOf(world)).cursorAge ?? -1) >= 0);
    expect(unhealthy(await statusOf(world))).toBeNull();
  });
});

describe('entries and a clock that jumps', () => {
  const TTL = { SCREENPASS_TTL: '30d' };

  it('stay when the clock jumps ahead by a month, and when it comes back', async () => {
    await using world = await World.following(TTL);
    await world.connect('54.240.27.1');
    await world.ask('allow', { target: '185.199.108.0/22', ttlMs: 7 * DAY, reason: null });
    await world.alert('reload-done');
    for (const jump of [31 * DAY, -31 * DAY, 400 * DAY, -400 * DAY]) {
      world.clock.advance(jump);
      await world.connect('167.89.93.2', { from: 'b@sendgrid.net' });
      world.quiet(1_800_000);
    }
    expect(world.told('entry-expired')).toEqual([]);
    expect(await world.readTable()).toContain('54.240.0.0/17 permit');
  });

  it('stay until the log of the downtime is read, in which their sender was seen', async () => {
    await using world = await World.following(TTL);
    await world.connect('54.240.27.1');
    await world.alert('reload-done');
    await world.stop();
    for (let day = 0; day < 40; day += 1) {
      world.clock.advance(DAY);
      if (day === 30) await world.connect('54.240.27.2');
    }
    world.start(TTL);
    await world.alert('sender-recovered');
    world.quiet(1_800_000);
    expect(world.told('entry-expired')).toEqual([]);
  });

  it('leave when their sender was not seen for the whole time, though the clock went back in between', async () => {
    await using world = await World.following({ SCREENPASS_TTL: '2h' });
    await world.connect('54.240.27.1');
    await world.alert('reload-done');
    world.quiet(HOUR);
    world.clock.advance(-30 * DAY);
    world.quiet(DAY + 2 * HOUR + 600_000);
    await world.alert('entry-expired');
  });
});

describe('what is reported and a clock that jumps', () => {
  it('a recovery is reported though the clock was set back since the refusal', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.1');
    await world.alert('reload-done');
    world.clock.advance(-HOUR);
    expect(await world.connect('54.240.27.2')).toBe('allowlisted');
    expect(await world.alert('sender-recovered')).toMatchObject({ seconds: 0 });
  });

  it('a sender that is still refused counts as such though the clock was set back since the reload', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.1');
    await world.alert('reload-done');
    world.clock.advance(-HOUR);
    world.mail.wiring = 'not-wired';
    world.mail.idle();
    await world.connect('54.240.27.2');
    const { reason } = await world.alert('sender-refused', 2);
    expect(reason).not.toContain('began before');
  });

  it('an address of nobody is asked about again after an hour, also when the clock was set back by a month', async () => {
    await using world = await World.following();
    await world.connect('198.51.101.7');
    await world.until('it is asked', () => world.questions.length > 0);
    await world.pass(1000);
    const before = world.questions.length;
    world.clock.advance(-31 * DAY);
    await world.connect('198.51.101.7');
    world.clock.runJob('* * * * *');
    await world.eventually('it is asked again', () => world.questions.length > before);
  });

  it('the digest of each day is told, and what it counts, though the clock was ahead for days', async () => {
    await using world = await World.following({ SCREENPASS_MODE: 'observe' });
    const digest = () => world.clock.runJob('23 6 * * *');
    await world.connect('54.240.27.1');
    await world.until('it is read', () => world.told('sender-refused').length === 1);
    world.clock.set(40 * DAY);
    await world.connect('54.240.27.2');
    await world.until('it is read', () => world.told('sender-refused').length === 2);
    world.clock.runJob('* * * * *');
    digest();
    expect(world.told('digest')).toEqual([]);
    world.quiet(2 * DAY);
    digest();
    world.clock.set(-40 * DAY);
    await world.connect('54.240.27.3');
    await world.until('it is read', () => world.told('sender-refused').length === 3);
    for (let day = 0; day < 3; day += 1) {
      world.quiet(DAY);
      digest();
    }
    const told = world.told('digest').flatMap(({ refusals }) => Object.values(refusals['amazon-ses'] ?? {}));
    expect(told.reduce((sum, count) => sum + count, 0)).toBe(3);
    expect(world.told('digest').length).toBeGreaterThanOrEqual(3);
  });
});

import { describe, expect, it } from 'vitest';
import { type Status, unhealthy } from '../src/core/status.ts';
import { World } from './double/world.ts';

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

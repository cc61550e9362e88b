import { describe, expect, it } from 'vitest';
import { type Status, unhealthy } from '../../src/core/monitor/status-report.ts';
import { createDockerEngine } from '../../src/edge/docker.ts';
import { type Engine, EngineError } from '../../src/ports.ts';
import { World } from '../double/world.ts';

async function status(world: World): Promise<Status> {
  const reply = await world.ask('status');
  if (!reply.ok) throw new Error(reply.problem);
  return reply.result as Status;
}

/** The Engine of the world, on which commands that `isMeant` take their whole time and end with nothing. */
function hanging(world: World, isMeant: (argv: readonly string[]) => boolean): Engine {
  const engine = createDockerEngine({ host: world.engine.host, container: 'mailserver' });
  return {
    inspect: () => engine.inspect(),
    follow: (...how) => engine.follow(...how),
    lastLines: (...how) => engine.lastLines(...how),
    async exec(id, argv, timeoutMs, ...more) {
      if (!isMeant(argv)) return engine.exec(id, argv, timeoutMs, ...more);
      await world.clock.sleep(timeoutMs, new AbortController().signal);
      throw new EngineError('unreachable', `${argv.join(' ')} did not end within ${timeoutMs / 1000} s`);
    },
  };
}

describe('a reload', () => {
  it('that hangs for good is reported once, is tried ever more rarely, and its end is reported', async () => {
    await using world = await World.create();
    let hangs = true;
    const tries: number[] = [];
    const engine = hanging(world, (argv) => {
      if (!hangs || argv.join(' ') !== 'postfix reload') return false;
      tries.push(world.clock.now());
      return true;
    });
    world.start({}, { engine });
    await world.until('the log is followed', () => world.engine.followers > 0);
    await world.connect('54.240.27.75');
    const { id, reason } = await world.alertLater('reload-failed');
    expect(reason).toContain('postfix reload did not end within 30 s');
    expect(unhealthy(await status(world))).toContain('did not end within 30 s');
    await world.pass(20 * 60_000);
    expect(world.told('reload-failed')).toHaveLength(1);
    const waits = tries.slice(1).map((at, i) => at - (tries[i] ?? at) - 30_000);
    expect(waits.slice(0, 6).every((wait, i) => wait >= 1000 * 2 ** i)).toBe(true);
    expect(waits.slice(7).every((wait) => wait >= 60_000)).toBe(true);
    const { faults } = await status(world);
    expect(faults).toMatchObject([{ kind: 'reload-failed', blocking: true }]);
    expect(tries.length - (faults[0]?.tries ?? 0)).toBeLessThanOrEqual(1);
    hangs = false;
    expect(await world.alertLater('reload-recovered')).toMatchObject({ id, attempts: expect.any(Number) });
    expect(unhealthy(await status(world))).toBeNull();
  });
});

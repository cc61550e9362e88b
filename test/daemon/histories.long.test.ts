import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Status, unhealthy } from '../../src/core/monitor/status-report.ts';
import { createWholeFile } from '../../src/edge/file.ts';
import type { WholeFile } from '../../src/ports.ts';
import { World } from '../double/world.ts';

const SECOND = 1000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** More than twice what is quiet in any history, so that no entry may leave in it: a jump is believed after as much time. */
const TTL_HOURS = 40;
const ENV = { SCREENPASS_MODE: 'observe', SCREENPASS_TTL: `${TTL_HOURS}h` };
const CLIENTS = ['54.240.27.75', '167.89.93.77', '209.85.220.41'];
const JUMPS = [1, 9 * SECOND, 61 * SECOND, HOUR, 25 * HOUR, 31 * DAY, 400 * DAY].flatMap((ms) => [ms, -ms]);

type Step =
  | { readonly kind: 'refuse'; readonly client: string }
  | { readonly kind: 'jump' | 'quiet'; readonly ms: number }
  | { readonly kind: 'read' | 'cut' | 'stop' | 'kill' | 'start' | 'restart' | 'idle' };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...CLIENTS).map((client): Step => ({ kind: 'refuse', client })) },
  { weight: 5, arbitrary: fc.constantFrom(...JUMPS).map((ms): Step => ({ kind: 'jump', ms })) },
  { weight: 2, arbitrary: fc.integer({ min: SECOND, max: HOUR }).map((ms): Step => ({ kind: 'quiet', ms })) },
  {
    weight: 8,
    arbitrary: fc
      .constantFrom('read', 'read', 'cut', 'stop', 'kill', 'start', 'start', 'restart', 'idle')
      .map((kind): Step => ({ kind }) as Step),
  },
);

/**
 * The reference, beside the daemon: each refusal that Postfix logged is reported, once; again only after a kill. An entry is
 * there as long as its sender was refused within the time that really went by, and leaves when it was not. A log that
 * is read to its end is healthy, whatever its stamps are.
 */
class History implements AsyncDisposable {
  readonly #world: World;
  readonly #refused: string[] = [];
  #starts = 0;
  #kills = 0;
  /** The process that writes the state; a killed one writes no more. */
  #process: { isAlive: boolean } | null = null;

  private constructor(world: World) {
    this.#world = world;
  }

  /** A place in the log is saved: without one, only SCREENPASS_LOOKBACK is read. */
  static async begin(): Promise<History> {
    const history = new History(await World.create());
    await history.step({ kind: 'start' });
    await history.step({ kind: 'refuse', client: CLIENTS[0] ?? '' });
    await history.#followed();
    await history.step({ kind: 'stop' });
    await history.step({ kind: 'start' });
    return history;
  }

  async step(step: Step): Promise<void> {
    const world = this.#world;
    switch (step.kind) {
      case 'refuse':
        await world.connect(step.client);
        this.#refused.push(`[${step.client}]:${41_001 + this.#refused.length}`);
        return;
      case 'jump':
        world.clock.set(step.ms);
        return;
      case 'quiet':
        if (this.#process === null) world.clock.advance(step.ms);
        else {
          await world.alert('started', this.#starts);
          world.quiet(step.ms);
        }
        return;
      case 'read':
        if (this.#process !== null) await this.#followed();
        return;
      case 'idle':
        for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
        return;
      case 'cut':
        world.engine.cutStreams();
        return;
      case 'restart':
        world.engine.stop();
        world.engine.start();
        return;
      case 'start':
        if (this.#process === null) this.#start();
        return;
      case 'kill':
        if (this.#process === null) return;
        this.#process.isAlive = false;
        this.#kills += 1;
        await this.#stop();
        return;
      case 'stop':
        await this.#stop();
    }
  }

  #start(): void {
    const process = { isAlive: true };
    const file = createWholeFile(this.#world.stateFile);
    const state: WholeFile = {
      ...file,
      write: async (text) => {
        if (process.isAlive) await file.write(text);
      },
    };
    this.#process = process;
    this.#starts += 1;
    this.#world.start(ENV, { state });
  }

  async #stop(): Promise<void> {
    if (this.#process !== null) await this.#world.stop();
    this.#process = null;
  }

  #reported(): string[] {
    return this.#world.told('sender-refused').map(({ client, port }) => `[${client}]:${port}`);
  }

  /** Until all that was refused is reported, with the daemon's look at the clock in between. */
  async #followed(): Promise<void> {
    await this.#world.alert('started', this.#starts);
    await this.#world.eventually('the log is followed', () => this.#world.engine.followers > 0);
    this.#world.clock.runJob('* * * * *');
    await this.#world.eventually('all is reported', () => {
      const reported = new Set(this.#reported());
      return this.#refused.every((one) => reported.has(one));
    });
  }

  async end(): Promise<void> {
    const world = this.#world;
    await this.step({ kind: 'start' });
    await this.step({ kind: 'refuse', client: CLIENTS[0] ?? '' });
    await this.#followed();
    for (const one of this.#refused)
      expect(this.#reported().filter((other) => other === one).length, one).toBeLessThanOrEqual(
        1 + this.#kills,
      );
    expect(world.told('entry-expired')).toEqual([]);
    const status = await world.ask('status');
    if (!status.ok) throw new Error(status.problem);
    expect(unhealthy(status.result as Status)).toBeNull();
    world.quiet(DAY + (TTL_HOURS + 1) * HOUR);
    const clients = new Set(this.#refused.map((one) => one.slice(1, one.indexOf(']'))));
    expect(new Set(world.told('entry-expired').map(({ sender }) => sender)).size).toBe(clients.size);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#world[Symbol.asyncDispose]();
  }
}

/** HISTORIES=1000 and SEED=N for more of them, and others. */
const { HISTORIES = '20', SEED = '12' } = process.env;
const RUNS = Number(HISTORIES);

it(
  'the daemon does what the reference says, over any history of cuts, restarts, kills and jumps of the clock',
  async () => {
    const history = fc.array(STEP, { minLength: 5, maxLength: 15, size: 'max' });
    const property = fc.asyncProperty(history, async (steps) => {
      await using told = await History.begin();
      for (const step of steps) await told.step(step);
      await told.end();
    });
    await fc.assert(property, { numRuns: RUNS, seed: Number(SEED), endOnFailure: RUNS <= 20 });
  },
  RUNS * 60_000,
);

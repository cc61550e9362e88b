import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { missing } from '../../src/core/base/system-error.ts';
import { type Status, unhealthy } from '../../src/core/monitor/status-report.ts';
import { createTableFile, createWholeFile } from '../../src/edge/file.ts';
import type { Ports } from '../../src/ports.ts';
import { World } from '../double/world.ts';

/** What waits until it is opened. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

async function status(world: World): Promise<Status> {
  const asked = world.ask('status');
  let isAnswered = false;
  const answered = () => {
    isAnswered = true;
  };
  void asked.then(answered, answered);
  // It waits a moment for the table, which may be what hangs.
  await world.eventually('status answers', () => isAnswered);
  const reply = await asked;
  if (!reply.ok) throw new Error(reply.problem);
  return reply.result as Status;
}

/** What `health` says; null: it is healthy. */
async function health(world: World): Promise<string | null> {
  return unhealthy(await status(world));
}

/** Each way to hang, with the ports that hang from the moment that the gate is shut, and the words of `health`. */
interface Way {
  readonly hangs: string;
  readonly words: RegExp;
  readonly ports: (world: World, hung: () => Promise<void>) => Partial<Ports>;
  readonly shut?: (world: World, opened: Promise<void>) => void;
}

const WAYS: readonly Way[] = [
  {
    hangs: 'reading the table',
    words: /table has not ended for more than 60 s.*SCREENPASS_TABLE/,
    ports: (world, hung) => {
      const file = createTableFile(world.table);
      return { table: { ...file, read: () => hung().then(() => file.read()) } };
    },
  },
  {
    hangs: 'writing the table',
    words: /table has not ended for more than 60 s/,
    ports: (world, hung) => {
      const file = createTableFile(world.table);
      return { table: { ...file, stage: (text) => hung().then(() => file.stage(text)) } };
    },
  },
  {
    hangs: 'putting the table into its place',
    words: /table has not ended for more than 60 s/,
    ports: (world, hung) => {
      const file = createTableFile(world.table);
      const stage = async (text: string) => {
        const staged = await file.stage(text);
        return { ...staged, commit: (old: string | undefined) => hung().then(() => staged.commit(old)) };
      };
      return { table: { ...file, stage } };
    },
  },
  {
    hangs: 'writing the state',
    words: /saved state has not ended for more than 60 s.*SCREENPASS_STATE_DIR/,
    ports: (world, hung) => {
      const file = createWholeFile(world.stateFile);
      return { state: { ...file, write: (text) => hung().then(() => file.write(text)) } };
    },
  },
  {
    hangs: 'stdout',
    words: /nothing has taken the lines .* stdout for more than 10 s/,
    ports: () => ({}),
    shut: (world, opened) => {
      world.stdoutTakes = opened;
    },
  },
  {
    hangs: 'a command without end in the mail container',
    words: /the writer.* has not ended its step for more than 60 s/,
    ports: (world, hung) => ({
      engine: {
        ...world.dockerEngine(),
        exec: (...given) => hung().then(() => world.dockerEngine().exec(...given)),
      },
    }),
  },
];

describe.each(WAYS)('a daemon in which $hangs hangs', ({ words, ports, shut }) => {
  /** The daemon, and the gate before what hangs. */
  async function hanging() {
    const world = await World.create();
    let hung = { opened: Promise.resolve(), open: () => {} };
    world.start(
      {},
      ports(world, () => hung.opened),
    );
    await world.until('the log is followed', () => world.engine.followers > 0);
    return {
      world,
      shut() {
        hung = gate();
        shut?.(world, hung.opened);
      },
      open: () => hung.open(),
      async [Symbol.asyncDispose]() {
        hung.open();
        await world[Symbol.asyncDispose]();
      },
    };
  }

  it('is healthy for a moment, then health names it, and it is over when that ends', async () => {
    await using daemon = await hanging();
    const { world, shut, open } = daemon;
    await world.until('it is healthy', async () => (await health(world)) === null);
    shut();
    await world.connect('54.240.27.75');
    await world.pass(5_000);
    expect(await health(world)).toBeNull();
    await world.pass(90_000);
    expect(await health(world)).toMatch(words);
    expect(world.told('work-hangs')).toHaveLength(1);
    open();
    await world.eventually('it is healthy again', async () => (await health(world)) === null);
    expect(world.told('work-resumed')).toHaveLength(1);
    await world.eventually('the sender is let in', () => world.told('reload-done').length > 0);
    expect(world.told('sender-refused')).toHaveLength(1);
  });

  it.each([
    ['far ahead', 30 * 86_400_000],
    ['far back', -30 * 86_400_000],
  ])('is not called hanging for a clock that is set %s, and is called so in spite of it', async (_, ms) => {
    await using daemon = await hanging();
    const { world, shut } = daemon;
    shut();
    await world.connect('54.240.27.75');
    await world.pass(5_000);
    world.clock.set(ms);
    await world.pass(4_000);
    expect(world.told('work-hangs')).toEqual([]);
    await world.pass(90_000);
    // A clock that is set back is what health names first.
    expect((await status(world)).faults.map(({ text }) => text)).toContainEqual(expect.stringMatching(words));
  });
});

describe('a daemon of which nobody takes the lines', () => {
  const savedState = async (world: World) => (await readFile(world.stateFile, 'utf8').catch(missing)) ?? '';

  /** It follows, is saved, and then nobody takes what it reports. */
  async function blocked() {
    const world = await World.following();
    await world.eventually('it is saved', async () => (await savedState(world)) !== '');
    const { opened, open } = gate();
    world.stdoutTakes = opened;
    return {
      world,
      async [Symbol.asyncDispose]() {
        open();
        await world[Symbol.asyncDispose]();
      },
    };
  }

  it('saves nothing and opens nothing before they are taken, so that a kill repeats the alerts', async () => {
    await using daemon = await blocked();
    const { world } = daemon;
    const before = await savedState(world);
    await world.connect('54.240.27.75');
    await world.alert('sender-refused');
    await world.pass(60_000);
    expect(await savedState(world)).toBe(before);
    expect((await readFile(world.table, 'utf8').catch(missing)) ?? '').not.toContain('permit');
  });

  it('stops reading the log', async () => {
    await using daemon = await blocked();
    const { world } = daemon;
    for (let i = 1; i <= 20; i += 1) {
      await world.connect(`54.240.27.${i}`);
      await world.pass(500);
    }
    expect(world.told('sender-refused').length).toBeLessThan(20);
  });
});

describe('a daemon whose table hangs', () => {
  it('reads it once for all who ask, since each read takes a thread', async () => {
    const { opened, open } = gate();
    await using world = await World.create();
    const file = createTableFile(world.table);
    let reads = 0;
    let hangs = false;
    const read = () => {
      reads += 1;
      return hangs ? opened.then(() => file.read()) : file.read();
    };
    world.start({}, { table: { ...file, read } });
    await world.until('the log is followed', () => world.engine.followers > 0);
    await world.until('it is healthy', async () => (await health(world)) === null);
    hangs = true;
    reads = 0;
    for (let i = 0; i < 10; i += 1) await status(world);
    const begun = reads;
    open();
    // One more is the writer's own.
    expect(begun).toBeLessThanOrEqual(2);
  });
});

describe('a quiet daemon', () => {
  it('does not hang, however long no line comes', async () => {
    await using world = await World.following();
    await world.pass(3 * 60_000);
    expect(world.told('work-hangs')).toEqual([]);
    expect(await health(world)).toBeNull();
  });
});

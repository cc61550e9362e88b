// The faults by name. Each is there for a time and then over, whatever comes of it in between.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '../e2e/harness.ts';
import { must, run } from '../e2e/program.ts';
import type { Random } from '../random.ts';
import type { EngineProxy } from './engine-proxy.ts';
import type { MailProcess } from './mail-process.ts';
import type { Operator } from './operator.ts';
import type { OwnEngine } from './own-engine.ts';
import { becomes, statusOf } from './watch.ts';

export interface World {
  readonly stack: Stack;
  readonly engine: OwnEngine;
  readonly proxy: EngineProxy;
  readonly operator: Operator;
  readonly mail: MailProcess;
  /** Where the containers find what they are to do. */
  readonly orders: string;
  /** Times (ms) at which screenpass was killed. */
  readonly kills: number[];
  /** Steps of writing its files at which it was killed. */
  readonly killedAt: string[];
  /** Waits until screenpass has read all that the mail container has logged; false: it has not in time. */
  caughtUp(): Promise<boolean>;
  /** Waits until screenpass follows no log; false: it does not see in time that it cannot. */
  detached(): Promise<boolean>;
  /** Waits until Postfix serves; false: it does not in time. */
  serving(): Promise<boolean>;
  /** Keeps the log of the mail container, which is about to be removed. */
  keepLog(): Promise<void>;
}

type Fault = (world: World, ms: number, random: Random) => Promise<void>;
export type Faults = Readonly<Record<string, Fault>>;

/** So long a disk stays full or read-only is longer than most: screenpass writes only when something changed. */
const DISK = 2;
const MINUTE_MS = 60_000;

function order({ orders }: World, name: string, text: string): void {
  const draft = join(orders, '.draft');
  writeFileSync(draft, text);
  renameSync(draft, join(orders, name));
}

async function whileOrdered(world: World, name: string, text: string, work: () => Promise<unknown>) {
  order(world, name, text);
  try {
    await work();
  } finally {
    rmSync(join(world.orders, name));
  }
}

async function kill({ stack, kills }: World): Promise<void> {
  kills.push(Date.now());
  await stack.engine('kill', 'screenpass');
  kills.push(Date.now());
}

/** Each way to go wrong by minutes, hours or more than an entry lives. */
async function setClock(world: World, ms: number, random: Random, sign: 1 | -1): Promise<void> {
  const wrongBy = sign * random.pick([2, 3 * 60, 40 * 24 * 60]) * MINUTE_MS;
  await whileOrdered(world, 'clock', String(wrongBy), () => sleep(ms * DISK));
}

async function fill(directory: string, work: () => Promise<unknown>): Promise<void> {
  const filler = join(directory, 'filler');
  try {
    try {
      writeFileSync(filler, Buffer.alloc(2 * DISK_BYTES));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
    await work();
  } finally {
    rmSync(filler);
  }
}

/** As large as the disks of table and state. */
export const DISK_BYTES = 1024 * 1024;

async function tableReadOnly({ stack }: World, work: () => Promise<unknown>): Promise<void> {
  const remount = (how: string) => run('mount', ['-o', `remount,${how}`, stack.shared]);
  // It cannot be while a file is open for writing.
  if (!(await becomes(60, async () => (await remount('ro')).code === 0)))
    throw new Error(`${stack.shared} could not be made read-only`);
  try {
    await work();
  } finally {
    await remount('rw');
  }
}

/** Arguments of nsenter that mount a directory of a container another way. */
function mountIn(pid: string, how: string, directory: string): readonly string[] {
  return [`--mount=/proc/${pid}/ns/mnt`, 'mount', '-o', `remount,bind,${how}`, directory];
}

/** As screenpass sees it: the whole file system cannot be, when a socket was removed there that somebody still has. */
async function stateReadOnly({ stack }: World, work: () => Promise<unknown>): Promise<void> {
  const pid = await stack.inspect('screenpass', '{{.State.Pid}}');
  const remount = async (how: string) =>
    (await run('nsenter', mountIn(pid, how, '/var/lib/screenpass'))).code === 0;
  if (!(await becomes(60, () => remount('ro')))) throw new Error('the state could not be made read-only');
  try {
    await work();
  } finally {
    // If screenpass was killed meanwhile there is nothing to put right.
    await remount('rw');
  }
}

/** Only while screenpass runs: without its state it rightly would not start. */
async function stateFault(
  world: World,
  ms: number,
  random: Random,
  fault: (work: () => Promise<unknown>) => Promise<void>,
) {
  await answering(world.stack);
  if (random.next() < 0.7) return fault(() => sleep(ms * DISK));
  return fault(async () => {
    await sleep(ms);
    await kill(world);
  }).finally(() => world.stack.engine('start', 'screenpass'));
}

async function stayAway(stack: Stack, verb: 'kill' | 'stop', ms: number): Promise<void> {
  await stack.engine(verb, 'mailserver');
  await sleep(ms);
  await stack.engine('start', 'mailserver');
}

/** runc gives up freezing when processes come and go too fast, and lets all go on. */
async function pause(stack: Stack): Promise<void> {
  const attempt = async () => (await run('docker', ['pause', stack.nameOf('mailserver')])).code === 0;
  if (!(await becomes(60, attempt))) throw new Error('the mail container could not be paused');
}

/**
 * An exec that begins while the Engine pauses a container can stop in the frozen container; the Engine's unpause, and an
 * inspect as well, then wait for it without end. Thawed by hand, the exec goes on; the Engine unpauses nothing but what
 * is frozen.
 */
async function unpause(stack: Stack): Promise<void> {
  // Where both hierarchies are there the Engine uses the first: what is frozen in the second nobody would thaw.
  const set = `first=$(find /sys/fs/cgroup -path "*$1*" -name freezer.state)
for f in $first; do echo $2 >$f; done
[ -n "$first" ] || for f in $(find /sys/fs/cgroup -path "*$1*" -name cgroup.freeze); do echo $3 >$f; done`;
  const byHand = (id: string, ...state: string[]) =>
    run('timeout', ['10', 'sh', '-c', set, 'sh', id, ...state]);
  const name = `name=^${stack.nameOf('mailserver')}$`;
  // A list, unlike an inspect, waits for nobody.
  const look = ['ps', '--no-trunc', '--filter', name, '--filter', 'status=paused', '--format', '{{.ID}}'];
  for (let attempts = 0; ; attempts += 1) {
    const id = (await must('docker', look)).trim();
    if (id === '') return;
    if (attempts === 10) throw new Error('the mail container stays paused');
    if (attempts > 0) {
      await byHand(id, 'THAWED', '0');
      await sleep(500);
      await byHand(id, 'FROZEN', '1');
    }
    await run('timeout', ['10', 'docker', 'unpause', stack.nameOf('mailserver')]);
  }
}

/** A process that has just begun takes no SIGTERM as the first one of a container, and tells nobody of a lost state. */
async function answering(stack: Stack): Promise<void> {
  if (!(await becomes(120, async () => (await statusOf(stack)) !== null)))
    throw new Error('screenpass does not answer');
}

async function restartEngine({ stack, engine, kills }: World, ms: number, live: boolean): Promise<void> {
  await answering(stack);
  const began = Date.now();
  await engine.stop(live);
  await sleep(ms);
  await engine.start();
  // Whom the Engine did not let end in time it killed.
  if (!live && (await stack.inspect('screenpass', '{{.State.ExitCode}}')) === '137')
    kills.push(began, Date.now());
  const services = ['dns', 'screenpass', 'mailserver'] as const;
  await Promise.all(services.map((service) => stack.engine('start', service)));
}

const LINES: Faults = {
  'stream-cut': async ({ proxy }) => void proxy.cut(),
  async 'stream-cut-mid-frame'({ proxy }, ms, random) {
    proxy.cutWithin(random.next());
    await sleep(ms);
  },
  async 'stream-half-open'({ proxy }, ms) {
    proxy.hold();
    await sleep(ms);
    proxy.cut();
  },
  async 'engine-unreachable'({ proxy }, ms) {
    proxy.setGone(true);
    await sleep(ms);
    proxy.setGone(false);
  },
  async 'exec-refused'({ proxy }, ms) {
    proxy.setExecRefused(true);
    await sleep(ms);
    proxy.setExecRefused(false);
  },
  async 'dns-dead'({ stack }, ms) {
    const pid = Number(await stack.inspect('dns', '{{.State.Pid}}'));
    process.kill(pid, 'SIGSTOP');
    await sleep(ms);
    process.kill(pid, 'SIGCONT');
  },
};

const TABLE: Faults = {
  'table-edit': async ({ operator }) => operator.edit(),
  'table-delete': async ({ operator }) => operator.delete(),
  'table-disk-full': ({ stack }, ms) => fill(stack.shared, () => sleep(ms * DISK)),
  'table-read-only': (world, ms) => tableReadOnly(world, () => sleep(ms * DISK)),
};

const AROUND: Faults = {
  'clock-forward': (world, ms, random) => setClock(world, ms, random, 1),
  'clock-back': (world, ms, random) => setClock(world, ms, random, -1),
  'reload-fails': (world, ms) =>
    whileOrdered(world, 'reload', 'echo "postfix: fatal: not now" >&2; exit 1', () => sleep(ms)),
  'reload-hangs': (world, ms, random) =>
    whileOrdered(world, 'reload', `sleep ${Math.round(random.between(1, 40))}`, () => sleep(ms)),
};

/** These end it, or may. */
export const SCREENPASS: Faults = {
  async 'screenpass-kill'(world, ms) {
    await kill(world);
    await sleep(ms / 4);
    await world.stack.engine('start', 'screenpass');
  },
  async 'screenpass-kill-in-commit'(world, _ms, random) {
    const stalled = join(world.orders, 'stalled');
    const steps = Math.ceil(random.between(0, 48));
    await whileOrdered(world, 'stall', `${steps} ${random.pick(['before', 'within', 'after'])}`, async () => {
      const text = () => (existsSync(stalled) ? readFileSync(stalled, 'utf8') : '');
      if (await becomes(20, async () => text() !== '')) world.killedAt.push(text());
      await kill(world);
    });
    rmSync(stalled, { force: true });
    await world.stack.engine('start', 'screenpass');
  },
  async 'screenpass-restart'({ stack, kills }, ms) {
    await answering(stack);
    await stack.engine('stop', 'screenpass');
    if ((await stack.inspect('screenpass', '{{.State.ExitCode}}')) === '137') kills.push(Date.now());
    await sleep(ms / 4);
    await stack.engine('start', 'screenpass');
  },
  'state-disk-full': (world, ms, random) =>
    stateFault(world, ms, random, (work) => fill(world.stack.state, work)),
  'state-read-only': (world, ms, random) =>
    stateFault(world, ms, random, (work) => stateReadOnly(world, work)),
};

const MAIL: Faults = {
  'mail-restart': ({ stack }) => stack.engine('restart', 'mailserver'),
  'mail-stop': ({ stack }, ms) => stayAway(stack, 'stop', ms),
  'mail-kill': ({ stack }, ms) => stayAway(stack, 'kill', ms),
  async 'mail-pause'({ stack }, ms) {
    await pause(stack);
    await sleep(ms);
    await unpause(stack);
  },
  async 'postfix-stop'(world, ms) {
    await world.serving();
    await whileOrdered(world, 'postfix-held', '', async () => {
      await world.stack.inMail('postfix', 'stop');
      await sleep(ms);
    });
  },
};

/** These take the Engine or a log away, so nothing else is asked of the Engine meanwhile. Clients go on. */
const LARGE: Faults = {
  /** A new container in place of the old one, as `docker-compose up` does it. What the Engine still has is read before. */
  async 'mail-recreate'({ stack, caughtUp, detached, keepLog }) {
    if (!(await caughtUp())) throw new Error('screenpass did not catch up with the log');
    await stack.engine('stop', 'mailserver');
    if (!(await detached())) throw new Error('screenpass did not see that the mail container stopped');
    await keepLog();
    await stack.compose('rm', '--force', 'mailserver');
    await stack.compose('up', '-d', 'mailserver');
  },
  'engine-restart': (world, ms) => restartEngine(world, ms, false),
  'engine-restart-live': (world, ms) => restartEngine(world, ms, true),
};

/** The faults of a lane come one after the other, those of several lanes at the same time. */
export interface Lane {
  readonly faults: Faults;
  /** Between two faults: so long at least and at most. */
  readonly pauseMs: readonly [number, number];
  /** `free` does not ask what else is done, `together` keeps clear of what must be `alone`. */
  readonly company: 'free' | 'together' | 'alone';
}

export const LANES: readonly Lane[] = [
  { faults: LINES, pauseMs: [0, 1000], company: 'together' },
  { faults: TABLE, pauseMs: [0, 2500], company: 'free' },
  { faults: AROUND, pauseMs: [0, 2500], company: 'free' },
  { faults: SCREENPASS, pauseMs: [0, 500], company: 'together' },
  { faults: MAIL, pauseMs: [0, 1500], company: 'together' },
  { faults: LARGE, pauseMs: [3000, 9000], company: 'alone' },
];

/** Ends all that a fault which failed half-way may have left. */
export async function heal(world: World): Promise<void> {
  const { stack, engine, proxy, orders } = world;
  await engine.start();
  proxy.setGone(false);
  proxy.setExecRefused(false);
  proxy.cut();
  for (const name of ['clock', 'reload', 'stall', 'stalled', 'postfix-held'])
    rmSync(join(orders, name), { force: true });
  for (const directory of [stack.shared, stack.state]) {
    rmSync(join(directory, 'filler'), { force: true });
    await must('mount', ['-o', 'remount,rw', directory]);
  }
  await unpause(stack);
  for (const service of ['dns', 'mailserver', 'screenpass'] as const) await stack.engine('start', service);
  // A container that was started while the file system was read-only keeps a read-only view of it.
  await must(
    'nsenter',
    mountIn(await stack.inspect('screenpass', '{{.State.Pid}}'), 'rw', '/etc/screenpass'),
  );
  process.kill(Number(await stack.inspect('dns', '{{.State.Pid}}')), 'SIGCONT');
}

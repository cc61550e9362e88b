// One chaos run: a stack, its clients, its operator, and faults in several lanes; then the books.
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { Stack } from '../e2e/harness.ts';
import { must, run, useEngine } from '../e2e/program.ts';
import { createRandom, type Random } from '../random.ts';
import { type Balance, balance, type MailLog, refusalsIn, toldIn } from './books.ts';
import { type Clients, createClients, type Outcome } from './clients.ts';
import { createEngineProxy } from './engine-proxy.ts';
import { DISK_BYTES, heal, LANES, type Lane, SCREENPASS, type World } from './faults.ts';
import { createGate } from './gate.ts';
import { createMailProcess } from './mail-process.ts';
import { createOperator } from './operator.ts';
import { createOwnEngine } from './own-engine.ts';
import {
  clients as addresses,
  blocklist,
  listed,
  revocations,
  type Sent,
  serves,
  traffic,
  watched,
  zone,
} from './traffic.ts';
import { becomes, inForce, newestStamp, statusOf } from './watch.ts';

/** Sessions that are under way at the same time. */
const SENDERS = 60;
/** npm starts everything here. */
const here = join(process.cwd(), 'test', 'chaos');

export interface ChaosOptions {
  readonly seed: number;
  /** Faults go on for this long, and longer until each kind came so many times. */
  readonly ms: number;
  readonly times: number;
  readonly say: (text: string) => void;
}

export interface Books extends Balance {
  readonly seed: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Faults that could not be injected, with the reason. */
  readonly failed: readonly string[];
  /** Steps of writing its files at which screenpass was killed. */
  readonly killedAt: readonly string[];
  readonly sent: Sent;
  readonly looked: number;
  readonly missing: number;
  readonly invalid: readonly string[];
  /** How screenpass ended by itself. */
  readonly died: readonly string[];
  /** Addresses of watched senders that did not get through at the end. */
  readonly shutOut: readonly string[];
  readonly healthy: boolean;
  /** Where the logs are. */
  readonly artefacts: string;
}

export function balanced(books: Books): boolean {
  const { lost, doubled, unfounded, invalid, shutOut, failed, died } = books;
  const bad = [lost, doubled, unfounded, invalid, shutOut, failed, died];
  return bad.every((items) => items.length === 0) && books.healthy && books.refusals > 0;
}

/** Needs root, dockerd and nsenter: the Engine, the disks and the clients' way in are its own. */
export async function runChaos({ seed, ms, times, say }: ChaosOptions): Promise<Books> {
  const artefacts = mkdtempSync(join(tmpdir(), 'screenpass-chaos-'));
  const engine = createOwnEngine(mkdtempSync(join(tmpdir(), 'engine-')), join(artefacts, 'engine.log'));
  const socket = join(artefacts, 'engine.sock');
  const proxy = await createEngineProxy(socket, engine.socket);
  const random = (part: number) => createRandom(seed * 1000 + part);
  const mounted: string[] = [];
  let taken = false;

  async function prepare() {
    for (const directory of [stack.shared, stack.state]) {
      await must('mount', [
        '-t',
        'tmpfs',
        '-o',
        `size=${DISK_BYTES},mode=755,uid=1000,gid=1000`,
        'tmpfs',
        directory,
      ]);
      mounted.push(directory);
    }
    const entryPoints = ['inside.ts', 'clients-process.ts'].map((name) => join(here, name));
    const how = { bundle: true, platform: 'node', format: 'esm', outExtension: { '.js': '.mjs' } } as const;
    await build({ ...how, entryPoints, outdir: artefacts, logLevel: 'warning' });
    mkdirSync(orders);
    cpSync(join(artefacts, 'inside.mjs'), join(orders, 'inside.mjs'));
  }
  /** They are built where earlier builds are remembered. */
  async function built(images: readonly string[]) {
    await engine.start();
    await engine.load(images);
    await run('docker', ['rmi', '--no-prune', ...images]);
    useEngine(engine.socket);
    taken = true;
  }
  const stack = new Stack({
    ...{ wired: true, clients: addresses, listed: blocklist, zone, start: 'start-kept.sh', socket },
    ...{ composeFiles: [join(here, 'docker-compose.chaos.yml')], prepare, built },
  });
  const orders = join(stack.directory, 'orders');
  const mail = createMailProcess(stack);
  const clients = createClients(mail, join(artefacts, 'clients-process.mjs'));
  try {
    await stack.up();
    await stack.alert('started');
    say('the stack is up');
    return await chaosOn();
  } finally {
    clients.close();
    if (taken) await engine.start();
    for (const directory of mounted) await must('umount', ['--lazy', directory]);
    await stack.remove();
    await proxy.close();
    await engine.remove();
    useEngine(null);
  }

  async function chaosOn(): Promise<Books> {
    const logs: MailLog[] = [];
    const sent: Sent = { queued: 0, refused: 0, cut: 0 };
    const operator = createOperator(stack, mail, random(0));
    const world: World = {
      ...{ stack, engine, proxy, operator, mail, orders, kills: [], killedAt: [] },
      async caughtUp() {
        const target = newestStamp(await stack.stampedLog('mailserver'));
        return becomes(180, async () => ((await statusOf(stack))?.cursor ?? '') >= target);
      },
      serving: () => becomes(180, () => serves(clients)),
      detached: () => becomes(180, async () => (await statusOf(stack))?.following === null),
      async keepLog() {
        const container = await stack.inspect('mailserver', '{{.Id}}');
        const lines = await stack.stampedLog('mailserver');
        logs.push({ container, lines });
        writeFileSync(join(artefacts, `mail-${logs.length}.log`), lines.join('\n'));
      },
    };

    const end = new AbortController();
    const calm = new AbortController();
    const work = [
      ...Array.from({ length: SENDERS }, (_, i) => traffic(clients, random(100 + i), sent, calm.signal)),
      revocations(stack, random(1), calm.signal),
      watchTable(),
    ];
    async function watchTable() {
      while (!end.signal.aborted) {
        await operator.look();
        await sleep(300);
      }
    }

    const injected = await injectFaults(world, { ms, times, say }, (lane) => random(10 + lane));
    say('faults are over');
    await heal(world);
    await world.serving();
    const wellInTime = await becomes(300, async () => (await stack.screenpass('health')).code === 0);
    calm.abort();
    const shutOut = wellInTime ? await shutOutOf(stack, clients) : listed.map(({ address }) => address);
    end.abort();
    await Promise.all(work);
    await world.caughtUp();
    await world.keepLog();
    await becomes(60, async () => (await statusOf(stack))?.questions === 0);
    const healthy = (await stack.screenpass('health')).code === 0;
    // It tells what it has kept to tell it together.
    await stack.engine('stop', 'screenpass');
    const said = await stack.stampedLog('screenpass');
    writeFileSync(join(artefacts, 'screenpass.log'), said.join('\n'));
    const books = balance(refusalsIn(logs, watched), toldIn(said), world.kills);
    const { tables, missing, invalid } = operator.looks;
    const seen = { looked: tables, missing, invalid, shutOut, healthy, killedAt: world.killedAt };
    return { seed, ...injected, sent, ...books, ...seen, artefacts };
  }
}

async function injectFaults(
  world: World,
  { ms, times, say }: Pick<ChaosOptions, 'ms' | 'times' | 'say'>,
  chance: (lane: number) => Random,
): Promise<Pick<Books, 'faults' | 'failed' | 'died'>> {
  const { stack } = world;
  const gate = createGate();
  const how = { ...gate, free: (work: () => Promise<void>) => work() };
  const faults: Record<string, number> = {};
  const failed: string[] = [];
  const died: string[] = [];
  const deadline = performance.now() + ms;

  async function inject({ faults: kinds }: Lane, name: string, forMs: number, random: Random) {
    say(`${name} for ${Math.round(forMs)} ms`);
    try {
      await kinds[name]?.(world, forMs, random);
      faults[name] = (faults[name] ?? 0) + 1;
    } catch (error) {
      const reason = `${new Date().toISOString()} ${name}: ${(error as Error).message}`;
      failed.push(reason.slice(0, 400));
      say(reason);
    }
    // Only the faults of this lane, and those that come alone, end screenpass.
    if (name in SCREENPASS) await revive();
  }

  async function revive() {
    const state = await stack.inspect(
      'screenpass',
      '{{.State.Running}} {{.State.ExitCode}} {{.State.Error}}',
    );
    if (state.startsWith('true')) return;
    died.push(`${new Date().toISOString()} exit ${state}`);
    say('screenpass has ended by itself');
    await stack.engine('start', 'screenpass');
  }

  async function work(lane: Lane, random: Random) {
    for (let round = 0; round < times || performance.now() < deadline; round += 1) {
      for (const name of random.shuffled(Object.keys(lane.faults))) {
        if (round >= times && performance.now() > deadline) break;
        const forMs = random.between(100, 2000);
        await sleep(random.between(...lane.pauseMs));
        await how[lane.company](() => inject(lane, name, forMs, random));
      }
    }
  }

  await Promise.all(LANES.map((lane, i) => work(lane, chance(i))));
  return { faults, failed, died };
}

/** Each address of the watched senders must get in, if need be after one refusal. */
async function shutOutOf(stack: Stack, clients: Clients): Promise<string[]> {
  const out: string[] = [];
  await Promise.all(
    listed.map(async ({ sender, address }) => {
      if (await getsIn(clients, address)) return;
      await becomes(120, async () => (await inForce(stack)).has(sender));
      if (!(await getsIn(clients, address))) out.push(address);
    }),
  );
  return out;
}

/** Whether it is queued or refused, once somebody answers. */
async function getsIn(clients: Clients, address: string): Promise<boolean> {
  let outcome: Outcome = 'away';
  await becomes(120, async () => {
    outcome = await clients.attempt(address);
    return outcome === 'queued' || outcome === 'refused';
  });
  return (outcome as Outcome) === 'queued';
}

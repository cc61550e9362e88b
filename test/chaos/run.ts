// One chaos run: a stack, its clients, its operator, and one fault after the other; then the books.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Stack } from '../e2e/harness.ts';
import { engineSocket, must } from '../e2e/program.ts';
import { type Balance, balance, type MailLog, refusalsIn } from './books.ts';
import { createEngineProxy } from './engine-proxy.ts';
import { FAULTS, heal, RECREATION, SMALL, type World } from './faults.ts';
import { createOperator } from './operator.ts';
import { createRandom } from './random.ts';
import {
  attempt,
  blocklist,
  clients,
  listed,
  revocations,
  type Sent,
  serves,
  traffic,
  watched,
  zone,
} from './traffic.ts';
import { becomes, inForce, newestStamp, statusOf } from './watch.ts';

export interface ChaosOptions {
  readonly seed: number;
  /** Faults go on for this long; and each kind comes at least once. */
  readonly ms: number;
  readonly say: (text: string) => void;
}

export interface Books extends Balance {
  readonly seed: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Faults that could not be injected, with the reason. */
  readonly failed: readonly string[];
  readonly sent: Sent;
  readonly looked: number;
  readonly missing: number;
  readonly invalid: readonly string[];
  /** screenpass ended by itself this often. */
  readonly died: number;
  /** Addresses of watched senders that did not get through at the end. */
  readonly shutOut: readonly string[];
  readonly healthy: boolean;
  /** Where the logs are. */
  readonly artefacts: string;
}

export function balanced(books: Books): boolean {
  const bad = [books.lost, books.doubled, books.unfounded, books.invalid, books.shutOut, books.failed];
  return bad.every((items) => items.length === 0) && books.healthy && books.died === 0 && books.refusals > 0;
}

export async function runChaos({ seed, ms, say }: ChaosOptions): Promise<Books> {
  const artefacts = mkdtempSync(join(tmpdir(), 'screenpass-chaos-'));
  const random = createRandom(seed);
  const socket = join(artefacts, 'engine.sock');
  const proxy = await createEngineProxy(socket, engineSocket());
  let mounted: string | null = null;
  async function prepare(shared: string) {
    await must('mount', ['-t', 'tmpfs', '-o', 'size=512k,mode=755,uid=1000,gid=1000', 'tmpfs', shared]);
    mounted = shared;
  }
  const options = { wired: true, clients, listed: blocklist, zone, start: 'start-kept.sh', socket, prepare };
  const stack = new Stack(options);
  try {
    await stack.up();
    await stack.alert('started');
    return await chaosOn(stack);
  } finally {
    if (mounted !== null) await must('umount', ['--lazy', mounted]);
    await stack.remove();
    await proxy.close();
  }

  async function chaosOn(stack: Stack): Promise<Books> {
    const logs: MailLog[] = [];
    const sent: Sent = { queued: 0, refused: 0, cut: 0 };
    const operator = createOperator(stack, random);
    const world: World = {
      ...{ stack, proxy, operator, random, kills: [] },
      async caughtUp() {
        const target = newestStamp(await stack.stampedMailLog());
        return becomes(90, async () => ((await statusOf(stack))?.cursor ?? '') >= target);
      },
      serving: () => becomes(60, () => serves(stack)),
      detached: () => becomes(60, async () => (await statusOf(stack))?.following === null),
      async keepLog() {
        const container = await stack.inspect('mailserver', '{{.Id}}');
        const lines = await stack.stampedMailLog();
        logs.push({ container, lines });
        writeFileSync(join(artefacts, `mail-${logs.length}.log`), lines.join('\n'));
      },
    };

    const end = new AbortController();
    const calm = new AbortController();
    const work = [
      ...[1, 2, 3].map((n) => traffic(stack, createRandom(seed + n), sent, calm.signal)),
      revocations(stack, createRandom(seed + 4), calm.signal),
      watchTable(),
    ];
    async function watchTable() {
      while (!end.signal.aborted) {
        await operator.look();
        await sleep(1000);
      }
    }

    const injected = await injectFaults(world, ms, say);
    say('faults are over');
    await heal(world);
    calm.abort();
    const wellInTime = await becomes(120, async () => (await stack.screenpass('health')).code === 0);
    const shutOut = wellInTime ? await shutOutOf(stack) : listed.map(({ address }) => address);
    end.abort();
    await Promise.all(work);
    await world.caughtUp();
    await world.keepLog();
    const refusals = logs.flatMap((log) => refusalsIn(log, watched));
    let books: Balance | undefined;
    await becomes(30, async () => {
      const told = (await stack.alerts()).filter(({ alert }) => alert === 'sender-refused');
      books = balance(refusals, told, world.kills);
      return books.lost.length === 0;
    });
    writeFileSync(join(artefacts, 'screenpass.log'), (await stack.log('screenpass')).join('\n'));
    const healthy = (await stack.screenpass('health')).code === 0;
    const { tables, missing, invalid } = operator.looks;
    const seen = { looked: tables, missing, invalid, shutOut, healthy };
    return { seed, ...injected, sent, ...(books as unknown as Balance), ...seen, artefacts };
  }
}

async function injectFaults(
  world: World,
  ms: number,
  say: (text: string) => void,
): Promise<Pick<Books, 'faults' | 'failed' | 'died'>> {
  const { random, stack } = world;
  const faults: Record<string, number> = {};
  const failed: string[] = [];
  let died = 0;
  const small = Object.keys(SMALL) as [string, ...string[]];
  const deadline = performance.now() + ms;

  async function inject(name: string, forMs: number) {
    try {
      await FAULTS[name]?.(world, forMs);
      faults[name] = (faults[name] ?? 0) + 1;
    } catch (error) {
      const reason = `${new Date().toISOString()} ${name}: ${(error as Error).message}`;
      failed.push(reason.slice(0, 400));
      say(reason);
      await heal(world);
    }
  }

  for (let round = 0; round === 0 || performance.now() < deadline; round += 1) {
    for (const name of random.shuffled(Object.keys(FAULTS))) {
      if (round > 0 && performance.now() > deadline) break;
      const forMs = random.between(200, 4000);
      // Most faults find something to break; the others come while Postfix is starting.
      if (random.next() < 0.7) await world.serving();
      const second = random.next() < 0.4 && !(name in RECREATION) ? random.pick(small) : undefined;
      say(`${name}${second === undefined ? '' : ` and ${second}`} for ${Math.round(forMs)} ms`);
      const during = second === undefined ? undefined : sleep(forMs * random.next());
      await Promise.all([inject(name, forMs), during?.then(() => inject(second ?? '', forMs))]);
      if ((await stack.inspect('screenpass', '{{.State.Running}}')) !== 'true') {
        died += 1;
        say('screenpass has ended by itself');
        await stack.engine('start', 'screenpass');
      }
      await sleep(random.between(0, 1500));
    }
  }
  return { faults, failed, died };
}

/** Each address of the watched senders must get in, if need be after one refusal. */
async function shutOutOf(stack: Stack): Promise<string[]> {
  const out: string[] = [];
  const waiting = [...listed];
  async function take() {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { sender, address } = next;
      if ((await attempt(stack, address)) === 'queued') continue;
      await becomes(60, async () => (await inForce(stack)).has(sender));
      if ((await attempt(stack, address)) !== 'queued') out.push(address);
    }
  }
  await Promise.all([take(), take(), take()]);
  return out;
}

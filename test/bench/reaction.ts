import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import { sendersZone } from '../double/senders-zone.ts';
import { type Alert, type Client, Stack, TABLE } from '../e2e/harness.ts';
import { must, run } from '../e2e/program.ts';
import { startChild } from './child.ts';
import { median, type Row, rounded, type Suite } from './suite.ts';

const ROUNDS = 3;
const REACTIONS = 5;
/** DESIGN section 6, of the floor. */
const GOAL = 1.1;

export const CLIENT: Client = {
  from: '54.240.27.75',
  helo: 'a27-75.smtp-out.us-west-2.amazonses.com',
  sender: '0101018f2a@us-west-2.amazonses.com',
};
export const REJECT = /NOQUEUE: reject: RCPT from \[54\.240\.27\.75\]/;
const RELOAD = /postfix\/master\[\d+\]: reload -- version/;

export type FloorQuestion = 'follow' | 'reaction';

/** From the Engine's stamp of the reject line on, in ms. */
interface Reaction {
  /** To the stamp of the line in which Postfix's master says that it reloads. */
  readonly reload: number;
  /** To the end of the command as the one who gave it knows it, and has told. */
  readonly finished: number;
}

/** One way to react, ready to. */
interface Reactor extends AsyncDisposable {
  /** Is called before the client comes; gives the time (ms) at which the reaction was finished. */
  next(): Promise<{ readonly finished: Promise<number> }>;
  /** Takes back what the reaction did. */
  undo(): Promise<void>;
}

export const reaction: Suite = {
  name: 'reaction',
  title: 'a real Engine and Postfix, from the reject line of a watched sender to the finished reload',
  async measure() {
    const reason = await whyNoEngine();
    if (reason !== null) {
      process.stderr.write(`reaction: not measured, because there is no Docker Engine (${reason})\n`);
      return [];
    }
    await findBaseImages();
    const senders = readCatalogue(catalogue);
    const { from } = CLIENT;
    const composeFiles = [join(process.cwd(), 'test', 'bench', 'docker-compose.reaction.yml')];
    const stack = new Stack({
      ...{ wired: true, clients: [from], listed: [from], zone: sendersZone(senders), composeFiles },
    });
    try {
      await stack.up();
      await stack.alert('started');
      return await compare(stack);
    } finally {
      await stack.remove();
    }
  },
};

async function whyNoEngine(): Promise<string | null> {
  const { code, stderr } = await run('docker', ['version']).catch((error: Error) => ({
    ...{ code: 1, stderr: error.message },
  }));
  return code === 0 ? null : stderr.trim().replace(/\s+/g, ' ');
}

async function findBaseImages(): Promise<void> {
  const names = await must(join(process.cwd(), 'test', 'e2e', 'stand-ins.sh'), []);
  for (const line of names.trim().split('\n')) {
    const [name = '', image] = line.split('=');
    process.env[name] ??= image;
  }
}

async function compare(stack: Stack): Promise<readonly Row[]> {
  const opened = join(stack.directory, 'opened');
  const ways = {
    dockerode: () => floor(stack, opened),
    'shell loop': () => shellLoop(stack, opened),
    ours: () => ours(stack),
  };
  const reactions = new Map<string, Reaction[]>();
  // Ours first: it makes the table that the others write.
  for (const way of ['ours', ...Array(ROUNDS).fill(['dockerode', 'shell loop', 'ours']).flat()]) {
    const found = reactions.get(way) ?? [];
    await using reactor = await ways[way as keyof typeof ways]();
    for (let i = 0; i < REACTIONS; i += 1) {
      found.push(await react(stack, reactor));
      const table = stack.readTable();
      if (reactions.size === 0 && i === 0) writeFileSync(opened, table);
      assert.equal(rulesOf(table), rulesOf(readFileSync(opened, 'utf8')), `${way} opens something else`);
      assert.equal(await stack.inMail('postmap', '-q', CLIENT.from, `cidr:${TABLE}`), 'permit\n');
      await reactor.undo();
    }
    reactions.set(way, found);
  }
  const finished = (way: string) => median((reactions.get(way) ?? []).map((one) => one.finished));
  return Object.keys(ways).map((way) => ({
    way,
    reactions: reactions.get(way)?.length ?? 0,
    'reload line ms': rounded(median((reactions.get(way) ?? []).map(({ reload }) => reload))),
    'finished ms': rounded(finished(way)),
    // What else the machine does only ever adds.
    'least ms': rounded(Math.min(...(reactions.get(way) ?? []).map((one) => one.finished))),
    'x dockerode': rounded(finished(way) / finished('dockerode')),
    'goal x': GOAL,
  }));
}

async function react(stack: Stack, reactor: Reactor): Promise<Reaction> {
  const before = (await stack.log('mailserver')).length;
  const { finished } = await reactor.next();
  const { transcript } = await stack.send(CLIENT);
  assert.match(transcript, /blocked using zen\.spamhaus\.org/);
  const end = await finished;
  await stack.logged('mailserver', RELOAD, before);
  const lines = (await stack.stampedLog('mailserver')).slice(before);
  const stampOf = (pattern: RegExp) =>
    Date.parse((lines.find((line) => pattern.test(line)) ?? '').slice(0, 30));
  const begun = stampOf(REJECT);
  return { reload: stampOf(RELOAD) - begun, finished: end - begun };
}

/** The daemon in its container, as docker-compose.yml has it. */
async function ours(stack: Stack): Promise<Reactor> {
  const missed = (await stack.inspect('screenpass', '{{.State.Running}}')) === 'false';
  const since = String(Date.now() / 1000);
  if (missed) await stack.engine('start', 'screenpass');
  // To ask again and again would take the time of those who are measured.
  const log = spawn('docker', ['logs', '--follow', '--since', since, stack.nameOf('screenpass')]);
  const reloads = new EventEmitter();
  createInterface(log.stdout).on('line', (line) => {
    const { alert, time } = JSON.parse(line) as Alert;
    if (alert === 'reload-done') reloads.emit('done', Date.parse(time));
  });
  const reloadDone = () => once(reloads, 'done').then(([at]) => Number(at));
  async function undo() {
    const reloaded = reloadDone();
    assert.equal((await stack.screenpass('revoke', 'amazon-ses')).code, 0);
    await reloaded;
  }
  if (missed) {
    // It makes up for what it has not seen, as it should.
    await reloadDone();
    await undo();
  }
  return {
    next: async () => ({ finished: reloadDone() }),
    undo,
    async [Symbol.asyncDispose]() {
      await stack.engine('stop', 'screenpass');
      log.kill();
    },
  };
}

async function floor(stack: Stack, opened: string): Promise<Reactor> {
  const table = join(stack.shared, 'postscreen_access.cidr');
  const child = startChild('floor-process.js', stack.nameOf('mailserver'), table, TABLE, opened);
  await child.ask('follow' satisfies FloorQuestion);
  return {
    next: async () => ({ finished: child.ask<number>('reaction' satisfies FloorQuestion) }),
    undo: closer(stack),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** What many write at first. */
async function shellLoop(stack: Stack, opened: string): Promise<Reactor> {
  const table = join(stack.shared, 'postscreen_access.cidr');
  const script = `docker logs --follow --since 0s "$1" 2>&1 | while read -r line; do
    case $line in *'NOQUEUE: reject: RCPT from ['"$2"']'*)
      cp "$3" "$4" && docker exec "$1" postmap -q "$2" "cidr:$5" >/dev/null && docker exec "$1" postfix reload >/dev/null &&
      date +%s%3N ;;
    esac
  done`;
  const args = [stack.nameOf('mailserver'), CLIENT.from, opened, table, TABLE];
  const shell = spawn('sh', ['-c', script, 'sh', ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  const lines = createInterface(shell.stdout);
  return {
    async next() {
      return { finished: once(lines, 'line').then(([line]) => Number(line)) };
    },
    undo: closer(stack),
    async [Symbol.asyncDispose]() {
      const ended = once(shell, 'exit');
      process.kill(-(shell.pid ?? 0), 'SIGTERM');
      await ended;
    },
  };
}

/** Puts the table back as it is now. */
function closer(stack: Stack): () => Promise<void> {
  const closed = stack.readTable();
  return async () => {
    const before = (await stack.log('mailserver')).length;
    stack.writeTable(closed);
    await stack.inMail('postfix', 'reload');
    await stack.logged('mailserver', RELOAD, before);
  };
}

function rulesOf(table: string): string {
  return table
    .split('\n')
    .filter((line) => line.endsWith(' permit'))
    .join('\n');
}

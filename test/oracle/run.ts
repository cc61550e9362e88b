// One oracle run: a real stack, many sessions of many shapes, and what the independent reader and screenpass say of them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '../e2e/harness.ts';
import { run } from '../e2e/program.ts';
import { createRandom, type Random } from '../random.ts';
import { judge, type OracleBooks } from './judge.ts';
import { action, DEEP, LATER, OFF, OPERATORS_RULE, REVOKED, SOURCES } from './plan.ts';
import type { Heard } from './said.ts';
import { PROXY, type Session, scriptOf, sessionsOf } from './shapes.ts';

interface Phase {
  readonly name: string;
  /** Of all sessions. */
  readonly share: number;
  readonly settings: readonly string[];
  /** What befalls the stack meanwhile. */
  readonly meanwhile: (run: Run) => Promise<void>;
}

interface Run {
  readonly stack: Stack;
  readonly random: Random;
}

const reload = ({ stack }: Run) => stack.inMail('postfix', 'reload');

const PHASES: readonly Phase[] = [
  {
    name: 'as-docker-mailserver',
    share: 0.3,
    settings: [LATER],
    async meanwhile(run) {
      await sleep(4000);
      for (let i = 0; i < 3; i += 1) {
        await reload(run);
        await sleep(1500);
      }
    },
  },
  {
    name: 'deep-tests',
    share: 0.25,
    settings: [LATER, ...DEEP],
    async meanwhile({ stack }) {
      await sleep(7000);
      await stack.engine('kill', 'screenpass');
      await sleep(3000);
      await stack.engine('start', 'screenpass');
    },
  },
  {
    name: 'drop',
    share: 0.2,
    settings: action('drop'),
    async meanwhile({ stack }) {
      await sleep(6000);
      await stack.engine('restart', 'mailserver');
    },
  },
  {
    name: 'ignore-and-veto',
    share: 0.25,
    settings: [
      LATER,
      ...action('ignore'),
      'postscreen_allowlist_interfaces = !127.0.0.1, static:all',
      ...DEEP,
    ],
    meanwhile: async (run) => void (await reload(run)),
  },
];

/** Sessions that begin in a second. */
const PACE = 14;

/** The state before the first session: the listener of the PROXY protocol, the operator's rule. */
export async function prepare(stack: Stack): Promise<void> {
  const options = [
    'postscreen_upstream_proxy_protocol=haproxy',
    'postscreen_cache_map=btree:$data_directory/proxied_cache',
    'syslog_name=postfix/proxied',
  ];
  const service = `${PROXY} inet n - n - 1 postscreen ${options.map((one) => `-o ${one}`).join(' ')}`;
  await stack.inMail('postconf', '-M', `${PROXY}/inet=${service}`);
  stack.writeTable(`${OPERATORS_RULE}${stack.readTable()}`);
}

export async function runOracle(
  stack: Stack,
  seed: number,
  count: number,
  say: (text: string) => void,
): Promise<OracleBooks> {
  const random = createRandom(seed);
  const heard: Heard[] = [];
  for (const phase of PHASES) {
    const before = (await stack.log('mailserver')).length;
    await stack.inMail('postconf', '-e', ...OFF, ...phase.settings);
    await stack.inMail('postfix', 'reload');
    await stack.logged('mailserver', /reload -- version/, before);
    const sessions = sessionsOf(
      { count: Math.round(count * phase.share), pace: PACE, sources: SOURCES },
      random,
      phase.name,
    );
    say(`${phase.name}: ${sessions.length} sessions`);
    heard.push(...(await play(stack, sessions, phase.meanwhile({ stack, random }))));
  }
  return judge(stack, heard, say);
}

/** Gives what the clients heard; a client whose container is gone heard nothing. */
async function play(stack: Stack, sessions: readonly Session[], meanwhile: Promise<void>): Promise<Heard[]> {
  const over = new AbortController();
  const revoking = revoke(stack, over.signal);
  const half = Math.ceil(sessions.length / 2);
  const heard: Heard[] = [];
  for (const part of [sessions.slice(0, half), sessions.slice(half)]) {
    const first = part[0]?.start ?? 0;
    const script = join(stack.directory, 'sessions');
    writeFileSync(script, scriptOf(part.map((one) => ({ ...one, start: one.start - first }))));
    const name = stack.nameOf('mailserver');
    const play = `docker exec -i ${name} smtp-sessions.pl <${script}`;
    const { stdout, stderr, code } = await run('sh', ['-c', play]);
    if (code === 126 || code === 127) throw new Error(`no sessions: ${stdout}${stderr}`);
    heard.push(...heardBy(part, stdout));
    if (code !== 0)
      await stack.until('the mail container runs again', async () =>
        (await run('docker', ['exec', name, 'postfix', 'status'])).code === 0 ? true : undefined,
      );
  }
  await meanwhile;
  over.abort();
  await revoking;
  return heard;
}

/** What smtp-sessions.pl printed. Of two sessions with one address and port nobody can say which line is whose. */
function heardBy(sessions: readonly Session[], printed: string): Heard[] {
  const known = new Map(sessions.map((one) => [one.id, one]));
  return printed
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [id = '', port, ...codes] = line.split(' ');
      const session = known.get(id);
      return session === undefined
        ? []
        : [{ client: `[${session.source.address}]:${session.port ?? port}`, codes }];
    });
}

async function revoke(stack: Stack, signal: AbortSignal): Promise<void> {
  for (let i = 0; !signal.aborted; i += 1) {
    await stack.screenpass('revoke', REVOKED[i % REVOKED.length] ?? '');
    await sleep(1500);
  }
}

export const composeFile = join(process.cwd(), 'test', 'oracle', 'docker-compose.oracle.yml');

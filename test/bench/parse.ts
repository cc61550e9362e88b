import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Truth, writeMailLog } from './mail-log.ts';
import {
  isInstalled,
  type Measured,
  measureProcess,
  ourCommand,
  outputOf,
  script,
  versionOf,
} from './process.ts';
import { median, type Row, rounded, type Suite } from './suite.ts';

const ROUNDS = 3;
const SEED = 20261124;
const LINES = 1_000_000;
/** For those that would need a minute. */
const FEW_LINES = 100_000;

const FAIL2BAN = 'fail2ban-regex';
const REFUSED = 'NOQUEUE: reject: RCPT from ';

interface Way {
  readonly name: string;
  readonly argv: (file: string) => readonly string[];
  /** If it is not the first word. */
  readonly tool?: string;
  readonly lines: number;
  /** Reads the refusals out of what it prints: by client, or how many they are. */
  readonly refusals: (output: string) => ReadonlyMap<string, number> | number;
  /** DESIGN section 6. */
  readonly goals?: { readonly net: number; readonly ratio: number; readonly peakMiB: number };
}

interface Log {
  readonly path: string;
  readonly truth: Truth;
}

const WAYS: readonly Way[] = [
  {
    name: 'screenpass parse --json',
    argv: (file) => ourCommand('parse', '--json', file),
    tool: process.execPath,
    lines: LINES,
    refusals: (output) => counted(output.matchAll(/"program":"postscreen","kind":"reject","ip":"([^"]+)"/g)),
    goals: { net: 2_000_000, ratio: 25, peakMiB: 90 },
  },
  {
    name: 'grep -c',
    // Behind a pipe: it stops at the first match when nobody reads what it prints.
    argv: (file) => [
      ...['bash', '-c', 'grep -c "$1" "$2" | cat', 'bash'],
      ...[`postscreen\\[[0-9]*\\]: ${REFUSED}`, file],
    ],
    tool: 'grep',
    lines: LINES,
    refusals: Number,
  },
  {
    name: 'gawk, one rule',
    argv: (file) => [
      'gawk',
      `match($0, /postscreen\\[[0-9]+\\]: ${REFUSED}\\[([^\\]]+)\\]/, m) { print m[1] }`,
      file,
    ],
    lines: LINES,
    refusals: (output) => counted(output.matchAll(/^(.+)$/gm)),
  },
  {
    name: 'node, readline and a regular expression',
    argv: (file) => [process.execPath, script('readline-process.js'), file],
    lines: LINES,
    refusals: (output) => counted(output.matchAll(/^(.+)$/gm)),
  },
  {
    name: 'pflogsumm',
    argv: (file) => ['pflogsumm', file],
    lines: LINES,
    refusals: (output) => Number(/^ *(\d+) +rejected/m.exec(output)?.[1]),
  },
  {
    name: FAIL2BAN,
    argv: (file) => [
      ...['fail2ban-regex', '--usedns=no', '-o', 'ip', file],
      `^.* postfix/postscreen\\[\\d+\\]: ${REFUSED}\\[<HOST>\\]:\\d+: `,
    ],
    lines: FEW_LINES,
    refusals: (output) => counted(output.matchAll(/^(.+)$/gm)),
  },
];

function counted(matches: Iterable<RegExpMatchArray>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [, ip = ''] of matches) counts.set(ip, (counts.get(ip) ?? 0) + 1);
  return counts;
}

export const parse: Suite = {
  name: 'parse',
  title: `refusals found in the log of a busy server; ${FEW_LINES} lines of it where ${LINES} would take a minute`,
  async measure() {
    const folder = await mkdtemp(join(tmpdir(), 'screenpass-parse-'));
    try {
      return await compare(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function compare(folder: string): Promise<readonly Row[]> {
  const empty = join(folder, 'empty.log');
  await writeMailLog(empty, 0, SEED);
  const logs = new Map<number, Log>();
  for (const lines of [LINES, FEW_LINES]) {
    const path = join(folder, `${lines}.log`);
    logs.set(lines, { path, truth: await writeMailLog(path, lines, SEED) });
  }
  const logOf = ({ lines }: Way) => logs.get(lines) ?? assert.fail();
  const ways = WAYS.filter(({ argv, tool = argv('')[0] ?? '' }) => isInstalled(tool));
  for (const way of ways) assertEqual(way, logOf(way));

  const runs: Run[] = [];
  for (let round = 0; round < ROUNDS; round += 1)
    for (const way of ways)
      runs.push({
        way,
        full: await measureProcess(way.argv(logOf(way).path)),
        empty: await measureProcess(way.argv(empty)),
      });
  const fail2ban = netOf(runs.filter(({ way }) => way.name === FAIL2BAN));
  return WAYS.map((way) =>
    rowOf(
      way,
      runs.filter((run) => run.way === way),
      fail2ban,
    ),
  );
}

interface Run {
  readonly way: Way;
  readonly full: Measured;
  /** Over an empty log. */
  readonly empty: Measured;
}

function assertEqual({ name, argv, refusals }: Way, { path, truth }: Log): void {
  const found = refusals(outputOf(argv(path)));
  const wanted = typeof found === 'number' ? sum(truth.refusals.values()) : truth.refusals;
  assert.deepEqual(found, wanted, `${name} finds other refusals`);
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, one) => total + one, 0);
}

/** Lines a second without start-up; undefined: it was not run. */
function netOf(runs: readonly Run[]): number | undefined {
  const [first] = runs;
  return first && (1000 * first.way.lines) / median(runs.map(({ full, empty }) => full.ms - empty.ms));
}

function rowOf(
  { name, argv, tool = argv('')[0] ?? '', goals }: Way,
  runs: readonly Run[],
  fail2ban: number | undefined,
): Row {
  const net = netOf(runs);
  const show = (figure: number | undefined) => (figure === undefined ? '' : rounded(figure));
  const middle = (of: (run: Run) => number) => (net === undefined ? undefined : median(runs.map(of)));
  return {
    way: name,
    version: net === undefined ? 'not installed' : versionOf(tool),
    'start-up ms': show(middle(({ empty }) => empty.ms)),
    'lines/s, net': show(net),
    goal: goals?.net ?? '',
    'x fail2ban': show(net && fail2ban && net / fail2ban),
    'goal ': goals?.ratio ?? '',
    'peak MiB': tool === 'grep' ? '' : show(middle(({ full }) => full.peakMiB)),
    'goal  ': goals?.peakMiB ?? '',
  };
}

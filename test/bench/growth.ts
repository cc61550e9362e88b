import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeMailLog } from './mail-log.ts';
import { measureProcess, ourCommand, ourScript, outputOf, script } from './process.ts';
import { type Row, rounded, type Suite } from './suite.ts';

/** What one piece of work costs. */
export interface Grown {
  readonly usEach: number;
  readonly peakMiB: number;
}

const PIECES = {
  networks: 'an address looked up',
  'networks, built': 'a network put into the index',
  'networks, merged': 'a network merged with the others',
  entries: 'an entry written to table and state',
  senders: 'a sender refreshed, DNS aside',
  'open sessions': 'a line of a session',
} as const;

export type Kept = keyof typeof PIECES;

/** What a large installation has; then ten and a hundred times that. */
const SIZES: readonly (readonly [Kept, number])[] = [
  ['networks', 5000],
  ['networks, built', 5000],
  ['networks, merged', 5000],
  ['entries', 45],
  ['senders', 45],
  ['open sessions', 100],
];
const LINES = 1_000_000;
const SEED = 20261124;
const FACTORS = [1, 10, 100];

export const growth: Suite = {
  name: 'growth',
  title: 'what a piece of work costs when there is ten and a hundred times as much',
  async measure() {
    const rows = await logRows();
    for (const [kept, size] of SIZES) {
      let first: Grown | undefined;
      for (const factor of FACTORS) {
        const count = size * factor;
        const command = ourScript(script('growth-process.js'), kept, String(count));
        const grown = JSON.parse(outputOf(command)) as Grown;
        first ??= grown;
        rows.push(rowOf(kept, count, PIECES[kept], grown, first));
      }
    }
    return rows;
  },
};

/** `parse` over the same million lines again and again. */
async function logRows(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'screenpass-growth-'));
  try {
    const path = join(folder, 'mail.log');
    const truth = await writeMailLog(path, LINES, SEED);
    const rows: Row[] = [];
    let first: Grown | undefined;
    for (const factor of FACTORS) {
      const again = ['bash', '-c', `for ((i = 0; i < ${factor}; i++)); do cat "$1"; done`, 'bash', path];
      const { ms, peakMiB } = await measureProcess(ourCommand('parse', '--json', '-'), again);
      const grown = { usEach: (1000 * ms) / (truth.lines * factor), peakMiB };
      first ??= grown;
      rows.push(rowOf('lines of a log', LINES * factor, 'a line parsed', grown, first));
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function rowOf(kept: string, count: number, piece: string, grown: Grown, first: Grown): Row {
  return {
    kept,
    count,
    piece,
    'us each': rounded(grown.usEach),
    'x the first': rounded(grown.usEach / first.usEach),
    'peak MiB': rounded(grown.peakMiB),
  };
}

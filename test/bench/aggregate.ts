import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { formatNetwork } from '../../src/core/net/network.ts';
import { aggregate } from '../../src/core/net/network-set.ts';
import { sendersWith } from './networks.ts';
import { cpuMs, median, type Row, rounded, type Suite } from './suite.ts';

const ROUNDS = 3;
const SEED = 1;
const NETWORKS = 5000;
/** DESIGN section 6. */
const GOAL_MS = 60;

/** Reads networks from stdin, and prints the CPU time of merging them in ms, then what they came to. */
const PYTHON = `
import ipaddress, sys, time
given = [ipaddress.ip_network(line) for line in sys.stdin.read().split()]
begun = time.process_time()
merged = [one for version in (4, 6) for one in ipaddress.collapse_addresses(n for n in given if n.version == version)]
print((time.process_time() - begun) * 1000, *merged)
`;

export const aggregation: Suite = {
  name: 'aggregate',
  title: 'the same addresses in the fewest networks, beside ipaddress.collapse_addresses of Python',
  async measure() {
    return compareAggregates(NETWORKS).map((row) => ({
      ...row,
      'goal ms': row.way === 'ours' ? GOAL_MS : '',
    }));
  },
};

/** Both ways with so many networks. */
function compareAggregates(count: number): readonly (Row & { way: string })[] {
  const networks = sendersWith(count, SEED).flatMap((sender) => sender.networks);
  const ours: number[] = [];
  const python: number[] = [];
  let merged = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const begun = cpuMs();
    const list = aggregate(networks);
    ours.push(cpuMs() - begun);
    merged = list.length;
    const theirs = collapse(networks.map(formatNetwork));
    if (theirs === null) continue;
    assert.deepEqual(theirs.list, list.map(formatNetwork), 'Python gives another list');
    python.push(theirs.ms);
  }
  const row = (way: string, times: readonly number[]) => ({
    networks: count,
    way,
    merged: times.length === 0 ? '' : merged,
    'cold CPU ms': times.length === 0 ? 'python3 is absent' : rounded(times[0] ?? 0),
    'warm CPU ms': times.length === 0 ? '' : rounded(median(times.slice(1))),
    'x faster': times.length === 0 || python.length === 0 ? '' : rounded(median(python) / median(times)),
  });
  return [row('ours', ours), row('Python', python)];
}

/** Null: there is no Python here. */
function collapse(networks: readonly string[]): { ms: number; list: readonly string[] } | null {
  const options = { input: networks.join('\n'), encoding: 'utf8', maxBuffer: 2 ** 30 } as const;
  const { error, status, stdout, stderr } = spawnSync('python3', ['-c', PYTHON], options);
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return null;
  if (status !== 0) throw new Error(`python3: ${error?.message ?? stderr}`);
  const [ms, ...list] = stdout.trim().split(' ');
  return { ms: Number(ms), list };
}

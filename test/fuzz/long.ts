import { parseArgs } from 'node:util';
import { type Findings, fuzz, type Target } from './fuzz.ts';
import { TARGETS } from './targets.ts';

/** Between two looks at the clock. */
const BATCH = 64;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now()) },
  },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed);
if (!(seconds > 0) || !Number.isSafeInteger(seed)) throw new Error('usage: --seconds N --seed S');

function forSeconds(target: Target, share: number): Findings {
  const end = performance.now() + share * 1000;
  return fuzz(target, seed, (inputs) => inputs % BATCH !== 0 || performance.now() < end);
}

function rowOf({ name }: Target, { inputs, bytes, crashes, slowest, longestMs }: Findings): string[] {
  return [
    name,
    inputs.toLocaleString('en'),
    (bytes / 1e6).toFixed(0),
    String(crashes.length),
    longestMs.toFixed(1),
    `${slowest.nsPerByte.toFixed(0)} (${slowest.bytes} bytes)`,
  ];
}

const found = TARGETS.map((target) => ({ target, findings: forSeconds(target, seconds / TARGETS.length) }));
const rows = [
  ['target', 'inputs', 'MB', 'crashes', 'longest ms', 'most ns a byte'],
  ...found.map(({ target, findings }) => rowOf(target, findings)),
];
const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
const total = found.reduce((sum, { findings }) => sum + findings.inputs, 0);
const crashes = found.flatMap(({ target, findings }) =>
  findings.crashes.map(
    ({ input, error }) => `${target.name}: ${JSON.stringify(input)}\n${(error as Error).stack}`,
  ),
);
const lines = rows.map((row) =>
  row
    .map((cell, i) => cell.padEnd(widths[i] ?? 0))
    .join('  ')
    .trimEnd(),
);
console.log([`seed ${seed}, ${total.toLocaleString('en')} inputs`, ...lines, ...crashes].join('\n'));
process.exitCode = crashes.length > 0 ? 1 : 0;

import { spawnSync } from 'node:child_process';
import type { Row } from './suite.ts';

const STYLE = `
set terminal svg size 820,420 font 'sans-serif,13' background '#ffffff'
set logscale xy
set xrange [0.8:125]
set yrange [0.1:10]
set xtics ('1x' 1, '10x' 10, '100x' 100)
set ytics ('0.1x' 0.1, '0.5x' 0.5, '1x' 1, '2x' 2, '10x' 10)
set grid ytics
set key outside right
set xlabel 'how much there is'
set ylabel 'cost of one piece of work'
`;

/** Draws how the cost of a piece of work grows, as SVG, with gnuplot. Throws when that cannot be. */
export function plotGrowth(rows: readonly Row[], path: string): void {
  const kinds = [...new Set(rows.map(({ kept }) => String(kept)))];
  const data = kinds.map((kind) => {
    const points = rows.filter(({ kept }) => kept === kind);
    const least = Math.min(...points.map(({ count }) => Number(count)));
    return points.map(({ count, 'x the first': cost }) => `${Number(count) / least} ${cost}`).join('\n');
  });
  const lines = kinds.map((kind, i) => `$data${i} with linespoints linewidth 2 pointtype 7 title '${kind}'`);
  const script = [
    STYLE,
    `set output '${path}'`,
    ...data.map((points, i) => `$data${i} << END\n${points}\nEND`),
    `plot ${lines.join(', ')}`,
  ].join('\n');
  const { error, status, stderr } = spawnSync('gnuplot', { input: `${script}\n`, encoding: 'utf8' });
  if (error !== undefined || status !== 0)
    throw new Error(`gnuplot cannot draw ${path}: ${error?.message ?? stderr} (Debian: gnuplot-nox)`);
}

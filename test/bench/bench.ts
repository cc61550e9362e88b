// `npm run bench`: what the project is measured by. Prints medians; fails only when what is compared is not alike.
import { cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { tableOf } from '../../src/commands/output.ts';
import { aggregation } from './aggregate.ts';
import { decision } from './decision.ts';
import { flood } from './flood.ts';
import { footprint } from './footprint.ts';
import { growth } from './growth.ts';
import { lookup } from './lookup.ts';
import { parse } from './parse.ts';
import { plotGrowth } from './plot.ts';
import { reaction } from './reaction.ts';
import { refresh } from './refresh.ts';
import type { Row, Suite } from './suite.ts';

const SUITES: readonly Suite[] = [
  parse,
  lookup,
  aggregation,
  refresh,
  decision,
  reaction,
  flood,
  footprint,
  growth,
];

const USAGE = `usage: npm run bench -- [--json] [--only ${SUITES.map(({ name }) => name).join('|')}] [--plot FILE.svg]\n`;

async function main(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (options === null) {
    process.stderr.write(USAGE);
    return 2;
  }
  const machine = {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
  };
  const results: Record<string, readonly Row[]> = {};
  if (!options.json)
    say(
      `${Object.entries(machine)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}; medians`,
    );
  for (const { name, title, measure } of options.suites) {
    results[name] = await measure();
    if (!options.json) say(`\n${name}: ${title}\n${tableFor(results[name])}`);
  }
  if (options.json) say(JSON.stringify({ machine, results }));
  const { growth: rows } = results;
  if (options.plot !== undefined && rows !== undefined) plotGrowth(rows, options.plot);
  return 0;
}

interface Options {
  readonly json: boolean;
  readonly suites: readonly Suite[];
  /** Where the plot of the suite growth goes. */
  readonly plot: string | undefined;
}

function optionsOf(args: readonly string[]): Options | null {
  try {
    const options = {
      json: { type: 'boolean' },
      only: { type: 'string' },
      plot: { type: 'string' },
    } as const;
    const { json = false, only, plot } = parseArgs({ args: [...args], options }).values;
    const suites = SUITES.filter(({ name }) => only === undefined || name === only);
    return suites.length === 0 ? null : { json, suites, plot };
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n`);
    return null;
  }
}

function tableFor(rows: readonly Row[]): string {
  return tableOf(
    Object.keys(rows[0] ?? {}),
    rows.map((row) => Object.values(row).map(String)),
  ).trimEnd();
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

process.exitCode = await main(process.argv.slice(2));

// `npm run chaos -- --minutes N --times N --seed S`: faults by chance against a real Engine and a real Postfix, and the books.
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { tableOf } from '../../src/commands/output.ts';
import { type Books, balanced, type ChaosOptions, runChaos } from './run.ts';

const USAGE = 'usage: npm run chaos -- [--minutes N] [--times N] [--seed S]\n';

async function main(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (options === null) {
    process.stderr.write(USAGE);
    return 2;
  }
  const began = performance.now();
  const say = (text: string) => {
    process.stderr.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(7)} s  ${text}\n`);
  };
  const books = await runChaos({ ...options, say });
  process.stdout.write(textOf(books));
  if (!balanced(books)) {
    process.stdout.write(`the books do not balance; the logs are in ${books.artefacts}\n`);
    return 1;
  }
  rmSync(books.artefacts, { recursive: true, force: true });
  process.stdout.write('the books balance\n');
  return 0;
}

function optionsOf(args: readonly string[]): Omit<ChaosOptions, 'say'> | null {
  try {
    const text = { type: 'string' } as const;
    const options = { minutes: text, times: text, seed: text } as const;
    const { minutes = '10', times = '1', seed = '1' } = parseArgs({ args: [...args], options }).values;
    const values = { ms: Number(minutes) * 60_000, times: Number(times), seed: Number(seed) };
    return values.ms > 0 && values.times >= 1 && Number.isInteger(values.seed) ? values : null;
  } catch {
    return null;
  }
}

function textOf(books: Books): string {
  const faults = Object.entries(books.faults).sort(([a], [b]) => (a < b ? -1 : 1));
  const { queued, refused, cut } = books.sent;
  const rows: [string, string | number][] = [
    ['seed', books.seed],
    ['faults', faults.reduce((sum, [, count]) => sum + count, 0)],
    ...faults.map(([name, count]): [string, number] => [`  ${name}`, count]),
    ['steps of writing at which it was killed', new Set(books.killedAt).size],
    ['not injected', books.failed.length],
    ['sessions', `${queued + refused + cut} (${queued} queued, ${refused} refused, ${cut} cut)`],
    ['refusals of watched senders in the log', books.refusals],
    ['refusals told', `${books.told} alone, ${books.together} together`],
    ...Object.entries(books.gates)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([gate, { refused, told }]): [string, string] => [
        `  ${gate}: in the log, told`,
        `${refused}, ${told}`,
      ]),
    ['lost', books.lost.length],
    ['doubled', books.doubled.length],
    ['told again after a SIGKILL', books.repeated],
    ['told without a refusal', books.unfounded.length],
    ['tables looked at', `${books.looked} (${books.missing} after the operator deleted it)`],
    ['tables invalid', books.invalid.length],
    ['ended by itself', books.died.length],
    ['shut out at the end', books.shutOut.length],
    ['health at the end', books.healthy ? 'well' : 'not well'],
  ];
  const { lost, doubled, unfounded, invalid, shutOut, failed, died } = books;
  const wrong = Object.entries({ lost, doubled, unfounded, invalid, shutOut, failed, died });
  const details = wrong.flatMap(([what, items]) => items.map((item) => `${what}: ${item}\n`));
  return `${tableOf(
    ['what', 'count'],
    rows.map((row) => row.map(String)),
  )}${details.join('')}`;
}

process.exitCode = await main(process.argv.slice(2));

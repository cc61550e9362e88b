import type { Config } from '../config/settings.ts';
import { type ImportReport, VERDICTS } from '../core/import/import-report.ts';
import { judgeList } from '../core/import/list-judge.ts';
import { currentNetworks, isUnlistable, knowledgeOf } from '../core/senders/knowledge.ts';
import type { KnownSender } from '../core/senders/owners.ts';
import { openLog } from '../edge/log-file.ts';
import { FileError } from '../ports.ts';
import { importText } from './import-text.ts';
import { readKnowledge } from './known.ts';
import { foundNothing } from './nothing-found.ts';
import { print } from './output.ts';

/** Far more than any list: 100,000 rules are 3 MiB. */
const MOST_BYTES = 16 << 20;

/**
 * Prints what screenpass can take over from a list of networks or a table of Postfix's, and what is wrong in it: one JSON
 * document, or tables and sentences. `-` is stdin. Changes nothing and asks nobody. Gives the exit code: 1 when
 * something is wrong in it, or it is no such list. Rejects with FileError.
 */
export async function importList(config: Config, file: string, json: boolean): Promise<0 | 1> {
  const text = await readList(file);
  const report = judgeList(text, await knownSenders(config), config.rules.never);
  print(report, json, importText);
  if (!hasRule(report)) {
    foundNothing(file, 'network and no rule of Postfix', linesIn(text), EXPECTED);
    return 1;
  }
  return report.lines.some(({ verdict }) => VERDICTS[verdict].wrong) ? 1 : 0;
}

const EXPECTED =
  'a list has a network such as 192.0.2.0/24 in each line, a table of Postfix also an action behind it';

/** Whether a line can be read as a rule or a network, or was one before somebody damaged it. */
function hasRule({ block, lines }: ImportReport): boolean {
  return block !== null || lines.some(({ verdict, meant }) => verdict !== 'broken' || meant !== null);
}

function linesIn(text: string): number {
  return text.split('\n').length - (text === '' || text.endsWith('\n') ? 1 : 0);
}

async function readList(file: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of (await openLog(file)).chunks) {
    // It holds only until the next one.
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new FileError(`${file} has more than 16 MiB: that is no list of networks`);
  }
  return Buffer.concat(chunks).toString('latin1');
}

async function knownSenders(config: Config): Promise<readonly KnownSender[]> {
  const learnt = await readKnowledge(config);
  const now = Date.now();
  const watched = new Set(config.senders.map(({ id }) => id));
  return config.catalogue.map((definition) => {
    const known = knowledgeOf(definition, learnt);
    return {
      definition,
      networks: currentNetworks(definition, known, now),
      watched: watched.has(definition.id),
      unlistable: isUnlistable(definition, known),
      asOf: known.listed === null ? definition.seen : new Date(known.listed.at).toISOString().slice(0, 10),
    };
  });
}

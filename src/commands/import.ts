/** `screenpass import`: judges a list of networks or a table of Postfix, and prints what screenpass can replace of it. */

import type { Config } from '../config/settings.ts';
import { safeText } from '../core/base/safe-text.ts';
import {
  type ImportReport,
  type ImportSettings,
  type JudgedLine,
  LINE_VERDICTS,
  type LineVerdict,
  type SenderCover,
} from '../core/import/import-report.ts';
import { judgeList, linesText, percent } from '../core/import/list-judge.ts';
import type { KnownSender } from '../core/import/owners.ts';
import { currentNetworks, isUnlistable, knowledgeOf } from '../core/senders/knowledge.ts';
import { openLog } from '../edge/log-file.ts';
import { FileError } from '../ports.ts';
import { readKnowledge } from './known.ts';
import { foundNothing, print, tableOf } from './output.ts';

/** Far more than any list: 100,000 rules are 3 MiB. */
const MOST_BYTES = 16 << 20;
/** So many lines of one verdict are shown to people; --json has all. */
const SHOWN = 20;
/** Characters of a pattern. */
const LONGEST_PATTERN = 45;

const VERDICTS = Object.keys(LINE_VERDICTS) as LineVerdict[];
const EXPECTED =
  'a list has a network such as 192.0.2.0/24 in each line, a table of Postfix also an action after it';

/**
 * Prints one JSON document, or tables and sentences. `-` is stdin. Changes nothing and asks no server. Returns the exit
 * code: 1 when something is wrong in the list, or the file is no list. Rejects with FileError.
 */
export async function importList(config: Config, file: string, json: boolean): Promise<0 | 1> {
  const text = await readList(file);
  const report = judgeList(text, await knownSenders(config), config.rules.never);
  print(report, json, importText);
  const { block, lines } = report;
  // A line that can be read as a rule or a network, or was one before it was damaged.
  const hasRule =
    block !== null || lines.some(({ verdict, meant }) => verdict !== 'broken' || meant !== null);
  if (hasRule) return lines.some(isWrong) ? 1 : 0;
  const count = text.split('\n').length - (text === '' || text.endsWith('\n') ? 1 : 0);
  foundNothing(file, 'network and no rule of Postfix', count, EXPECTED);
  return 1;
}

async function readList(file: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of (await openLog(file)).chunks) {
    // The chunk is valid only until the next one.
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

function isWrong({ verdict }: JudgedLine): boolean {
  return LINE_VERDICTS[verdict].wrong;
}

/** The report for people. */
function importText(report: ImportReport): string {
  const { bare, block, senders, lines, settings } = report;
  const sections = [
    ['Known senders that it permits', senders.length === 0 ? '' : sendersTable(senders)],
    ['Line by line', lines.length === 0 ? '' : linesTable(lines)],
    ['What to do', adviceText(lines, settings)],
  ];
  return [
    `Lines judged: ${lines.length}. Lines with something wrong: ${lines.filter(isWrong).length}.\n`,
    bare
      ? 'This is a list of networks. Each is judged as if "permit", which Postfix needs, followed it.\n'
      : '',
    block === null
      ? ''
      : `Lines ${block.first}-${block.last} are the block of screenpass and are left out.\n`,
    ...sections.map(([title, body]) => (body === '' ? '' : `\n${title}:\n${body}`)),
  ].join('');
}

function sendersTable(senders: readonly SenderCover[]): string {
  const rows = senders.map(({ sender, watched, unlistable, cover, networks, ipv4, ipv6, asOf }) => [
    sender,
    watched ? 'yes' : 'no',
    cover,
    `${networks.whole} of ${networks.total}${unlistable ? '+' : ''}${networks.part === 0 ? '' : `, ${networks.part} in part`}`,
    ipv4.total === 0 ? '-' : `${ipv4.permitted} of ${ipv4.total}`,
    ipv6.total === 0 ? '-' : percent(ipv6.permitted / ipv6.total),
    asOf,
  ]);
  const head = ['SENDER', 'WATCHED', 'COVERED', 'NETWORKS', 'IPV4 ADDRESSES', 'IPV6', 'AS OF'];
  const isOpen = senders.some(({ unlistable }) => unlistable);
  return `${tableOf(head, rows)}${isOpen ? '+ It also sends from addresses that no list has.\n' : ''}`;
}

function linesTable(lines: readonly JudgedLine[]): string {
  const shown = VERDICTS.flatMap((verdict) => lines.filter((one) => one.verdict === verdict).slice(0, SHOWN));
  const rows = shown
    .sort((a, b) => a.line - b.line)
    .map(({ line, pattern, verdict, why }) => [
      `${line}`,
      safeText(pattern).slice(0, LONGEST_PATTERN),
      verdict,
      why,
    ]);
  const left = lines.length - shown.length;
  const more = `and ${left} more: of each verdict the first ${SHOWN} are shown, --json has all\n`;
  return tableOf(['LINE', 'RULE', 'VERDICT', 'WHY'], rows) + (left === 0 ? '' : more);
}

/** What the settings do that can replace a part of the list. */
const SETTINGS: Readonly<Record<keyof ImportSettings, string>> = {
  SCREENPASS_SENDERS: 'Add these to the value that you have, to watch the senders of the list.',
  SCREENPASS_PRESEED:
    'Opens the senders of the list from the start, as the list does, not at their first refusal.',
  SCREENPASS_NEVER: 'Add these to the value that you have: screenpass must not open what you do not permit.',
};

function adviceText(lines: readonly JudgedLine[], settings: ImportSettings): string {
  const advice = VERDICTS.flatMap((verdict) => {
    const numbers = lines.filter((one) => one.verdict === verdict).map(({ line }) => line);
    if (numbers.length === 0) return [];
    const [first = '', ...rest] = linesText(numbers);
    const plain = LINE_VERDICTS[verdict].advice.replaceAll('`', '');
    return `${first.toUpperCase()}${rest.join('')} (${verdict}): ${plain}.\n`;
  });
  const replaced = (Object.keys(SETTINGS) as (keyof ImportSettings)[]).flatMap((name) =>
    settings[name] === null ? [] : `${name}=${settings[name]}\n  ${SETTINGS[name]}\n`,
  );
  return [...advice, ...replaced].join('');
}

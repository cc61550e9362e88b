// Our block in the text of the table: where it is, what it says, and how it is written. Reads and writes no file.

import { formatNetwork, type Network, parseNetwork } from '../net/network.ts';
import type { Entry, Scope } from '../policy/entry.ts';

const BEGIN = '# >>> screenpass';
const END = '# <<< screenpass';
const NOTE = '# Written by screenpass: put your own rules above this block, changes inside it are lost.';
const ENTRY =
  /^# ([a-z0-9][a-z0-9-]{0,63}|[0-9a-f.:]+\/\d{1,3}), since ([^ ,]+)(?:, until ([^ ,]+))?, scope (sender|network|address), cause: (.*)$/;
const RULE = /^([0-9a-f.:]+\/\d{1,3}) permit$/;
const PRESEED = 'preseed';

/** One entry with the networks that it puts into the table. */
export interface Section {
  readonly entry: Entry;
  readonly networks: readonly Network[];
}

/** The table as three pieces of text; `block` is ours, with its marks, and null when the table has none. */
export interface TableParts {
  readonly before: string;
  readonly block: string | null;
  readonly after: string;
}

/**
 * Our part of the table: per entry a comment and one rule a line, `CIDR permit` (cidr_table(5)). No line begins
 * with a blank, which would continue the rule before it.
 */
export function renderBlock(sections: readonly Section[]): string {
  const lines = sections.flatMap(({ entry, networks }) => [
    `# ${entry.sender}, ${timesOf(entry)}, scope ${entry.scope}, cause: ${entry.cause ?? PRESEED}`,
    ...networks.map((network) => `${formatNetwork(network)} permit`),
  ]);
  return [BEGIN, NOTE, ...lines, END, ''].join('\n');
}

function timesOf({ since, until }: Entry): string {
  const end = until === null ? '' : `, until ${new Date(until).toISOString()}`;
  return `since ${new Date(since).toISOString()}${end}`;
}

interface Mark {
  readonly isBegin: boolean;
  /** Where its line begins. */
  readonly at: number;
}

/** A mark is a line of its own, whatever its line end. */
const MARK = /(?<=^|\n)# (>>>|<<<) screenpass\r?(?=\n|$)/g;

function marksOf(table: string): Mark[] {
  return [...table.matchAll(MARK)].map(({ 1: arrows, index }) => ({ isBegin: arrows === '>>>', at: index }));
}

/**
 * Finds our block: the first one that is whole. When there is none, the first begin mark begins it, and it reaches as
 * far as the lines are such as we write, so that no other line of the operator's is taken for ours.
 */
export function splitTable(table: string): TableParts {
  const marks = marksOf(table);
  const whole = marks.findIndex((mark, i) => mark.isBegin && marks[i + 1]?.isBegin === false);
  const begin = (marks[whole] ?? marks.find(({ isBegin }) => isBegin))?.at;
  if (begin === undefined) return { before: table, block: null, after: '' };
  const end = whole < 0 ? undefined : marks[whole + 1]?.at;
  const close = end === undefined ? endOfOurs(table, begin) : endOfLine(table, end);
  return { before: table.slice(0, begin), block: table.slice(begin, close), after: table.slice(close) };
}

/** A mark of ours outside our block. */
export interface StrayMark {
  /** Says no line number, since that is another one whenever our block grows. */
  readonly reason: string;
  /** 1-based. */
  readonly line: number;
  readonly remedy: string;
}

/**
 * The first mark outside our block: of a second block, or alone. Whatever is permitted there is not ours to remove, and
 * stays when its entry leaves. Null: there is none.
 */
export function strayMark(table: string): StrayMark | null {
  const { before, block } = splitTable(table);
  const isOurs = ({ at }: Mark) => block !== null && at >= before.length && at < before.length + block.length;
  const marks = marksOf(table);
  const first = marks.findIndex((mark) => !isOurs(mark));
  const [mark, next] = [marks[first], marks[first + 1]];
  if (mark === undefined) return null;
  const line = lineNumber(table, mark.at);
  if (!mark.isBegin) return { ...STRAY_END, line };
  if (next === undefined || next.isBegin || isOurs(next)) return { ...STRAY_BEGIN, line };
  const last = lineNumber(table, next.at);
  const remedy = `Remove lines ${line} to ${last} from the table with an editor: ${UNTIL_THEN}`;
  return { reason: 'the table has a second block of screenpass', line, remedy };
}

const UNTIL_THEN = 'until then what they permit stays allowed; screenpass uses its other block';
const STRAY_BEGIN = {
  reason: `the table has a line "${BEGIN}" without "${END}"`,
  remedy: `Remove that line, and the rules below it that are not yours, with an editor`,
};
const STRAY_END = {
  reason: `the table has a line "${END}" without "${BEGIN}"`,
  remedy: `Remove that line, and the rules above it that are not yours, with an editor`,
};

function lineNumber(table: string, at: number): number {
  return table.slice(0, at).split('\n').length;
}

function endOfLine(table: string, at: number): number {
  const newline = table.indexOf('\n', at);
  return newline < 0 ? table.length : newline + 1;
}

function endOfOurs(table: string, begin: number): number {
  let at = endOfLine(table, begin);
  while (at < table.length) {
    const end = endOfLine(table, at);
    const line = table.slice(at, end).trimEnd();
    if (line !== NOTE && !ENTRY.test(line) && !RULE.test(line)) break;
    at = end;
  }
  return at;
}

/** The table with our block in its place, or at the end when it has none; all other bytes stay as they are. */
export function withBlock(table: string, block: string): string {
  const { before, after } = splitTable(table);
  const separator = before === '' || before.endsWith('\n') ? '' : '\n';
  return before + separator + block + after;
}

/**
 * 1-based line numbers of our block in the table, both inclusive; a problem outside them is the operator's. Without a
 * block no line is inside.
 */
export function blockLines(table: string): { first: number; last: number } {
  const { before, block } = splitTable(table);
  const first = before.split('\n').length;
  const length = block === null ? 0 : block.trimEnd().split('\n').length;
  return { first, last: first + length - 1 };
}

/** The networks that a block permits. Lines that we did not write are left out. */
export function blockNetworks(block: string): Network[] {
  return block.split('\n').flatMap((line) => {
    const parsed = parseNetwork(RULE.exec(line.trimEnd())?.[1] ?? '');
    return parsed.ok ? [parsed.value] : [];
  });
}

/** The same by the sender of the entry. Rules in front of the first entry have an empty one. */
export function blockSenders(block: string): readonly { sender: string; networks: readonly Network[] }[] {
  const parts = block.split(/^(?=# )/m);
  return parts.flatMap((part) => {
    const networks = blockNetworks(part);
    const sender = ENTRY.exec(part.split('\n', 1).join().trimEnd())?.[1] ?? '';
    return networks.length === 0 ? [] : [{ sender, networks }];
  });
}

/** The entries that a block names, for when the state is lost. Lines that we did not write are left out. */
export function readEntries(block: string): Entry[] {
  const entries: Entry[] = [];
  let networks: string[] = [];
  for (const line of block.split('\n')) {
    const rule = RULE.exec(line.trimEnd())?.[1];
    if (rule !== undefined && parseNetwork(rule).ok) networks.push(rule);
    const [, sender, since = '', end, scope, cause = ''] = ENTRY.exec(line.trimEnd()) ?? [];
    const time = Date.parse(since);
    const until = end === undefined ? null : Date.parse(end);
    const written = sender !== undefined && (!sender.includes('/') || parseNetwork(sender).ok);
    // Somebody may have altered it to what no log has and no state can hold. NaN is neither.
    if (!written || !(time >= 0) || !(until === null || until >= 0)) continue;
    networks = [];
    entries.push({
      sender,
      scope: scope as Scope,
      networks: scope === 'sender' ? [] : networks,
      since: time,
      lastSeen: time,
      until,
      granted: null,
      reason: null,
      cause: cause === PRESEED ? null : cause,
      refusedAt: null,
      announced: true,
      inForce: null,
    });
  }
  return entries;
}

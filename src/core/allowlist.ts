import { formatNetwork, type Network, parseNetwork } from './network.ts';
import type { Scope } from './policy.ts';
import type { Entry } from './state.ts';

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

/**
 * Finds our block. When its end mark is gone, it reaches as far as the lines are such as we write, so that no other
 * line of the operator's is taken for ours.
 */
export function splitTable(table: string): TableParts {
  const begin = lineStart(table, BEGIN, 0);
  if (begin < 0) return { before: table, block: null, after: '' };
  const end = lineStart(table, END, begin);
  const close = end < 0 ? endOfOurs(table, begin) : endOfLine(table, end);
  return { before: table.slice(0, begin), block: table.slice(begin, close), after: table.slice(close) };
}

function lineStart(table: string, mark: string, from: number): number {
  for (let at = table.indexOf(mark, from); at >= 0; at = table.indexOf(mark, at + 1)) {
    const whole = table.slice(at + mark.length).match(/^\r?(\n|$)/) !== null;
    if (whole && (at === 0 || table[at - 1] === '\n')) return at;
  }
  return -1;
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

/** The entries that a block tells of, for when the state is lost. Lines that we did not write are left out. */
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
      reason: null,
      cause: cause === PRESEED ? null : cause,
      refusedAt: null,
      announced: true,
      inForce: null,
    });
  }
  return entries;
}

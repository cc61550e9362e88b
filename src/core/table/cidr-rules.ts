// CIDR rules as Postfix reads them, from any cidr table. It does not know our block.

import {
  type Address,
  addressValue,
  bits,
  type Family,
  formatNetwork,
  type Network,
  networkAt,
  parseAddress,
} from '../net/network.ts';
import { intersect, subtract } from '../net/network-set.ts';

/**
 * What a rule makes postscreen do: the first word of its value, in lower case. `unknown`: Postfix does not know the
 * word, tests the client as usual, and ignores the rest of the access list.
 */
type Action = (typeof ACTIONS)[number] | 'unknown';

const ACTIONS = ['permit', 'reject', 'dunno', 'permit_mynetworks'] as const;

/** A rule that Postfix uses. */
export interface Rule {
  /** 1-based, of its first line. */
  readonly line: number;
  /** As it is written. */
  readonly pattern: string;
  readonly action: Action;
  /** The addresses that it speaks of: in its network, or outside of it with `!`, and inside every `if` around it. */
  readonly set: readonly Network[];
  /** The comment lines above it and its neighbours, and what follows a # in it. */
  readonly comment: string;
}

/** A line that Postfix skips, or does not read as it was meant. */
export interface Fault {
  readonly line: number;
  readonly pattern: string;
  /** In Postfix's words where it has some. */
  readonly reason: string;
  /** The network that was meant; null: unknown. */
  readonly meant: Network | null;
}

export interface CidrRules {
  /** No line has an action: it is a list of networks, each read as if it were permitted. */
  readonly bare: boolean;
  /** In the order of the file, as are the faults. */
  readonly rules: readonly Rule[];
  readonly faults: readonly Fault[];
}

interface Line {
  readonly line: number;
  text: string;
  readonly comment: string;
  /** The lines that continue it. */
  readonly more: { readonly line: number; readonly text: string }[];
}

/** What is wrong with a pattern. */
type Broken = Pick<Fault, 'reason' | 'meant'>;

/** C's blanks: JavaScript takes 0xA0 for one as well, and Postfix takes it for a part of the word. */
const LEADING = /^[ \t\r\v\f]+/;
const IF = /^if(?![a-z0-9])/i;
const ENDIF = /^endif(?![a-z0-9])/i;
const NEGATIONS = /^[! \t\r\v\f]*/;
const WORD = /^[^ \t\r\v\f]*/;
const FAMILIES: Readonly<Record<Family, Network>> = {
  4: { family: 4, base: 0n, prefix: 0 },
  6: { family: 6, base: 0n, prefix: 0 },
};

/** IPv4 inside IPv6. Postfix knows such clients by their IPv4 address. */
export const MAPPED: Network = { family: 6, base: 0xffff_0000_0000n, prefix: 96 };

const UNCLOSED =
  'IF has no matching ENDIF: for all other addresses the rest of the file is not there, and with it the block of screenpass';

/**
 * Reads a table as Postfix does (cidr_table(5), dict_cidr.c). `text` has one character for each byte; the lines from
 * `first` to `last` are left out. Never throws.
 */
export function readCidrRules(text: string, without: { first: number; last: number }): CidrRules {
  const physical = text.split('\n').map(trimEnd);
  const bare = isBare(physical);
  const rules: Rule[] = [];
  const faults: Fault[] = [];
  const open: { readonly line: number; readonly pattern: string; readonly set: readonly Network[] }[] = [];
  const within = (set: readonly Network[]) => {
    const around = open.at(-1);
    return around === undefined ? set : intersect(set, around.set);
  };

  for (const logical of logicalLines(physical, bare, without)) {
    const fault = take(logical);
    if (fault !== null) faults.push({ line: logical.line, ...fault });
    faults.push(...swallowed(logical));
  }
  for (const { line, pattern } of open) faults.push({ line, pattern, reason: UNCLOSED, meant: null });
  return { bare, rules, faults: faults.sort((a, b) => a.line - b.line) };

  function take({ line, text, comment }: Line): Omit<Fault, 'line'> | null {
    const written = text.replace(LEADING, '');
    const skip = (pattern: string, reason: string) => ({ pattern, reason, meant: null });
    if (written !== text) return skip(written, 'logical line must not start with whitespace');
    if (ENDIF.test(written)) {
      if (written.length > 'endif'.length) return skip(written, 'garbage after ENDIF');
      return open.pop() === undefined ? skip(written, 'ENDIF without IF') : null;
    }
    if (IF.test(written)) {
      const read = readPattern(written.slice('if'.length));
      if (!('set' in read)) return { pattern: written, ...read };
      open.push({ line, pattern: written, set: within(read.set) });
      return null;
    }
    const negations = NEGATIONS.exec(written)?.[0] ?? '';
    const pattern = negations + (WORD.exec(written.slice(negations.length))?.[0] ?? '');
    const value = written.slice(pattern.length).replace(LEADING, '');
    const read = readPattern(pattern);
    if (!('set' in read)) return { pattern, ...read };
    if (value === '' && !bare) return skip(pattern, 'no lookup result');
    const note = /#.*/.exec(value)?.[0] ?? '';
    const action = bare ? 'permit' : actionOf(value);
    rules.push({ line, pattern, action, set: within(read.set), comment: `${comment} ${note}`.trim() });
    return null;
  }
}

function actionOf(value: string): Action {
  const word = /^[^ \t\r\v\f,]*/.exec(value)?.[0].toLowerCase();
  return ACTIONS.find((action) => action === word) ?? 'unknown';
}

function isBare(lines: readonly string[]): boolean {
  const rules = lines
    .filter((line) => line !== '' && !isComment(line))
    .map((line) => line.replace(/#.*/, ''));
  const isAlone = (line: string) => !/[^ \t\r\v\f!][ \t\r\v\f]+[^ \t\r\v\f]/.test(line);
  return rules.every(isAlone) && rules.some((line) => 'set' in readPattern(line));
}

function isComment(line: string): boolean {
  return /^[ \t\r\v\f]*#/.test(line);
}

/** Rules with the lines that continue them; of a list of networks, each line by itself. */
function logicalLines(
  lines: readonly string[],
  bare: boolean,
  without: { first: number; last: number },
): readonly Line[] {
  const logical: Line[] = [];
  let comment = '';
  let afterComment = false;
  for (const [index, text] of lines.entries()) {
    const line = index + 1;
    const last = logical.at(-1);
    if (text === '' || (line >= without.first && line <= without.last)) comment = '';
    else if (isComment(text)) comment = (afterComment ? comment : '') + text;
    else if (LEADING.test(text) && !bare && last !== undefined) {
      last.text += text;
      last.more.push({ line, text });
    } else {
      const own = bare ? text.replace(LEADING, '') : text;
      logical.push({ line, text: own, comment, more: [] });
    }
    afterComment = isComment(text);
  }
  return logical;
}

/** Rules that are part of the value of the rule before, because they are indented. */
function swallowed({ line, more }: Line): Fault[] {
  return more.flatMap((one) => {
    const pattern = WORD.exec(one.text.replace(LEADING, ''))?.[0] ?? '';
    const read = readPattern(pattern);
    if (!('set' in read)) return [];
    const reason = `begins with a blank, so it is part of the rule of line ${line}`;
    return [{ line: one.line, pattern, reason, meant: read.set[0] ?? null }];
  });
}

/** `!` may be repeated, and have blanks around it. */
function readPattern(given: string): { readonly set: readonly Network[] } | Broken {
  const negations = NEGATIONS.exec(given)?.[0] ?? '';
  const text = trimEnd(given.slice(negations.length));
  if (text === '') return { reason: 'no address pattern', meant: null };
  const isNegated = negations.replace(/[^!]/g, '').length % 2 === 1;
  const read = readNetwork(text);
  if (!('network' in read)) return read;
  const { network } = read;
  return { set: isNegated ? subtract([FAMILIES[network.family]], [network]) : [network] };
}

function readNetwork(given: string): { readonly network: Network } | Broken {
  const broken = (reason: string, meant: Network | null = null): Broken => ({ reason, meant });
  const [, inner, after = ''] = /^\[([^\]]*)\](.*)$/.exec(given) ?? [];
  if (given.startsWith('[') && inner === undefined) return broken(`missing ']' character after "${given}"`);
  if (after !== '' && (!after.startsWith('/') || inner?.includes('/')))
    return broken(`garbage after "[${inner}]"`);
  const text = inner === undefined ? given : inner + after;
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const mask = slash < 0 ? null : text.slice(slash + 1);
  if (mask !== null && !/^\d+$/.test(mask)) return broken(`bad mask value in "${text}"`);
  const address = parseAddress(host);
  if (address === undefined)
    return broken(mask === null ? `bad address pattern: "${text}"` : `bad network value in "${text}"`);
  const { family, base } = asWritten(address, host);
  const length = mask === null ? bits(family) : Number(mask);
  if (length > bits(family)) return broken(`bad mask length in "${text}"`);
  const network = networkAt(family, base, length);
  if (network.base === base) return { network };
  const right = formatNetwork(network);
  return broken(
    `non-null host address bits in "${text}", perhaps you should use "${right}" instead`,
    length === 0 ? null : network,
  );
}

/** IPv4 inside IPv6 stays IPv6: here Postfix does not take it for the IPv4 address, which is why it never matches. */
function asWritten(address: Address, text: string): { family: Family; base: bigint } {
  const base = addressValue(address);
  const isMapped = address.family === 4 && text.includes(':');
  return isMapped ? { family: 6, base: MAPPED.base + base } : { family: address.family, base };
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && ' \t\r\v\f'.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

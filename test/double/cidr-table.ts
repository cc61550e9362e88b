import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';

interface Rule {
  readonly covers: (address: string) => boolean;
  readonly value: string;
}

/** A CIDR table as Postfix has read it (cidr_table(5)), without `!`, `if` and inline tables. */
export interface CidrTable {
  /** What the first matching rule says. */
  readonly lookup: (address: string) => string | undefined;
  /** One for each rule that Postfix skips, without a program's prefix. */
  readonly warnings: readonly string[];
}

/** What Postfix says when the table cannot be read at all. */
export class CidrTableError extends Error {}

/** Reads the table from `file`; complaints name it `shownAs`. */
export function readCidrTable(file: string, shownAs: string): CidrTable {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new CidrTableError(`open ${shownAs}: No such file or directory`);
    if (code === 'EISDIR') throw new CidrTableError(`cidr map ${shownAs}: read error: Is a directory`);
    throw error;
  }
  const rules: Rule[] = [];
  const warnings: string[] = [];
  for (const { line, text: logical } of logicalLines(text)) {
    if (/^\s/.test(logical)) {
      warnings.push(`${shownAs}: logical line must not start with whitespace: "${logical.trimEnd()}"`);
      continue;
    }
    const rule = readRule(logical);
    if (typeof rule === 'string') {
      warnings.push(`cidr map ${shownAs}, line ${line}: ${rule}: skipping this rule`);
    } else rules.push(rule);
  }
  return { lookup: (address) => rules.find((rule) => rule.covers(address))?.value, warnings };
}

/** Comments and blank lines fall out, also between a rule and the indented lines that continue it. */
function logicalLines(text: string): { line: number; text: string }[] {
  const logical: { line: number; text: string }[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const previous = logical.at(-1);
    if (/^\s/.test(line) && previous !== undefined) previous.text += line;
    else logical.push({ line: index + 1, text: line });
  }
  return logical;
}

/** A rule, or what is wrong with it in Postfix's words. */
function readRule(line: string): Rule | string {
  const [, pattern = '', rest = ''] = /^(\S+)(.*)$/s.exec(line) ?? [];
  const value = rest.trim();
  const [address = '', length] = pattern.split('/');
  const family = isIP(address);
  if (family === 0) return `bad address pattern: "${pattern}"`;
  const bits = family === 4 ? 32 : 128;
  if (length !== undefined && !/^\d+$/.test(length)) return `bad mask value in "${pattern}"`;
  const prefix = length === undefined ? bits : Number(length);
  if (prefix > bits) return `bad mask length in "${pattern}"`;
  const hostBits = BigInt(bits - prefix);
  const number = family === 4 ? numberOfIPv4(address) : numberOfIPv6(address);
  const base = (number >> hostBits) << hostBits;
  if (base !== number) {
    const meant = `${family === 4 ? textOfIPv4(base) : textOfIPv6(base)}/${prefix}`;
    return `non-null host address bits in "${pattern}", perhaps you should use "${meant}" instead`;
  }
  if (value === '') return 'no lookup result';
  const network = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  network.addSubnet(address, prefix, type);
  return { covers: (asked) => isIP(asked) === family && network.check(asked, type), value };
}

function numberOfIPv4(text: string): bigint {
  return text.split('.').reduce((number, part) => number * 256n + BigInt(part), 0n);
}

function textOfIPv4(number: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (number >> shift) & 255n).join('.');
}

/** The URL parser knows all forms of an IPv6 address and gives back the canonical one. */
function canonicalIPv6(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

function numberOfIPv6(text: string): bigint {
  const [head = '', tail] = canonicalIPv6(text).split('::');
  const left = head.split(':').filter((group) => group !== '');
  const right = (tail ?? '').split(':').filter((group) => group !== '');
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].reduce(
    (number, group) => number * 0x10000n + BigInt(`0x${group}`),
    0n,
  );
}

function textOfIPv6(number: bigint): string {
  const hex = number.toString(16).padStart(32, '0');
  return canonicalIPv6((hex.match(/..../g) ?? []).join(':'));
}

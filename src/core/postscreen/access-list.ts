// What an access list of postscreen does with a client, and what postmap answers about its tables. Runs no command.

import type { ExecResult } from '../engine/mail-container.ts';
import { type Address, addressValue, bits, contains, type Network, parseAddress } from '../net/network.ts';
import { listItems } from './wiring.ts';

/**
 * What an access list of postscreen decides about a client. `by`: the item that decided. `error`: Postfix does not
 * understand or cannot read that item, ignores the remainder of the list, and tests the client. `none`: no item decided,
 * so the tests do; `by` is null when the list came to its end. `unknown`: this cannot be seen from outside.
 */
export type Access =
  | { readonly kind: 'permit' | 'reject'; readonly by: string }
  | { readonly kind: 'error'; readonly by: string; readonly reason: string }
  | { readonly kind: 'none'; readonly by: string | null }
  | { readonly kind: 'unknown'; readonly reason: string };

/** What a table of the list says of the client. `failed`: Postfix cannot read it. */
export type TableAnswer =
  | { readonly kind: 'value'; readonly value: string }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** One item of mynetworks. `wrong`: Postfix refuses it. `unread`: a file, or something else that is not looked into. */
type OwnItem =
  | { readonly kind: 'network'; readonly network: Network; readonly isMember: boolean }
  | { readonly kind: 'table'; readonly table: string; readonly isMember: boolean }
  | { readonly kind: 'wrong'; readonly text: string }
  | { readonly kind: 'unread'; readonly text: string };

/** mynetworks, in its order: the first that holds the client counts. */
export type OwnNetworks = readonly OwnItem[];

/** The table that must be asked before anything can be said. */
interface Question {
  readonly kind: 'ask';
  readonly table: string;
}

interface Client {
  readonly address: Address;
  /** By table; those that were not asked yet are not in it. */
  readonly answers: ReadonlyMap<string, TableAnswer>;
}

/** One message of postmap on stderr. `error`: it could not read the table. */
export interface PostmapMessage {
  readonly kind: 'error' | 'warning';
  /** Without the name of the program, with the word that it begins with. */
  readonly text: string;
  /** The text without that word. */
  readonly reason: string;
}

export function readMessages(stderr: string): readonly PostmapMessage[] {
  return stderr.split('\n').flatMap((line) => {
    const [, text, word, reason] = /^postmap: ((fatal|error|panic|warning): (.*))$/s.exec(line) ?? [];
    if (text === undefined || reason === undefined) return [];
    return [{ kind: word === 'warning' ? 'warning' : 'error', text, reason }];
  });
}

/** `postmap -q` exits 1 both for "no match" and for failure, so stderr decides (postmap(1)). */
export function readTableAnswer({ exitCode, stdout, stderr }: ExecResult): TableAnswer {
  const error = readMessages(stderr).find(({ kind }) => kind === 'error');
  if (error !== undefined) return { kind: 'failed', reason: error.reason };
  if (exitCode > 1) return { kind: 'unknown', reason: `postmap ended with exit code ${exitCode}` };
  const value = stdout.trim();
  return value === '' ? { kind: 'nothing' } : { kind: 'value', value };
}

/** Reads mynetworks, as Postfix does (match_list.c, match_ops.c); nothing in it is asked yet. */
export function readOwnNetworks(text: string): OwnNetworks {
  return listItems(text).flatMap((item): OwnItem[] => {
    const isMember = !item.startsWith('!');
    const bare = item.replace(/^!+/, '');
    const network = readNetwork(bare);
    // Postfix's own default has these; clients never match them, since Postfix knows them by their IPv4 address.
    if (/^\[?::ffff:/i.test(bare)) return [];
    if (network === 'host-bits') return [{ kind: 'wrong', text: item }];
    if (network !== undefined) return [{ kind: 'network', network, isMember }];
    if (/^[a-z0-9_]+:\S/i.test(bare)) return [{ kind: 'table', table: bare, isMember }];
    return [{ kind: 'unread', text: item }];
  });
}

/** Unlike our own table, mynetworks may have `0.0.0.0/0`; Postfix takes no network with host bits set. */
function readNetwork(text: string): Network | 'host-bits' | undefined {
  const [, bracketed, plain = '', length] = /^(?:\[([^\]/]*)\]|([^\][/]*))(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(bracketed ?? plain);
  if (address === undefined) return undefined;
  const { family } = address;
  const prefix = length === undefined ? bits(family) : Number(length);
  if (prefix > bits(family)) return undefined;
  const base = addressValue(address);
  return BigInt.asUintN(bits(family) - prefix, base) === 0n ? { family, base, prefix } : 'host-bits';
}

/**
 * Goes through the list as Postfix does (server_acl.c), or says which table of it to ask first: put its answer among
 * those of the client and call again.
 */
export function accessOf(items: readonly string[], client: Client, own: OwnNetworks): Access | Question {
  for (const item of items) {
    const access = isTable(item) ? ofTable(item, client, own) : ofWord(item, client, own, item);
    if (access !== undefined) return access;
  }
  return { kind: 'none', by: null };
}

/** Undefined: the next item is asked. A value is a list of words itself, in which `dunno` asks the next item as well. */
function ofTable(item: string, client: Client, own: OwnNetworks): Access | Question | undefined {
  const answer = client.answers.get(item);
  if (answer === undefined) return { kind: 'ask', table: item };
  if (answer.kind === 'failed') return { kind: 'error', by: item, reason: answer.reason };
  if (answer.kind === 'unknown') return { kind: 'unknown', reason: answer.reason };
  if (answer.kind === 'nothing') return undefined;
  for (const word of listItems(answer.value)) {
    // A table in a table is not allowed: Postfix reads `dunno` in its place, whatever its warning says.
    if (isTable(word) || word.toLowerCase() === 'dunno') return undefined;
    const access = ofWord(word, client, own, item);
    if (access !== undefined) return access;
  }
  return undefined;
}

/** `dunno` and a word that Postfix does not know end the list. */
function ofWord(word: string, client: Client, own: OwnNetworks, by: string): Access | Question | undefined {
  const name = word.toLowerCase();
  if (name === 'permit' || name === 'reject') return { kind: name, by };
  if (name === 'dunno') return { kind: 'none', by };
  if (name === 'permit_mynetworks') return ofOwn(client, own, by);
  return { kind: 'error', by, reason: `unknown command: ${word}` };
}

function ofOwn({ address, answers }: Client, own: OwnNetworks, by: string): Access | Question | undefined {
  for (const item of own) {
    if (item.kind === 'unread')
      return {
        kind: 'unknown',
        reason: `"${item.text}" in mynetworks is no network, and is not looked into`,
      };
    if (item.kind === 'wrong')
      return { kind: 'error', by, reason: `"${item.text}" in mynetworks has host bits set` };
    if (item.kind === 'network') {
      if (contains(item.network, address)) return item.isMember ? { kind: 'permit', by } : undefined;
      continue;
    }
    const answer = answers.get(item.table);
    if (answer === undefined) return { kind: 'ask', table: item.table };
    if (answer.kind === 'failed')
      return { kind: 'error', by, reason: `mynetworks: ${item.table}: ${answer.reason}` };
    if (answer.kind === 'unknown') return { kind: 'unknown', reason: answer.reason };
    if (answer.kind === 'value') return item.isMember ? { kind: 'permit', by } : undefined;
  }
  return undefined;
}

function isTable(item: string): boolean {
  return item.includes(':');
}

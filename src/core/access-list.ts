import type { ExecResult } from '../ports.ts';
import { type Address, contains, type Network, parseNetwork } from './network.ts';
import { listItems } from './wiring.ts';

/** What postscreen_access_list says of a client. `by`: the item that decided. `none`: nothing, so the tests decide. */
export type Access =
  | { readonly kind: 'permit' | 'reject'; readonly by: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly reason: string };

/** What a table of the list says of the client. */
export type TableAnswer =
  | { readonly kind: 'value'; readonly value: string }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'failed'; readonly reason: string };

/** mynetworks, in its order: the first that holds the client counts. */
export type OwnNetworks =
  | { readonly kind: 'networks'; readonly items: readonly { network: Network; isMember: boolean }[] }
  | { readonly kind: 'unreadable'; readonly item: string };

/** Items that name a table, in their order; what stands behind an item that answers for everybody is never asked. */
export function tablesOf(items: readonly string[]): readonly string[] {
  const end = items.findIndex((item) => !isTable(item) && item.toLowerCase() !== 'permit_mynetworks');
  return (end < 0 ? items : items.slice(0, end)).filter(isTable);
}

/** `postmap -q` exits 1 both for "no match" and for failure, so stderr decides (postmap(1)). */
export function readTableAnswer({ exitCode, stdout, stderr }: ExecResult): TableAnswer {
  const complaint = stderr.split('\n').find((line) => /^postmap: (?:fatal|error|panic): /.test(line));
  if (complaint !== undefined) return { kind: 'failed', reason: complaint.replace(/^postmap: /, '') };
  if (exitCode > 1) return { kind: 'failed', reason: `postmap ended with exit code ${exitCode}` };
  const value = stdout.trim();
  return value === '' ? { kind: 'nothing' } : { kind: 'value', value };
}

/** Networks only, as docker-mailserver writes them; a file or a table in it is not looked into. */
export function readOwnNetworks(text: string): OwnNetworks {
  const items: { network: Network; isMember: boolean }[] = [];
  for (const item of text.split(/[\s,]+/).filter((one) => one !== '')) {
    const bare = item.replace(/^!/, '').replace(/^\[([^\]]*)\]/, '$1');
    // Postfix's own default has these; clients never match them, since Postfix knows them by their IPv4 address.
    if (/^::ffff:/i.test(bare)) continue;
    const read = parseNetwork(bare);
    if (!read.ok) return { kind: 'unreadable', item };
    items.push({ network: read.value, isMember: !item.startsWith('!') });
  }
  return { kind: 'networks', items };
}

/** Goes through the list as Postfix does (server_acl.c). `answers`: by item, for each of tablesOf. */
export function accessOf(
  items: readonly string[],
  client: { readonly address: Address; readonly answers: ReadonlyMap<string, TableAnswer> },
  own: OwnNetworks,
): Access {
  for (const item of items) {
    const access = isTable(item)
      ? ofTable(item, client.answers.get(item), client.address, own)
      : ofWord(item, client.address, own, item);
    if (access !== undefined) return access;
  }
  return { kind: 'none' };
}

/** Undefined: the next item is asked. A value is a list of words itself, in which `dunno` asks the next item as well. */
function ofTable(
  item: string,
  answer: TableAnswer | undefined,
  address: Address,
  own: OwnNetworks,
): Access | undefined {
  if (answer === undefined) return { kind: 'unknown', reason: `${item} was not asked` };
  if (answer.kind === 'failed') return { kind: 'unknown', reason: answer.reason };
  if (answer.kind === 'nothing') return undefined;
  for (const word of listItems(answer.value)) {
    if (word.toLowerCase() === 'dunno') return undefined;
    // A table in a table is not allowed: Postfix ignores the rest of the list.
    const access = isTable(word) ? ({ kind: 'none' } as const) : ofWord(word, address, own, item);
    if (access !== undefined) return access;
  }
  return undefined;
}

/** `dunno` and a word that Postfix does not know end the list. */
function ofWord(word: string, address: Address, own: OwnNetworks, by: string): Access | undefined {
  const name = word.toLowerCase();
  if (name === 'permit' || name === 'reject') return { kind: name, by };
  if (name !== 'permit_mynetworks') return { kind: 'none' };
  if (own.kind === 'unreadable')
    return { kind: 'unknown', reason: `"${own.item}" in mynetworks is no network, and is not looked into` };
  const first = own.items.find(({ network }) => contains(network, address));
  return first?.isMember ? { kind: 'permit', by } : undefined;
}

function isTable(item: string): boolean {
  return item.includes(':');
}

// What is wrong with an access list that names the table and still does not let opened senders in: judged by what
// Postfix answered for samples of their networks, not by reading its configuration.

import { firstAddress, type Network } from '../net/network.ts';
import type { Access } from './access-list.ts';
import { type AccessList, type Correction, correctionTo, inOrder } from './wiring.ts';

/** A sender, and what the table opens for it. */
export interface Opened {
  readonly sender: string;
  readonly networks: readonly Network[];
}

/** `sender` is null when nothing is open yet: then only what stops the list for all clients can be found. */
export interface ListSample {
  readonly sender: string | null;
  readonly address: string;
}

/** What an opened sender met in place of its permit. */
export type Obstacle = Exclude<Access, { readonly kind: 'permit' | 'unknown' }>;

/**
 * `opened`: so many opened networks were asked about. `unknown`: it cannot be seen from outside. `better`: the list in
 * a better order, null when it is in order; what to do so that all of it works.
 */
export type ListCheck =
  | { readonly kind: 'permitted'; readonly opened: number; readonly better: Correction | null }
  | { readonly kind: 'unknown'; readonly reason: string }
  | {
      readonly kind: 'fault';
      readonly at: ListSample;
      readonly fault: Correction & { readonly reason: string };
    };

/** Documentation space (RFC 5737): no list is about it. */
const NO_SENDER: ListSample = { sender: null, address: '192.0.2.1' };
const RELOAD = 'then docker exec mailserver postfix reload';

/** At most `most` of the opened networks, each by its first address; the next `turn` goes on where this one ended. */
export function sampleOpened(opened: readonly Opened[], most: number, turn: number): readonly ListSample[] {
  const all = opened.flatMap(({ sender, networks }) =>
    networks.map((network) => ({ sender, address: firstAddress(network) })),
  );
  if (all.length === 0) return [NO_SENDER];
  const start = (turn * most) % all.length;
  return [...all.slice(start), ...all.slice(0, start)].slice(0, most);
}

/** What is in the way of the sample; `table`: the path of our table in the mail container. */
export function reasonOf(
  { items }: AccessList,
  table: string,
  { sender, address }: ListSample,
  obstacle: Obstacle,
): string {
  const client = sender === null ? address : `${address} (${sender})`;
  const by = inFront(items, table, obstacle);
  if (by === null) return `a rule of yours, or none, answers for ${client} in ${table}`;
  if (obstacle.kind === 'error')
    return `${by}: ${obstacle.reason}; Postfix ignores the remainder of the list for ${client}`;
  return by.includes(':')
    ? `${by} rejects ${client} before the table is asked`
    : `"${by}" answers for ${client} before the table`;
}

/** The obstacle in front of our table; null: the table was asked, and did not permit the sample. */
function inFront(items: readonly string[], table: string, { by }: Obstacle): string | null {
  const ours = items.indexOf(`cidr:${table}`);
  return by !== null && items.indexOf(by) < ours ? by : null;
}

/**
 * A list in which nothing is in the way of our table: at first in the right order, then changed by one obstacle after
 * the other that was met in it.
 */
export interface Plan {
  readonly items: readonly string[];
  /** The same without those whose rules have to be changed: what is to be asked next. */
  readonly asked: readonly string[];
  /** What has to be done beside, or in place of, the new list. */
  readonly repairs: readonly string[];
  readonly rules: readonly string[];
}

export function firstPlan({ items }: AccessList, table: string): Plan {
  const ordered = inOrder(items, table);
  return { items: ordered, asked: ordered, repairs: [], rules: [] };
}

/** Null: nothing more can be done about the list. */
export function nextPlan(plan: Plan, table: string, obstacle: Obstacle): Plan | null {
  const ours = `cidr:${table}`;
  const by = inFront(plan.asked, table, obstacle);
  if (by === null) {
    const rule = `the rule for it above the block of screenpass in ${table}`;
    return plan.asked.length === 0 ? null : { ...plan, asked: [], rules: [...plan.rules, rule] };
  }
  const without = (items: readonly string[]) => items.filter((item) => item !== by);
  if (obstacle.kind !== 'error')
    return { ...plan, asked: without(plan.asked), rules: [...plan.rules, `its rule in ${by}`] };
  const isOwn = by.toLowerCase() === 'permit_mynetworks';
  const after = (items: readonly string[]) =>
    isOwn ? without(items).flatMap((item) => (item === ours ? [item, by] : [item])) : without(items);
  const repair = isOwn ? 'correct mynetworks' : repairOf(by, obstacle.reason);
  return { ...plan, items: after(plan.items), asked: after(plan.asked), repairs: [...plan.repairs, repair] };
}

/** The plan in words. */
export function correctionBy(list: AccessList, { items, repairs, rules }: Plan, table: string): Correction {
  const { line, remedy } = correctionTo(list, items);
  const same = (others: readonly string[]) => others.join() === list.items.join();
  const parts: string[] = [];
  if (rules.length > 0)
    parts.push(
      `Take away ${rules.join(' and ')}, ${RELOAD}; or name its networks in SCREENPASS_NEVER if you mean to refuse it`,
    );
  // In a list whose order is wrong as well, a repair alone does not help.
  if (repairs.length > 0 && same(inOrder(list.items, table)))
    parts.push(`Either ${repairs.join(' and ')}, ${RELOAD}; or do without:`);
  if (!same(items)) parts.push(remedy);
  return { line, remedy: parts.join('\n') };
}

function repairOf(table: string, reason: string): string {
  const word = /^unknown command: (.*)$/s.exec(reason)?.[1];
  return word === undefined
    ? `restore ${table}`
    : `write permit, reject or dunno in place of "${word}" in ${table}`;
}

// Asks Postfix what its access lists do with addresses. What the answers mean is decided in src/core.

import { type Address, parseAddress } from '../core/net/network.ts';
import {
  type Access,
  accessOf,
  type OwnNetworks,
  readOwnNetworks,
  readTableAnswer,
  type TableAnswer,
} from '../core/postscreen/access-list.ts';
import {
  correctionBy,
  firstPlan,
  type ListCheck,
  type ListSample,
  nextPlan,
  type Obstacle,
  type Opened,
  reasonOf,
} from '../core/postscreen/list-fault.ts';
import {
  type AccessList,
  accessLists,
  type Correction,
  inOrder,
  type PostfixConfiguration,
} from '../core/postscreen/wiring.ts';
import { sampleSenders } from '../core/probe/sample.ts';
import { EngineError } from '../ports.ts';
import type { Postfix } from './postfix-commands.ts';

/** A rule that refuses one address of a sender may be intended; one that refuses so many, all over its networks, is not. */
const CONFIRMATIONS = 6;

/** What the list does with the address: its tables are asked in order, until one decides. */
export async function askAccess(
  postfix: Pick<Postfix, 'ask'>,
  items: readonly string[],
  own: OwnNetworks,
  text: string,
): Promise<Access> {
  // Our own text of an address.
  const address = parseAddress(text) as Address;
  const answers = new Map<string, TableAnswer>();
  for (;;) {
    const access = accessOf(items, { address, answers }, own);
    if (access.kind !== 'ask') return access;
    answers.set(access.table, await answerOf(postfix, access.table, text));
  }
}

/** A lookup that hangs, as in a database that is down, fails by itself: it must not hold back all other work. */
async function answerOf(postfix: Pick<Postfix, 'ask'>, table: string, address: string): Promise<TableAnswer> {
  try {
    return readTableAnswer(await postfix.ask(table, address));
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind === 'denied') throw error;
    return { kind: 'unknown', reason: `${table}: ${error.message}` };
  }
}

/**
 * Whether each postscreen service lets the samples in. The first fault ends it. `table`: the path of our table in the
 * mail container. Rejects with EngineError.
 */
export async function checkLists(
  postfix: Pick<Postfix, 'ask'>,
  configuration: PostfixConfiguration,
  table: string,
  opened: readonly Opened[],
  samples: readonly ListSample[],
): Promise<ListCheck> {
  const count = samples.filter(({ sender }) => sender !== null).length;
  let better: Correction | null = null;
  for (const list of distinct(accessLists(configuration))) {
    const own = readOwnNetworks(list.mynetworks);
    const ask: Ask = (items, address) => askAccess(postfix, items, own, address);
    for (const at of samples) {
      const access = await ask(list.items, at.address);
      if (access.kind === 'unknown') return access;
      if (
        access.kind === 'permit' ||
        !(await isInTheWay(access, at, opened, (address) => ask(list.items, address)))
      )
        continue;
      const fault = {
        reason: reasonOf(list, table, at, access),
        ...(await repaired(list, table, [at], ask)),
      };
      return { kind: 'fault', at, fault };
    }
    if (inOrder(list.items, table).join() !== list.items.join())
      better ??= await repaired(list, table, samples, ask);
  }
  return { kind: 'permitted', opened: count, better };
}

type Ask = (items: readonly string[], address: string) => Promise<Access>;

/** An error affects every client. A rule that refuses one address may be intended; one for all of a sender's is not. */
async function isInTheWay(
  access: Obstacle,
  { sender }: ListSample,
  opened: readonly Opened[],
  ask: (address: string) => Promise<Access>,
): Promise<boolean> {
  if (access.kind === 'error' || sender === null) return access.kind === 'error';
  for (const address of moreOf(sender, opened)) {
    const { kind } = await ask(address);
    if (kind === 'permit' || kind === 'unknown') return false;
  }
  return true;
}

/** A list that lets the samples in, found by asking. */
async function repaired(
  list: AccessList,
  table: string,
  samples: readonly ListSample[],
  ask: Ask,
): Promise<Correction> {
  let plan = firstPlan(list, table);
  for (const { address } of samples) {
    for (;;) {
      const access = await ask(plan.asked, address);
      if (access.kind === 'permit' || access.kind === 'unknown') break;
      const next = nextPlan(plan, table, access);
      if (next === null) break;
      plan = next;
    }
  }
  return correctionBy(list, plan, table);
}

function moreOf(sender: string, opened: readonly Opened[]): readonly string[] {
  const own = opened.filter((one) => one.sender === sender).map(({ networks }) => ({ id: sender, networks }));
  return sampleSenders(own, CONFIRMATIONS).flatMap(({ addresses }) => addresses);
}

function distinct(lists: readonly AccessList[]): AccessList[] {
  const keyOf = ({ items, mynetworks }: AccessList) => JSON.stringify([items, mynetworks]);
  return [...new Map(lists.map((list) => [keyOf(list), list])).values()];
}

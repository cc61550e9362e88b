/** Asks Postfix and DNS what `probe` needs, within bounds. The judgement is in src/core/probe. */

import type { Resolver } from '../core/dns/resolver.ts';
import { type Address, parseAddress } from '../core/net/network.ts';
import { listingName, readZoneAnswer, type ZoneLook } from '../core/postscreen/dnsbl-zone.ts';
import {
  isDecided,
  judgeAddress,
  judgeSender,
  type ProbedAddress,
  type ProbeReport,
  zonesOf,
} from '../core/probe/judgement.ts';
import { sampleSenders } from '../core/probe/sample.ts';
import { PROBED, readScreening, type Screening } from '../core/probe/screening.ts';
import type { Sender } from '../core/senders/sender-index.ts';
import { type Engine, EngineError } from '../ports.ts';
import { askAccess } from '../postfix/ask-access.ts';
import { type Postfix, postfixIn } from '../postfix/postfix-commands.ts';

/** Bounds of one probe. */
const MOST_ADDRESSES = 400;
const MOST_QUESTIONS = 2_000;
const MOST_COMMANDS = 800;
/** Addresses at once. */
const AT_ONCE = 8;
/** A zone that failed so often is not asked again: each timeout takes seconds. */
const MOST_FAULTS = 3;

interface ProbePorts {
  readonly engine: Pick<Engine, 'inspect' | 'exec'>;
  readonly resolver: Pick<Resolver, 'a'>;
  /** Called after each address. */
  readonly onProgress: (done: number, all: number) => void;
}

/**
 * Which of the senders postscreen would refuse now, by a sample of their addresses: what the access list says, asked in
 * the mail container, and their DNSBL score, asked through `resolver`. Changes nothing. Rejects with
 * EngineError, also when Postfix does not run there or its settings cannot be read.
 */
export async function probe(
  senders: readonly Sender[],
  wanted: string,
  { engine, resolver, onProgress }: ProbePorts,
): Promise<ProbeReport> {
  const postfix = await runningPostfix(engine, wanted);
  const screening = await screeningOf(postfix);
  const zones = zonesOf(screening.sites);
  const samples = sampleSenders(senders, mostAddresses(zones, screening));
  const addresses = [...new Set(samples.flatMap(({ addresses }) => addresses))];
  const askZones = createAskZones(zones, resolver);
  let done = 0;

  async function look(text: string): Promise<ProbedAddress> {
    // Our own text of an address.
    const address = parseAddress(text) as Address;
    const access = await askAccess(postfix, screening.accessList, screening.ownNetworks, text);
    const looks = isDecided(access, screening) ? new Map<string, ZoneLook>() : await askZones(address);
    done += 1;
    onProgress(done, addresses.length);
    return judgeAddress(text, access, looks, screening);
  }

  const probed = new Map((await inLanes(addresses, look)).map((one) => [one.address, one]));
  const { service, action, threshold } = screening;
  return {
    service,
    action,
    threshold,
    zones,
    senders: samples.map((sample) =>
      judgeSender(
        sample,
        sample.addresses.flatMap((address) => probed.get(address) ?? []),
      ),
    ),
  };
}

async function runningPostfix(engine: ProbePorts['engine'], wanted: string): Promise<Postfix> {
  const inspection = await engine.inspect();
  if (inspection.kind !== 'running')
    throw new EngineError('failed', `${wanted} does not run or does not exist: run screenpass doctor`);
  const postfix = postfixIn(engine, inspection.container.id);
  if (await postfix.running()) return postfix;
  throw new EngineError('failed', `Postfix does not run in ${wanted}: run screenpass doctor`);
}

async function screeningOf(postfix: Postfix): Promise<Screening> {
  const read = readScreening(await postfix.configuration(), await postfix.settings(PROBED));
  if (!read.ok) throw new EngineError('failed', read.problem);
  return read.value;
}

/** Each address takes a question for each zone and a command for each table. */
function mostAddresses(zones: readonly string[], { accessList }: Screening): number {
  const tables = accessList.filter((item) => item.includes(':'));
  const within = (most: number, each: number) => Math.floor(most / Math.max(1, each));
  return Math.min(MOST_ADDRESSES, within(MOST_QUESTIONS, zones.length), within(MOST_COMMANDS, tables.length));
}

function createAskZones(zones: readonly string[], resolver: ProbePorts['resolver']) {
  const faults = new Map<string, ZoneLook[]>(zones.map((zone) => [zone, []]));

  async function ask(address: Address, zone: string): Promise<ZoneLook> {
    const before = faults.get(zone) ?? [];
    const last = before.at(-1);
    if (last !== undefined && before.length >= MOST_FAULTS) return last;
    const look = readZoneAnswer(await resolver.a(listingName(address, zone)));
    if (look.kind === 'fault') before.push(look);
    return look;
  }

  return async (address: Address): Promise<ReadonlyMap<string, ZoneLook>> =>
    new Map(await Promise.all(zones.map(async (zone) => [zone, await ask(address, zone)] as const)));
}

/** The results in the order of the items. After the first failure no more work is started. */
async function inLanes<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = [...items.entries()];
  const lane = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      try {
        results[next[0]] = await work(next[1]);
      } catch (error) {
        left.length = 0;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return results;
}

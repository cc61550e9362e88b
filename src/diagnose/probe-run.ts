import type { Resolver } from '../core/dns/resolver.ts';
import { type Address, parseAddress } from '../core/net/network.ts';
import { listingName, readZoneAnswer, type ZoneLook } from '../core/postscreen/dnsbl-zone.ts';
import {
  judgeAddress,
  judgeSender,
  needsScore,
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

/** At most so much is asked in one probe, at most so much of it at once. */
const MOST_ADDRESSES = 400;
const MOST_QUESTIONS = 2_000;
const MOST_COMMANDS = 800;
const AT_ONCE = 8;
/** A zone that gave no answer so often is not asked any more: each silence takes seconds. */
const PATIENCE = 3;

interface ProbePorts {
  readonly engine: Pick<Engine, 'inspect' | 'exec'>;
  readonly resolver: Pick<Resolver, 'a'>;
  /** Told after each address. */
  readonly tell: (done: number, all: number) => void;
}

/**
 * Which of the senders postscreen would refuse if they came now, by a small sample of their addresses: what the access
 * list says, asked in the mail container, and their DNSBL score, asked by `resolver`. Changes nothing. Rejects with
 * EngineError, also when Postfix does not run there or its settings cannot be read.
 */
export async function probe(
  senders: readonly Sender[],
  wanted: string,
  { engine, resolver, tell }: ProbePorts,
): Promise<ProbeReport> {
  const postfix = await runningPostfix(engine, wanted);
  const screening = await screeningOf(postfix);
  const tables = screening.accessList.filter((item) => item.includes(':'));
  const zones = zonesOf(screening.sites);
  const samples = sampleSenders(senders, mostAddresses(zones.length, tables.length));
  const addresses = [...new Set(samples.flatMap(({ addresses }) => addresses))];
  const askZones = createAskZones(zones, resolver);
  let done = 0;

  async function look(text: string): Promise<ProbedAddress> {
    // Our own text of an address.
    const address = parseAddress(text) as Address;
    const access = await askAccess(postfix, screening.accessList, screening.ownNetworks, text);
    const looks = needsScore(access, screening) ? await askZones(address) : new Map<string, ZoneLook>();
    done += 1;
    tell(done, addresses.length);
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
    throw new EngineError('failed', `${wanted} does not run, or is not there: screenpass doctor says more`);
  const postfix = postfixIn(engine, inspection.container.id);
  if (await postfix.running()) return postfix;
  throw new EngineError('failed', `Postfix does not run in ${wanted}: screenpass doctor says more`);
}

async function screeningOf(postfix: Postfix): Promise<Screening> {
  const read = readScreening(await postfix.configuration(), await postfix.settings(PROBED));
  if (!read.ok) throw new EngineError('failed', read.problem);
  return read.value;
}

function mostAddresses(zones: number, tables: number): number {
  return Math.min(
    MOST_ADDRESSES,
    Math.floor(MOST_QUESTIONS / Math.max(1, zones)),
    Math.floor(MOST_COMMANDS / Math.max(1, tables)),
  );
}

function createAskZones(zones: readonly string[], resolver: ProbePorts['resolver']) {
  const silent = new Map<string, { readonly times: number; readonly look: ZoneLook }>();

  async function ask(address: Address, zone: string): Promise<ZoneLook> {
    const before = silent.get(zone);
    if (before !== undefined && before.times >= PATIENCE) return before.look;
    const look = readZoneAnswer(await resolver.a(listingName(address, zone)));
    if (look.kind === 'fault') silent.set(zone, { times: (silent.get(zone)?.times ?? 0) + 1, look });
    return look;
  }

  return async (address: Address): Promise<ReadonlyMap<string, ZoneLook>> =>
    new Map(await Promise.all(zones.map(async (zone) => [zone, await ask(address, zone)] as const)));
}

/** The results in the order of the items. The first failure ends it: nothing more is begun. */
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

import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import IPCIDR from 'ip-cidr';
import { firstAddress, formatNetwork, parseAddress } from '../../src/core/net/network.ts';
import { buildSenderIndex, type Sender } from '../../src/core/senders/sender-index.ts';
import { addressesAround, sendersWith } from './networks.ts';
import { cpuMs, median, type Row, rounded, type Suite } from './suite.ts';

const ROUNDS = 3;
const SEED = 1;
/** Addresses, at most, of which a way's answer is compared with ours before it is timed. */
const CHECKED = 40;
/** DESIGN section 6. */
const GOALS: readonly { count: number; buildMs: number; lookups?: number }[] = [
  { count: 50_000, buildMs: 200, lookups: 2_000_000 },
  { count: 500_000, buildMs: 1000 },
];

/** Gives the id of the sender that has the address. */
type Find = (address: string) => string | undefined;

interface Way {
  readonly name: string;
  build(senders: readonly Sender[]): Find;
  /** So many are asked in a round; a slow way is asked for the first few addresses only. */
  readonly lookups: number;
  /** Above this many networks it takes minutes. */
  readonly most?: number;
}

const WAYS: readonly Way[] = [
  {
    name: 'ours',
    lookups: 1_000_000,
    build(senders) {
      const index = buildSenderIndex(senders);
      return (text) => {
        const address = parseAddress(text);
        return address && index.find(address)?.sender.id;
      };
    },
  },
  {
    name: 'net.BlockList',
    lookups: 40,
    build(senders) {
      const lists = senders.map(({ id, networks }) => {
        const list = new BlockList();
        for (const one of networks) list.addSubnet(firstAddress(one), one.prefix, `ipv${one.family}`);
        return { id, list };
      });
      return (text) => {
        const family = text.includes(':') ? 'ipv6' : 'ipv4';
        return lists.find(({ list }) => list.check(text, family))?.id;
      };
    },
  },
  {
    name: 'ip-cidr',
    lookups: 4,
    most: 50_000,
    build(senders) {
      const all = senders.flatMap(({ id, networks }) =>
        networks.map((one) => ({ id, cidr: new IPCIDR(formatNetwork(one)), isV6: one.family === 6 })),
      );
      return (text) => all.find(({ cidr, isV6 }) => isV6 === text.includes(':') && cidr.contains(text))?.id;
    },
  },
];

export const lookup: Suite = {
  name: 'lookup',
  title:
    'whose address it is, from its text; seven networks of ten are IPv4, and every other address has a sender',
  async measure() {
    return GOALS.flatMap(({ count, buildMs, lookups }) =>
      compareLookups(count).map((row) => ({
        ...row,
        'goal build ms': row.way === 'ours' ? buildMs : '',
        'goal lookups/CPU s': row.way === 'ours' ? (lookups ?? '') : '',
      })),
    );
  },
};

/** All ways with so many networks; each is built once a round, but ip-cidr, which takes longest, only once. */
function compareLookups(count: number): readonly (Row & { way: string })[] {
  const senders = sendersWith(count, SEED);
  // As parts of a line, which is what the daemon has.
  const addresses = addressesAround(senders, 100_000, SEED + 1)
    .join(' ')
    .split(' ');
  const ways = WAYS.filter(({ most = count }) => count <= most).map((way) => ({
    ...way,
    builds: [] as number[],
    rates: [] as number[],
    find: undefined as Find | undefined,
  }));
  const [ours] = ways;
  for (let round = 0; round < ROUNDS; round += 1)
    for (const way of ways) {
      const begun = cpuMs();
      if (way.most === undefined || way.find === undefined) {
        way.find = way.build(senders);
        way.builds.push(cpuMs() - begun);
      }
      const { find } = way;
      for (const address of addresses.slice(0, Math.min(way.lookups, CHECKED)))
        assert.equal(find(address), ours?.find?.(address), `${way.name} gives another sender for ${address}`);
      way.rates.push(rate(find, addresses, way.lookups));
    }
  return ways.map(({ name, builds, rates }) => ({
    networks: count,
    way: name,
    'first build CPU ms': rounded(builds[0] ?? 0),
    'build CPU ms': rounded(median(builds)),
    'lookups/CPU s': rounded(median(rates)),
    'x slower': rounded(median(ours?.rates ?? []) / median(rates)),
  }));
}

/** Lookups in a second of CPU time. */
function rate(find: Find, addresses: readonly string[], lookups: number): number {
  const begun = cpuMs();
  for (let i = 0; i < lookups; i += 1) find(addresses[i % addresses.length] ?? '');
  return lookups / ((cpuMs() - begun) / 1000);
}

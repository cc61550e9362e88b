// Does one piece of work of the daemon's with so much of what it keeps; prints what it cost. Arguments: which, how many.

import { parseEvent } from '../../src/core/log/postfix-event.ts';
import { parseAddress } from '../../src/core/net/network.ts';
import { aggregate } from '../../src/core/net/network-set.ts';
import { newEntry } from '../../src/core/policy/entry.ts';
import { createSessions } from '../../src/core/postscreen/session.ts';
import { buildSenderIndex } from '../../src/core/senders/sender-index.ts';
import { EMPTY_STATE } from '../../src/core/state/state.ts';
import { renderBlock } from '../../src/core/table/managed-block.ts';
import { createRefresher } from '../../src/daemon/refresher.ts';
import type { Clock } from '../../src/ports.ts';
import { definition } from '../double/definition.ts';
import { SILENT } from '../double/report.ts';
import { sendersZone } from '../double/senders-zone.ts';
import { stateOnly } from '../double/state-only.ts';
import { zoneResolver } from '../double/zone-resolver.ts';
import type { Grown, Kept } from './growth.ts';
import { addressesAround, sendersWith } from './networks.ts';
import { median } from './suite.ts';

const NOW = Date.parse('2026-11-24T04:23:00Z');
const SEED = 1;
const ROUNDS = 5;
const ASKING = { refresh: { cron: '', everyMs: 86_400_000 }, dnsServers: [] };

/** Makes ready, and gives what is to be timed, with how often it then does its work. */
type Work = (count: number) => { readonly run: () => unknown; readonly times: number };

const WORKS: Readonly<Record<Kept, Work>> = {
  networks(count) {
    const senders = sendersWith(count, SEED);
    const index = buildSenderIndex(senders);
    const addresses = addressesAround(senders, 100_000, SEED);
    const run = () => {
      for (const text of addresses) {
        const address = parseAddress(text);
        if (address !== undefined) index.find(address);
      }
    };
    return { run, times: addresses.length };
  },
  'networks, built'(count) {
    const senders = sendersWith(count, SEED);
    return { run: () => buildSenderIndex(senders), times: count };
  },
  'networks, merged'(count) {
    const networks = sendersWith(count, SEED).flatMap((sender) => sender.networks);
    return { run: () => aggregate(networks), times: count };
  },
  entries(count) {
    const { networks = [] } = sendersWith(1000, SEED)[0] ?? {};
    const entries = Array.from({ length: count }, (_, i) =>
      newEntry(`sender-${i}`, NOW, { scope: 'sender', networks: [], cause: 'dnsbl 550' }),
    );
    const sections = entries.map((entry) => ({ entry, networks: networks.slice(0, 5) }));
    const run = () => [renderBlock(sections), JSON.stringify({ ...EMPTY_STATE, entries })];
    return { run, times: count };
  },
  senders(count) {
    const senders = Array.from({ length: count }, (_, i) =>
      definition({
        id: `sender-${i}`,
        spf: [`s${i}.example`],
        networks: [`11.${(i >> 8) & 255}.${i & 255}.0/24`],
      }),
    );
    const resolver = zoneResolver(sendersZone(senders));
    const writer = stateOnly();
    const { signal } = new AbortController();
    const refresher = createRefresher({ clock, resolver, report: SILENT }, senders, ASKING, writer, signal);
    return { run: () => refresher.all(), times: count };
  },
  'open sessions'(count) {
    const sessions = createSessions({ open: 2 * count, ageMs: 15 * 60_000 });
    const line = (i: number, message: string) =>
      parseEvent(
        `2026-11-24T04:23:00+00:00 mail postfix/postscreen[1]: ${message}[11.${i >> 16}.${(i >> 8) & 255}.${i & 255}]:40000`,
      );
    const events = Array.from({ length: 2 * count }, (_, i) => ({
      connect: line(i, 'CONNECT from '),
      disconnect: line(i, 'DISCONNECT '),
    }));
    for (const { connect } of events.slice(0, count)) if (connect !== undefined) sessions.take(connect, NOW);
    // As many are open all the time: one ends, another begins.
    let next = 0;
    const run = () => {
      for (let i = 0; i < 10_000; i += 1) {
        const ends = events[next % events.length]?.disconnect;
        const begins = events[(next + count) % events.length]?.connect;
        if (ends !== undefined) sessions.take(ends, NOW);
        if (begins !== undefined) sessions.take({ ...begins, stamp: String(next) }, NOW);
        next += 1;
      }
    };
    return { run, times: 20_000 };
  },
};

const cron = () => ({ next: () => null, ended: Promise.resolve() });
const clock: Clock = { now: () => NOW, sleep: async () => {}, cron };

const [kept = '', count = ''] = process.argv.slice(2);
const { run, times } = WORKS[kept as Kept](Number(count));
const rounds: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  rounds.push(user + system);
}
const grown: Grown = {
  usEach: median(rounds) / times,
  peakMiB: process.resourceUsage().maxRSS / 2 ** 10,
};
process.stdout.write(JSON.stringify(grown));

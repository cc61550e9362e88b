// Refreshes senders as the daemon does, once for each message, so that the first time is that of a cold process.
// Arguments: DNS server; which senders; most questions at once, or `daemon` for as many as the daemon asks.

import { createRefresher } from '../../src/daemon/refresher.ts';
import { createClock } from '../../src/edge/clock.ts';
import { createResolver } from '../../src/edge/dns.ts';
import { SILENT } from '../double/report.ts';
import { stateOnly } from '../double/state-only.ts';
import { answerParent } from './child.ts';
import { type Refreshed, sendersOf } from './refresh.ts';

const ASKING = { refresh: { cron: '', everyMs: 86_400_000 }, dnsServers: [] };
/** The same time in all processes, so that what they learn can be compared whole. */
const NOW = Date.parse('2026-11-24T04:23:00Z');

const [server = '', set = '', concurrency = ''] = process.argv.slice(2);
const senders = sendersOf(set);
const clock = { ...createClock(SILENT), now: () => NOW };

async function refreshOnce(): Promise<Refreshed> {
  const writer = stateOnly();
  const most = concurrency === 'daemon' ? {} : { concurrency: Number(concurrency) };
  const resolver = createResolver({ servers: [server], ...most });
  const { signal } = new AbortController();
  const refresher = createRefresher({ clock, resolver, report: SILENT }, senders, ASKING, writer, signal);
  const begun = performance.now();
  await refresher.all(new Set(senders.map(({ id }) => id)));
  return { ms: performance.now() - begun, learnt: writer.state.senders };
}

answerParent(refreshOnce);

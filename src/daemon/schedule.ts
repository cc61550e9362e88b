// What the daemon does each minute, each hour and at the times of SCREENPASS_REFRESH and SCREENPASS_DIGEST.

import type { Config } from '../config/settings.ts';
import type { Ports } from '../ports.ts';
import type { Digests } from './digests.ts';
import type { Expiry } from './expiry.ts';
import type { LookupQueue } from './lookup-queue.ts';
import type { OtherGates } from './other-gates.ts';
import type { Pipeline } from './pipeline.ts';
import type { Refresher } from './refresher.ts';
import type { SenderFaults } from './sender-faults.ts';
import type { VetoWatch } from './veto-watch.ts';
import type { Writer } from './writer/writer.ts';

const EACH_MINUTE = '* * * * *';
const HOURLY = '17 * * * *';
/** So that not all installations ask the same DNS server at the same minute. */
const REFRESH_JITTER_MS = 10 * 60_000;

export interface Schedule {
  /** Times of the next runs in ms; null: none is known. */
  next(): { readonly hourly: number | null; readonly refresh: number | null };
  /** When no job runs any more, after the signal aborted. */
  readonly ended: Promise<unknown>;
}

export interface ScheduledParts {
  readonly writer: Writer;
  readonly pipeline: Pipeline;
  readonly senderFaults: SenderFaults;
  readonly otherGates: OtherGates;
  readonly lookups: LookupQueue;
  readonly vetoes: VetoWatch;
  readonly expiry: Expiry;
  readonly digests: Digests;
  readonly refresher: Refresher;
}

export function schedule(
  config: Config,
  clock: Ports['clock'],
  parts: ScheduledParts,
  signal: AbortSignal,
): Schedule {
  const { writer, pipeline, senderFaults, lookups, vetoes, refresher } = parts;

  function eachMinute(): void {
    parts.expiry.minute();
    senderFaults.eachMinute(writer.state.entries, clock.now());
    pipeline.reportDue(clock.now());
    lookups.resume();
    vetoes.resume();
  }

  async function eachHour(): Promise<void> {
    parts.otherGates.reportDue(clock.now());
    parts.digests.reportMissed();
    await refresher.due();
  }

  const refreshAll = async () => void (await refresher.all());
  const hourly = clock.cron(HOURLY, eachHour, signal);
  const refreshes = clock.cron(config.refresh.cron, refreshAll, signal, REFRESH_JITTER_MS);
  const jobs = [hourly, refreshes, clock.cron(EACH_MINUTE, eachMinute, signal)];
  if (config.digest !== null) jobs.push(clock.cron(config.digest.cron, parts.digests.report, signal));
  return {
    next: () => ({ hourly: hourly.next(), refresh: refreshes.next() }),
    ended: Promise.all(jobs.map(({ ended }) => ended)),
  };
}

/** `screenpass probe`: prints which watched senders postscreen would refuse now. */

import type { Config } from '../config/settings.ts';
import { unwatched } from '../core/policy/manual-entry.ts';
import { faultsOf, type ProbeReport, probeExitCode } from '../core/probe/judgement.ts';
import { buildRoster } from '../core/senders/roster.ts';
import { namesOf } from '../daemon/requests.ts';
import { probe as run } from '../diagnose/probe-run.ts';
import { createResolver } from '../edge/dns.ts';
import { createDockerEngine } from '../edge/docker.ts';
import { readKnowledge } from './known.ts';
import { complain, createProgress, print, tableOf } from './output.ts';

/** DNS questions at once, so that blocklists are not flooded. */
const QUESTIONS_AT_ONCE = 16;

/**
 * `sender`: that one only. Prints a table, or one JSON document. Returns the exit code: 1 when a sender would be refused, 2
 * when none has that name, 3 when an answer was missing that matters. Rejects with EngineError and FileError.
 */
export async function probe(
  config: Config,
  sender: string | undefined,
  options: { readonly json: boolean; readonly dnsServers: readonly string[] },
): Promise<0 | 1 | 2 | 3> {
  const { senders } = buildRoster(config.senders, await readKnowledge(config), Date.now());
  const asked = senders.filter(({ id }) => sender === undefined || id === sender);
  if (sender !== undefined && asked.length === 0) {
    complain(unwatched(sender, namesOf(config)));
    return 2;
  }
  const progress = createProgress();
  const report = await run(asked, config.container, {
    engine: createDockerEngine({ host: config.dockerHost, container: config.container }),
    resolver: createResolver({ servers: options.dnsServers, concurrency: QUESTIONS_AT_ONCE }),
    onProgress: (done, all) => progress.report(() => `${done} of ${all} addresses`),
  }).finally(progress.clear);
  print(report, options.json, shown);
  return probeExitCode(report.senders);
}

function shown(report: ProbeReport): string {
  const rows = report.senders.map(({ sender, networks, addresses, verdict, why }) => [
    sender,
    `${networks}`,
    `${addresses.length}`,
    `${addresses.filter((one) => one.verdict === 'permitted').length}`,
    verdict,
    why,
  ]);
  return `${tableOf(['ID', 'NETWORKS', 'SAMPLED', 'PERMITTED', 'VERDICT', 'WHY'], rows)}\n${summary(report)}\n`;
}

function summary({ senders, zones, action, threshold }: ProbeReport): string {
  const count = (verdict: string) => senders.filter((one) => one.verdict === verdict).length;
  const sampled = senders.reduce((sum, { addresses }) => sum + addresses.length, 0);
  const lists =
    zones.length === 0
      ? `no zone can refuse (${action === 'ignore' ? 'postscreen_dnsbl_action = ignore' : 'postscreen_dnsbl_sites is empty'})`
      : `threshold ${threshold}, zones ${zones.join(', ')}`;
  const faults = [...faultsOf(senders)].map(
    ([fault, times]) => `${fault} (${times} ${times === 1 ? 'address' : 'addresses'})`,
  );
  return [
    `${senders.length} senders: ${count('passes')} pass, ${count('refused')} refused, ${count('unknown')} unknown`,
    `${sampled} addresses`,
    lists,
    ...faults,
  ].join('; ');
}

// Asks the senders' own domains for their networks, on schedule and on command. Answers are judged in core/senders.

import type { Config } from '../config/settings.ts';
import { serversText } from '../core/dns/dns-servers.ts';
import { addressOf } from '../core/net/network.ts';
import { afterRefresh } from '../core/policy/entry-changes.ts';
import { unlessDenied } from '../core/senders/denied-names.ts';
import { type Identity, identify } from '../core/senders/identity.ts';
import {
  isDue,
  isUnlistable,
  type Knowledge,
  knowledgeOf,
  WITHOUT_NETWORKS,
  withoutNetworks,
} from '../core/senders/knowledge.ts';
import {
  type Answers,
  type Judged,
  judgeAnswers,
  mainReason,
  type RefreshSummary,
  summarise,
} from '../core/senders/list-judgement.ts';
import type { SenderDefinition } from '../core/senders/sender.ts';
import { type Expansion, expandDomain } from '../core/spf/spf-expand.ts';
import type { Ports, Report } from '../ports.ts';
import { inTime } from './in-time.ts';
import type { Writer } from './writer/writer.ts';

/** A sender whose answers take longer counts as one that did not answer. */
const DEADLINE_MS = 30_000;

export interface Refresher {
  /** Asks all senders now. Changes of those in `accept` are taken, however large. */
  all(accept?: ReadonlySet<string>): Promise<RefreshSummary>;
  /** Asks the senders of which it is time. */
  due(): Promise<RefreshSummary>;
  /** The same, and those whose last answer was not good: a restart may have fixed that (SCREENPASS_DNS, a network). */
  starting(): Promise<RefreshSummary>;
}

/**
 * Asks the senders' own domains for their networks. Refreshes run one after another; each ends in one new state, so
 * that there is one write and one reload. One that the signal cuts short changes nothing.
 */
export function createRefresher(
  { clock, resolver, report }: Pick<Ports, 'clock' | 'resolver' | 'report'>,
  definitions: readonly SenderDefinition[],
  { refresh: { everyMs }, dnsServers }: Pick<Config, 'refresh' | 'dnsServers'>,
  writer: Pick<Writer, 'state' | 'update'>,
  signal: AbortSignal,
): Refresher {
  const asking = { clock, resolver, signal };
  let last: Promise<unknown> = Promise.resolve();

  function inTurn(isMeant: (sender: SenderDefinition) => boolean, accept: ReadonlySet<string>) {
    const next = last.then(() => run(definitions.filter(isMeant), accept));
    last = next;
    return next;
  }

  async function run(senders: readonly SenderDefinition[], accept: ReadonlySet<string>) {
    const answers = await Promise.all(senders.map((sender) => ask(sender, known(sender), asking)));
    if (signal.aborted || answers.length === 0) return summarise([]);
    const now = clock.now();
    const judged = unlessDenied(answers, known, serversText(dnsServers)).map((one) =>
      judgeAnswers(one, known(one.sender), now, accept.has(one.sender.id)),
    );
    writer.update(afterRefresh(writer.state, judged));
    reportJudged(judged, report, new Date(now).toISOString());
    return summarise(judged);
  }

  function known(sender: SenderDefinition): Knowledge {
    return knowledgeOf(sender, writer.state.senders);
  }

  function canBeAsked(sender: SenderDefinition): boolean {
    return sender.spf.length > 0 || known(sender).proven.length > 0;
  }

  function isDueNow(sender: SenderDefinition): boolean {
    return canBeAsked(sender) && isDue(known(sender), clock.now(), everyMs);
  }

  return {
    all: (accept = new Set()) => inTurn(canBeAsked, accept),
    due: () => inTurn(isDueNow, new Set()),
    async starting() {
      const isTroubled = (sender: SenderDefinition) => canBeAsked(sender) && known(sender).trouble !== null;
      const summary = await inTurn((sender) => isDueNow(sender) || isTroubled(sender), new Set());
      const bare = withoutNetworks(definitions, writer.state.senders, clock.now());
      if (bare.length > 0) report.info(`${bare.map(({ id }) => id).join(', ')}: ${WITHOUT_NETWORKS}`);
      return summary;
    },
  };
}

/** What is needed to ask DNS, and to stop waiting for it. */
type Asking = Pick<Ports, 'clock' | 'resolver'> & { readonly signal: AbortSignal };

/** Asks for all that is listed or was proven of the sender; what does not answer within DEADLINE_MS has no answer. */
async function ask(sender: SenderDefinition, knowledge: Knowledge, asking: Asking): Promise<Answers> {
  const { clock, resolver, signal } = asking;
  const unlistable = isUnlistable(sender, knowledge) ? [sender] : [];
  const expansions = Promise.all(sender.spf.map((domain) => expand(domain, asking)));
  const identities = knowledge.proven.map(async ({ network }) => {
    const identity = identify(addressOf(network), [sender], unlistable, resolver);
    const late = { kind: 'unknown', reason: 'no answer in time' } as const;
    return [network, await inTime<Identity>(clock, DEADLINE_MS, signal, identity, late)] as const;
  });
  return { sender, expansions: await expansions, identities: new Map(await Promise.all(identities)) };
}

function expand(domain: string, { clock, resolver, signal }: Asking): Promise<Expansion> {
  const late = { kind: 'failed', domain, reason: 'timeout' } as const;
  return inTime<Expansion>(clock, DEADLINE_MS, signal, expandDomain(domain, resolver), late);
}

/** Alerts where a state changed, not where it stays. */
function reportJudged(judged: readonly Judged[], report: Report, id: string): void {
  const { added, removed } = summarise(judged);
  const recovered = judged.filter(({ before, after }) => before.trouble !== null && after.trouble === null);
  if (Object.keys({ ...added, ...removed }).length > 0 || recovered.length > 0)
    report.alert('senders-refreshed', id, {
      added,
      removed,
      recovered: recovered.map(({ sender }) => sender),
    });
  const { failed } = summarise(judged.filter(({ before }) => before.trouble?.kind !== 'failed'));
  const reason = mainReason(failed);
  if (reason !== undefined) {
    const senders = failed.map(({ sender }) => sender);
    report.alert('refresh-failed', id, { senders, count: senders.length, reason });
  }
  for (const { sender, before, after } of judged) {
    if (after.trouble?.kind !== 'suspicious' || before.trouble?.kind === 'suspicious') continue;
    const { reason, acceptable } = after.trouble;
    const remedy = acceptable
      ? `If the change is right, run docker exec screenpass screenpass refresh --accept ${sender}`
      : null;
    report.alert('sender-suspicious', `${sender} ${reason}`, { sender, reason, remedy });
  }
}

import { createDnsblWatch, type DnsblFault } from './core/dnsbl-fault.ts';
import { createClientWatch } from './core/hidden-clients.ts';
import { type Address, formatAddress } from './core/network.ts';
import type { PostfixEvent } from './core/postfix-event.ts';
import type { Refusal } from './core/session.ts';
import type { Entry } from './core/state.ts';
import { whyStillRefused } from './core/still-refused.ts';
import type { Report } from './ports.ts';

const UNHIDE =
  'Nothing is allowed until it does. Let the Engine pass the addresses on (no userland proxy, IPv6 enabled), or use the PROXY protocol behind a proxy: screenpass doctor has the lines';

/** What a refusal shows. */
interface Trouble {
  /** The zone that refused it and is at fault. */
  readonly faultyZone: string | undefined;
  /** The entry should have let it in. */
  readonly isStillRefused: boolean;
}

/** Sees causes that stand behind many refusals, and entries that do not help. */
export interface Troubles {
  event(event: PostfixEvent, at: number): void;
  /** A session ended, whoever the client was. */
  client(address: Address, refused: boolean, at: number): void;
  /** A watched sender was refused; `entry` when one opens its address. */
  refused(sender: string, refusal: Refusal, entry: Entry | undefined): Trouble;
  /** A watched sender got through. */
  passed(sender: string): void;
}

/** Each trouble is told when it begins, not again while it lasts. */
export function createTroubles(report: Report): Troubles {
  const dnsbls = createDnsblWatch();
  const clients = createClientWatch();
  const stillRefused = new Set<string>();

  function tell(fault: DnsblFault | undefined, at: number): void {
    if (fault !== undefined) report.alert('dnsbl-fault', `${fault.zone} ${at}`, { ...fault });
  }

  return {
    event: (event, at) => tell(dnsbls.listed(event, at), at),
    client(address, refused, at) {
      if (!clients.take(address, refused)) return;
      const client = formatAddress(address);
      report.alert('clients-hidden', `${client} ${at}`, { client, remedy: UNHIDE });
    },
    refused(sender, refusal, entry) {
      const { ip: client, gate, at, zones } = refusal;
      tell(dnsbls.refused(sender, refusal), at);
      const why = entry === undefined ? null : whyStillRefused(entry, refusal);
      if (why !== null && !stillRefused.has(sender)) {
        stillRefused.add(sender);
        const fields = { sender, client, gate, why, at: new Date(at).toISOString() };
        report.alert('sender-still-refused', `${sender} ${at}`, fields);
      }
      const faultyZone = gate === 'dnsbl' ? dnsbls.faulty(zones, at) : undefined;
      return { faultyZone, isStillRefused: why !== null };
    },
    passed: (sender) => void stillRefused.delete(sender),
  };
}

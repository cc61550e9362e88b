// Finds faults that refusals show: a DNSBL zone, hidden clients, an entry that does not help. Repairs none of them.

import type { PostfixEvent } from '../core/log/postfix-event.ts';
import { type Address, formatAddress } from '../core/net/network.ts';
import type { Entry } from '../core/policy/entry.ts';
import type { Refusal } from '../core/postscreen/session.ts';
import { createDnsblWatch, type DnsblFault, QUIET_MS } from '../core/watch/dnsbl-fault.ts';
import { createClientWatch } from '../core/watch/hidden-clients.ts';
import { whyStillRefused } from '../core/watch/still-refused.ts';
import type { FaultMonitor } from './writer/fault-monitor.ts';

const UNHIDE =
  'Let the Engine pass the addresses on (no userland proxy, IPv6 enabled), or use the PROXY protocol behind a proxy: screenpass doctor has the lines';

/** A table that somebody took away is found, and restored, within this time: then the entry is not to blame. */
const GRACE_MS = 15_000;
/** A fault that lasts is noted again this often. */
const NOTE_MS = 60_000;

/** Finds common causes of many refusals, and entries that do not help. Times are log times in ms. */
export interface SenderFaults {
  event(event: PostfixEvent, at: number): void;
  /** A session ended, whoever the client was. */
  client(address: Address, refused: boolean, at: number): void;
  /** A watched sender was refused; `entry` when one opens its address, and so should have let it in. */
  refused(sender: string, refusal: Refusal, entry: Entry | undefined): { readonly isStillRefused: boolean };
  /** The zone that refused it and is at fault. */
  faultyZone(refusal: Refusal): string | undefined;
  /** The table let a watched sender in. */
  allowlisted(sender: string, at: number): void;
  /** The mail container is reached through these gateways. */
  gateways(addresses: readonly string[]): void;
  /** Ends what is over at `now`: faults of which nothing was seen, and those of entries that are gone. */
  eachMinute(entries: readonly Entry[], now: number): void;
}

/** What it sees are faults of the state. */
export function createSenderFaults(faults: FaultMonitor): SenderFaults {
  const dnsbls = createDnsblWatch();
  const clients = createClientWatch();

  function faultyDnsbl({ zone, reason, remedy }: DnsblFault, at: number): void {
    if (!isFaulty(zone, at)) faults.ended('dnsbl-fault', zone, at);
    const before = faults.lasting('dnsbl-fault', zone);
    if (before !== undefined && Math.abs(at - before.triedAt) < NOTE_MS) return;
    const known = before?.facts ?? { zone, reason, remedy };
    faults.failed({ kind: 'dnsbl-fault', subject: zone, reason: before?.reason ?? reason, facts: known }, at);
  }

  function isFaulty(zone: string, at: number): boolean {
    const fault = faults.lasting('dnsbl-fault', zone);
    return fault !== undefined && Math.abs(at - fault.triedAt) <= QUIET_MS;
  }

  function stillRefused(sender: string, { ip, gate, at }: Refusal, why: string): void {
    const facts = { sender, client: ip, gate, why, at: new Date(at).toISOString() };
    const fault = { kind: 'sender-still-refused', subject: sender, reason: why, facts } as const;
    faults.failed({ ...fault, blocking: true, graceMs: GRACE_MS }, at);
  }

  function faultyZone({ gate, zones, at }: Refusal): string | undefined {
    const asked = gate === 'dnsbl' ? zones.map((zone) => zone.toLowerCase()) : [];
    return asked.find((zone) => isFaulty(zone, at));
  }

  return {
    event(event, at) {
      const fault = dnsbls.listed(event);
      if (fault !== undefined) faultyDnsbl(fault, at);
    },
    client(address, refused, at) {
      const sight = clients.take(address, refused, at);
      if (sight?.kind === 'visible')
        for (const family of sight.families) faults.ended('clients-hidden', family, at);
      if (sight?.kind !== 'hidden' || faults.lasting('clients-hidden', sight.family) !== undefined) return;
      const { family } = sight;
      const facts = { client: formatAddress(address), family, remedy: UNHIDE };
      const reason = `Postfix sees ${facts.client}`;
      faults.failed(
        { kind: 'clients-hidden', subject: family, reason, facts, blocking: family === 'all' },
        at,
      );
    },
    refused(sender, refusal, entry) {
      const { at } = refusal;
      const fault = dnsbls.refused(sender, refusal);
      if (fault !== undefined) faultyDnsbl(fault, at);
      const why = entry === undefined ? null : whyStillRefused(entry, refusal);
      if (why !== null) stillRefused(sender, refusal, why);
      return { isStillRefused: why !== null };
    },
    faultyZone,
    allowlisted: (sender, at) => faults.ended('sender-still-refused', sender, at),
    gateways: clients.gateways,
    eachMinute(entries, now) {
      for (const { kind, subject, triedAt } of faults.all()) {
        const isQuiet = kind === 'dnsbl-fault' && Math.abs(now - triedAt) > QUIET_MS;
        const isGone = kind === 'sender-still-refused' && !entries.some(({ sender }) => sender === subject);
        if (isQuiet || isGone) faults.ended(kind, subject, now);
      }
    },
  };
}

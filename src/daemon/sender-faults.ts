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

/** Finds common causes of many refusals, and entries that do not help; they are faults of the state. Times are log times in ms. */
export class SenderFaults {
  readonly #faults: FaultMonitor;
  readonly #dnsbls = createDnsblWatch();
  readonly #clients = createClientWatch();

  constructor(faults: FaultMonitor) {
    this.#faults = faults;
  }

  event(event: PostfixEvent, at: number): void {
    const fault = this.#dnsbls.listed(event);
    if (fault !== undefined) this.#dnsblFailed(fault, at);
  }

  /** A session ended, whatever the client was. */
  client(address: Address, refused: boolean, at: number): void {
    const sight = this.#clients.take(address, refused, at);
    if (sight?.kind === 'visible')
      for (const family of sight.families) this.#faults.ended('clients-hidden', family, at);
    if (sight?.kind !== 'hidden' || this.#faults.lasting('clients-hidden', sight.family) !== undefined)
      return;
    const { family } = sight;
    const facts = { client: formatAddress(address), family, remedy: UNHIDE };
    const reason = `Postfix sees ${facts.client}`;
    const blocking = family === 'all';
    this.#faults.failed({ kind: 'clients-hidden', subject: family, reason, facts, blocking }, at);
  }

  /** A watched sender was refused; `entry` when one opens its address, and so should have let it in. */
  refused(sender: string, refusal: Refusal, entry: Entry | undefined): { readonly isStillRefused: boolean } {
    const fault = this.#dnsbls.refused(sender, refusal);
    if (fault !== undefined) this.#dnsblFailed(fault, refusal.at);
    const why = entry === undefined ? null : whyStillRefused(entry, refusal);
    if (why !== null) this.#stillRefused(sender, refusal, why);
    return { isStillRefused: why !== null };
  }

  /** The zone that refused it and is at fault. */
  faultyZone({ gate, zones, at }: Refusal): string | undefined {
    const asked = gate === 'dnsbl' ? zones.map((zone) => zone.toLowerCase()) : [];
    return asked.find((zone) => this.#isFaulty(zone, at));
  }

  /** The table let a watched sender in. */
  allowlisted(sender: string, at: number): void {
    this.#faults.ended('sender-still-refused', sender, at);
  }

  /** The mail container is reached through these gateways. */
  gateways(addresses: readonly string[]): void {
    this.#clients.gateways(addresses);
  }

  /** Ends what is over at `now`: faults of which nothing was seen, and those of entries that are gone. */
  eachMinute(entries: readonly Entry[], now: number): void {
    for (const { kind, subject, triedAt } of this.#faults.all()) {
      const isQuiet = kind === 'dnsbl-fault' && Math.abs(now - triedAt) > QUIET_MS;
      const isGone = kind === 'sender-still-refused' && !entries.some(({ sender }) => sender === subject);
      if (isQuiet || isGone) this.#faults.ended(kind, subject, now);
    }
  }

  #dnsblFailed({ zone, reason, remedy }: DnsblFault, at: number): void {
    if (!this.#isFaulty(zone, at)) this.#faults.ended('dnsbl-fault', zone, at);
    const before = this.#faults.lasting('dnsbl-fault', zone);
    if (before !== undefined && Math.abs(at - before.triedAt) < NOTE_MS) return;
    const facts = before?.facts ?? { zone, reason, remedy };
    this.#faults.failed({ kind: 'dnsbl-fault', subject: zone, reason: before?.reason ?? reason, facts }, at);
  }

  #isFaulty(zone: string, at: number): boolean {
    const fault = this.#faults.lasting('dnsbl-fault', zone);
    return fault !== undefined && Math.abs(at - fault.triedAt) <= QUIET_MS;
  }

  #stillRefused(sender: string, { ip, gate, at }: Refusal, why: string): void {
    const facts = { sender, client: ip, gate, why, at: new Date(at).toISOString() };
    const fault = { kind: 'sender-still-refused', subject: sender, reason: why, facts } as const;
    this.#faults.failed({ ...fault, blocking: true, graceMs: GRACE_MS }, at);
  }
}

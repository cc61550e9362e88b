// Finds DNSBL zones whose listings are not to be trusted, and limits the entries that they caused.

import type { PostfixEvent } from '../log/postfix-event.ts';
import type { Allowlist } from '../policy/entry.ts';
import { errorAnswer } from '../postscreen/dnsbl-zone.ts';
import type { Refusal } from '../postscreen/session.ts';

/** So many watched senders refused by one zone within so many ms: then the zone, or the way to it, is wrong. */
const UNRELATED = 4;
const WINDOW_MS = 10 * 60_000;
/** A fault of which nothing was seen for so long is over. */
export const QUIET_MS = 3_600_000;
/** Zones that are kept in mind; postscreen asks a handful. */
const MOST_ZONES = 100;

/** A DNSBL zone that lists everybody, or answers with an error that Postfix takes for a listing. */
export interface DnsblFault {
  /** In lower case. */
  readonly zone: string;
  readonly reason: string;
  readonly remedy: string;
}

/** Times are log times in ms. */
export interface DnsblWatch {
  /** The fault that dnsblog's line shows. */
  listed(event: PostfixEvent): DnsblFault | undefined;
  /** The fault that this refusal of a watched sender shows, with those before it. */
  refused(sender: string, refusal: Refusal): DnsblFault | undefined;
}

/** By sender: when this zone refused it last. */
type Zone = Map<string, number>;

const REMEDY =
  'Give the mail container its own resolver, not a public one (dns: in its Compose service), or remove the zone from postscreen_dnsbl_sites (ENABLE_DNSBL=0 turns all zones off)';

/** An entry that a faulty zone made lives so long. */
const FAULTY_MS = 86_400_000;

/** With an end for the entries that a faulty zone made just before `at`, before its fault was known. */
export function limitEntries<S extends Pick<Allowlist, 'entries'>>(state: S, zone: string, at: number): S {
  const entries = state.entries.map((entry) => {
    const made = entry.cause?.toLowerCase().endsWith(` ${zone}`) && Math.abs(at - entry.since) <= WINDOW_MS;
    return made && entry.until === null ? { ...entry, until: at + FAULTY_MS } : entry;
  });
  return { ...state, entries };
}

/** Sees when a zone of postscreen_dnsbl_sites does not say what it seems to say. */
export function createDnsblWatch(): DnsblWatch {
  const zones = new Map<string, Zone>();

  function zoneOf(key: string): Zone {
    const zone = zones.get(key) ?? new Map();
    zones.delete(key);
    zones.set(key, zone);
    const [oldest] = zones.keys();
    if (zones.size > MOST_ZONES && oldest !== undefined) zones.delete(oldest);
    return zone;
  }

  return {
    listed({ kind, dnsbl, text }) {
      if (kind !== 'dnsbl_listed' || dnsbl === null) return undefined;
      const reason = errorAnswer(text ?? '');
      return reason === undefined ? undefined : { zone: dnsbl.toLowerCase(), reason, remedy: REMEDY };
    },
    refused(sender, { gate, zones: [name], at }) {
      if (gate !== 'dnsbl' || name === undefined) return undefined;
      const zone = name.toLowerCase();
      const senders = zoneOf(zone);
      senders.set(sender, at);
      for (const [id, seen] of senders) if (Math.abs(at - seen) > WINDOW_MS) senders.delete(id);
      if (senders.size < UNRELATED) return undefined;
      const ids = [...senders.keys()].sort().join(', ');
      const reason = `it refused ${senders.size} unrelated senders within ten minutes: ${ids}`;
      return { zone, reason, remedy: REMEDY };
    },
  };
}

// Asks the zones of SCREENPASS_VETO_DNSBL about an address. What follows from the answer is in veto.ts.
import type { Resolver } from '../dns/resolver.ts';
import { type Address, parseAddress } from '../net/network.ts';
import { listingName, readZoneAnswer, type ZoneLook } from '../postscreen/dnsbl-zone.ts';

/** What the veto zones say of an address together. `unknown`: none lists it, and one did not answer. */
export interface VetoAnswer {
  readonly kind: 'listed' | 'clear' | 'unknown';
  /** By zone. */
  readonly looks: ReadonlyMap<string, ZoneLook>;
}

/** Asks all zones about the address. An answer of the error range is no listing. Never rejects. */
export async function askVetoes(
  address: Address,
  zones: ReadonlySet<string>,
  resolver: Pick<Resolver, 'a'>,
): Promise<VetoAnswer> {
  const looks = await Promise.all(
    [...zones].map(
      async (zone) => [zone, readZoneAnswer(await resolver.a(listingName(address, zone)))] as const,
    ),
  );
  return vetoAnswer(new Map(looks));
}

/** The same when no zone answered in time. */
export function silence(zones: ReadonlySet<string>): VetoAnswer {
  return vetoAnswer(
    new Map([...zones].map((zone) => [zone, { kind: 'fault', reason: 'no answer in time' } as const])),
  );
}

function vetoAnswer(looks: ReadonlyMap<string, ZoneLook>): VetoAnswer {
  const kinds = [...looks.values()].map(({ kind }) => kind);
  const kind = kinds.includes('listed') ? 'listed' : kinds.includes('fault') ? 'unknown' : 'clear';
  return { kind, looks };
}

/** The first zone that lists it. */
export function listingZone({ looks }: VetoAnswer): string | undefined {
  return [...looks].find(([, look]) => look.kind === 'listed')?.[0];
}

/** What every list of addresses has, and what none has (RFC 5782 section 5). */
export const TEST_ENTRIES = { listed: parseAddress('127.0.0.2'), clear: parseAddress('127.0.0.1') } as {
  readonly listed: Address;
  readonly clear: Address;
};

import { txtOption } from '../double/dns-dnsmasq.ts';
import { lookUp, type Zone, type ZoneType } from '../double/dns-zone.ts';

/** What the DNS server is to know, as options of dnsmasq: TXT, A and PTR records. */
export function dnsmasqOptions(zone: Zone): string[] {
  return Object.keys(zone).flatMap((name) => [
    ...recordsOf(zone, 'TXT', name).map((text) =>
      txtOption(name, typeof text === 'string' ? text : text.join('')),
    ),
    ...recordsOf(zone, 'A', name).map((address) => `--host-record=${name},${address}`),
    ...recordsOf(zone, 'PTR', name).map((target) => `--ptr-record=${name},${target}`),
  ]);
}

function recordsOf<T extends ZoneType>(zone: Zone, type: T, name: string) {
  const answer = lookUp(zone, type, name);
  if (answer.kind !== 'records')
    throw new Error(`no option makes dnsmasq answer for ${name} with ${answer.kind}`);
  return answer.records;
}

import { formatNetwork } from '../../src/core/net/network.ts';
import type { SenderDefinition } from '../../src/core/senders/sender.ts';
import type { Zone } from './dns-zone.ts';

/** A DNS in which each sender lists, at its first domain, the networks that its definition has. */
export function sendersZone(senders: readonly SenderDefinition[]): Zone {
  const records = senders.flatMap(({ spf, networks, unlistable }) =>
    spf.map((domain, i) => {
      const listed =
        i > 0 || unlistable ? [] : networks.map((one) => `ip${one.family}:${formatNetwork(one)}`);
      const terms = unlistable ? [`exists:%{i}._spf.${domain}`] : listed;
      return [domain, { TXT: [['v=spf1', ...terms, '-all'].join(' ')] }] as const;
    }),
  );
  return Object.fromEntries(records);
}

// Finds out whether Postfix sees the addresses of its clients, or a gateway's in their place.

import { type Address, type Family, formatAddress, network } from '../net/network.ts';
import { buildSenderIndex } from '../senders/sender-index.ts';

/** Private space (RFC 1918, RFC 6598, RFC 4193, RFC 3927): where a proxy or a gateway hides the real client. */
const PRIVATE = '10.0.0.0/8 100.64.0.0/10 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 fc00::/7 fe80::/10'
  .split(' ')
  .map(network);
const PRIVATE_SPACE = buildSenderIndex([{ id: 'private', name: 'private', networks: PRIVATE }]);

/** So many clients in a row show how it is: an own container that sends mail is no sign of a gateway. */
const IN_A_ROW = 20;
/** Public addresses of clients that were seen this lately are seen still. */
const RECENT_MS = 3_600_000;

/** Whose clients are hidden: `all`, or those of the family of which none is seen while the other is. */
type HiddenFamily = 'all' | 'IPv4' | 'IPv6';

/** What the client of a session shows. */
type ClientSight =
  | { readonly kind: 'hidden'; readonly family: HiddenFamily }
  | { readonly kind: 'visible'; readonly families: readonly HiddenFamily[] };

export interface ClientWatch {
  /** Takes the client of a session that ended at log time `at` (ms). Undefined: it shows nothing. */
  take(client: Address, refused: boolean, at: number): ClientSight | undefined;
  /** Addresses of the Engine's gateways into the mail container: what is hidden by NAT comes from these. */
  gateways(addresses: readonly string[]): void;
}

/** Sees when Postfix is shown a gateway's address in place of its clients', so that no sender can be recognised. */
export function createClientWatch(): ClientWatch {
  let row = 0;
  let gateways: ReadonlySet<string> = new Set();
  const seenAt: Record<Family, number | null> = { 4: null, 6: null };

  const isSeen = (family: Family, at: number) => {
    const seen = seenAt[family];
    return seen !== null && Math.abs(at - seen) <= RECENT_MS;
  };

  return {
    take(client, refused, at) {
      if (PRIVATE_SPACE.find(client) === undefined) {
        row = 0;
        seenAt[client.family] = at;
        return { kind: 'visible', families: ['all', `IPv${client.family}`] };
      }
      row += 1;
      const [four, six] = [isSeen(4, at), isSeen(6, at)];
      if (!four && !six) return refused || row >= IN_A_ROW ? { kind: 'hidden', family: 'all' } : undefined;
      // A machine of the administrator's own has a private address as well; the gateway has none of its own.
      if ((four && six) || !refused || !gateways.has(formatAddress(client))) return undefined;
      return { kind: 'hidden', family: four ? 'IPv6' : 'IPv4' };
    },
    gateways(addresses) {
      gateways = new Set(addresses);
    },
  };
}

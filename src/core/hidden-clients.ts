import { type Address, network } from './network.ts';
import { buildSenderIndex } from './sender-index.ts';

/** Private space (RFC 1918, RFC 6598, RFC 4193, RFC 3927): where a proxy or a gateway hides the real client. */
const PRIVATE = '10.0.0.0/8 100.64.0.0/10 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 fc00::/7 fe80::/10'
  .split(' ')
  .map(network);
const PRIVATE_SPACE = buildSenderIndex([{ id: 'private', name: 'private', networks: PRIVATE }]);

/** So many clients in a row say how it is: an own container that sends mail is no sign of a gateway. */
const IN_A_ROW = 20;

export interface ClientWatch {
  /** Takes the client of a session that ended; true when it is clear from now on that the real clients are hidden. */
  take(client: Address, refused: boolean): boolean;
}

/** Sees when Postfix is shown a gateway's address in place of its clients', so that nobody can be known. */
export function createClientWatch(): ClientWatch {
  let row = { hidden: false, length: 0 };
  let told = false;
  return {
    take(client, refused) {
      const hidden = PRIVATE_SPACE.find(client) !== undefined;
      row = row.hidden === hidden ? { hidden, length: row.length + 1 } : { hidden, length: 1 };
      if (!hidden && row.length >= IN_A_ROW) told = false;
      const clear = hidden && (refused || row.length >= IN_A_ROW);
      if (!clear || told) return false;
      told = true;
      return true;
    },
  };
}

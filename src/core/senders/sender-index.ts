// Finds the sender of an address by its networks alone. DNS is not asked.
import type { Address, Family, Network } from '../net/network.ts';
import { NO_OWNER, ownerAt, segmentsOf } from '../net/segments.ts';

/** An operator of outbound mail servers, with the networks it sends from. */
export interface Sender {
  readonly id: string;
  readonly name: string;
  readonly networks: readonly Network[];
}

/** How it is known whose address it is: a list, check_host on the sender's domain, or a name that leads back to it. */
export type Evidence = 'network' | 'spf' | 'rdns';

/** Whose address it is, and the narrowest network of the sender's that holds it. */
export interface Match {
  readonly sender: Sender;
  readonly network: Network;
  readonly evidence: Evidence;
}

export interface SenderIndex {
  find(address: Address): Match | undefined;
}

/** Builds the lookup. Where networks of several senders nest, the narrowest wins; of equal ones the first sender. */
export function buildSenderIndex(senders: readonly Sender[]): SenderIndex {
  const matches: Record<Family, Match[]> = { 4: [], 6: [] };
  const networks: Record<Family, Network[]> = { 4: [], 6: [] };
  for (const sender of senders)
    for (const network of sender.networks) {
      matches[network.family].push({ sender, network, evidence: 'network' });
      networks[network.family].push(network);
    }
  const segments = { 4: segmentsOf(networks[4], 4), 6: segmentsOf(networks[6], 6) };
  return {
    find({ family, words }) {
      const owner = ownerAt(segments[family], words);
      return owner === NO_OWNER ? undefined : matches[family][owner];
    },
  };
}

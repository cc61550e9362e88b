import { network } from '../../src/core/net/network.ts';
import type { SenderDefinition } from '../../src/core/senders/sender.ts';

/** A sender called `partner`, of which nothing was ever seen. */
export function definition(
  changes: Partial<Omit<SenderDefinition, 'networks'>> & { networks?: readonly string[] } = {},
): SenderDefinition {
  return {
    id: 'partner',
    name: 'Partner',
    category: 'saas',
    default: true,
    confidence: 'low',
    source: 'a test',
    seen: '2026-11',
    spf: ['partner.example'],
    rdns: [],
    unlistable: false,
    incomplete: false,
    pinned: false,
    ...changes,
    networks: (changes.networks ?? []).map(network),
  };
}

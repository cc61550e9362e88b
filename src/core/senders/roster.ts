// The watched senders with the networks that they have at one moment.
import { type Address, formatNetwork } from '../net/network.ts';
import { currentNetworks, isUnlistable, knowledgeOf, type SenderKnowledge } from './knowledge.ts';
import type { SenderDefinition } from './sender.ts';
import { buildSenderIndex, type Match, type Sender } from './sender-index.ts';

/** The watched senders with the networks that they have now. */
export interface Roster {
  readonly senders: readonly Sender[];
  find(address: Address): Match | undefined;
  get(id: string): Sender | undefined;
  /** Those of which single addresses have to be proven. */
  readonly unlistable: readonly SenderDefinition[];
}

/** Networks leave with time; so often that is looked at. */
const HOUR_MS = 3_600_000;

/** Gives the roster of the moment: another one when something was learnt, and each hour. */
export function createRosters(definitions: readonly SenderDefinition[]) {
  let made: { known: SenderKnowledge; at: number; roster: Roster } | undefined;
  return (known: SenderKnowledge, now: number): Roster => {
    if (made?.known !== known || Math.abs(now - made.at) >= HOUR_MS)
      made = { known, at: now, roster: buildRoster(definitions, known, now) };
    return made.roster;
  };
}

/** A value for one moment: what is learnt, and what leaves with time, takes a new one. */
export function buildRoster(
  definitions: readonly SenderDefinition[],
  known: SenderKnowledge,
  now: number,
): Roster {
  const senders = definitions.map((sender) => ({
    id: sender.id,
    name: sender.name,
    networks: currentNetworks(sender, knowledgeOf(sender, known), now),
  }));
  const byId = new Map(senders.map((sender) => [sender.id, sender]));
  const index = buildSenderIndex(senders);
  const proofs = new Map(
    definitions.flatMap((sender) =>
      knowledgeOf(sender, known).proven.map((one) => [`${sender.id} ${one.network}`, one.by] as const),
    ),
  );
  return {
    senders,
    find(address) {
      const match = index.find(address);
      if (match === undefined) return undefined;
      const by = proofs.get(`${match.sender.id} ${formatNetwork(match.network)}`);
      return by === undefined ? match : { ...match, evidence: by };
    },
    get: (id) => byId.get(id),
    unlistable: definitions.filter((sender) => isUnlistable(sender, knowledgeOf(sender, known))),
  };
}

// `senders`: the catalogue with what the daemon has learnt. It does not ask the senders.
import type { Config } from '../config/settings.ts';
import { WIDEST } from '../core/net/limits.ts';
import { formatNetwork } from '../core/net/network.ts';
import { aggregate } from '../core/net/network-set.ts';
import {
  currentNetworks,
  type Freshness,
  freshness,
  isUnlistable,
  type Knowledge,
  knowledgeOf,
  WITHOUT_NETWORKS,
} from '../core/senders/knowledge.ts';
import type { SenderDefinition } from '../core/senders/sender.ts';
import { readKnowledge } from './known.ts';
import { print, tableOf } from './output.ts';

/** A sender as it is known now. Times are ISO. */
interface Shown {
  readonly id: string;
  readonly name: string;
  readonly category: string;
  readonly watched: boolean;
  readonly networks: readonly string[];
  /** Its records authorise addresses beside these networks. */
  readonly unlistable: boolean;
  readonly freshness: Freshness;
  /** When it last answered; null: never, the catalogue holds. */
  readonly learnt: string | null;
  readonly trouble: Knowledge['trouble'];
  readonly source: string;
  readonly seen: string;
  readonly spf: readonly string[];
  readonly rdns: readonly string[];
}

/** Prints the senders with what the daemon has learnt of them: a table, or an array. Rejects with FileError. */
export async function senders(config: Config, json: boolean): Promise<void> {
  const learnt = await readKnowledge(config);
  const now = Date.now();
  const watched = new Set(config.senders.map(({ id }) => id));
  const shown = config.catalogue.map((sender) => {
    const known = knowledgeOf(sender, learnt);
    return show(sender, known, watched.has(sender.id), now, 2 * config.refresh.everyMs);
  });
  print(shown, json, () => tableFor(shown, now));
}

function show(
  sender: SenderDefinition,
  known: Knowledge,
  watched: boolean,
  now: number,
  maxAgeMs: number,
): Shown {
  const { id, name, category, source, seen, spf, rdns } = sender;
  return {
    id,
    name,
    category,
    watched,
    networks: aggregate(currentNetworks(sender, known, now), WIDEST).map(formatNetwork),
    unlistable: isUnlistable(sender, known),
    freshness: freshness(known, now, maxAgeMs),
    learnt: known.listed === null ? null : new Date(known.listed.at).toISOString(),
    trouble: known.trouble,
    source,
    seen,
    spf,
    rdns,
  };
}

function tableFor(shown: readonly Shown[], now: number): string {
  const rows = shown.map((one) => [
    one.id,
    one.name,
    one.watched ? 'yes' : 'no',
    `${one.networks.length}${one.unlistable ? '+' : ''}`,
    one.freshness,
    ageOf(one, now),
    one.trouble?.reason ?? (one.networks.length === 0 && one.watched ? WITHOUT_NETWORKS : one.source),
  ]);
  return tableOf(['ID', 'NAME', 'WATCHED', 'NETWORKS', 'STATE', 'AGE', 'SOURCE'], rows);
}

/** Of the last good answer; without one, of what the definition has. */
function ageOf({ learnt, networks, seen }: Shown, now: number): string {
  if (learnt !== null) return ageText(now - Date.parse(learnt));
  return networks.length === 0 ? 'never' : `bundled ${seen}`;
}

function ageText(ms: number): string {
  const hours = Math.max(0, Math.round(ms / 3_600_000));
  return hours < 48 ? `${hours}h` : `${Math.round(hours / 24)}d`;
}

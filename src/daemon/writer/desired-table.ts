// What the table should have, and what follows for the entries when it is written, loaded or restored. Pure.

import { createHash } from 'node:crypto';
import type { Network } from '../../core/net/network.ts';
import { type Entry, entryOf, withEntry } from '../../core/policy/entry.ts';
import type { State } from '../../core/state/state.ts';
import { renderBlock, type Section } from '../../core/table/managed-block.ts';

/** The table's block as it should be, drawn from one state. */
export interface DesiredTable {
  readonly sections: readonly Section[];
  readonly block: string;
  readonly digest: string;
}

export function digestOf(block: string): string {
  return createHash('sha256').update(block, 'latin1').digest('hex');
}

/** The entries of the state with the networks that they open. */
export function sectionsOf({ entries }: State, networksOf: (entry: Entry) => readonly Network[]): Section[] {
  return entries.map((entry) => ({ entry, networks: networksOf(entry) }));
}

export function desiredTable(sections: readonly Section[]): DesiredTable {
  const block = renderBlock(sections);
  return { sections, block, digest: digestOf(block) };
}

/** The entries that no alert has reported. */
export function unannounced(sections: readonly Section[]): readonly Section[] {
  return sections.filter(({ entry }) => !entry.announced);
}

/** Networks to check the table with: of new entries if there are any. */
export function membersOf({ sections }: DesiredTable): readonly Network[] {
  const fresh = unannounced(sections);
  return (fresh.length > 0 ? fresh : sections).flatMap(({ networks }) => networks);
}

/**
 * Whether Postfix is still to be proven to use the block. A block that is loaded must be proven again when one of its
 * entries lost its time in force: without that time, each refusal would count as one from before the table.
 */
export function isDirty({ loaded }: State, { sections, digest }: DesiredTable): boolean {
  if (loaded === null) return sections.length > 0;
  return loaded !== digest || sections.some(({ entry }) => entry.inForce === null);
}

/** It is unknown what Postfix has read: refusals of this time prove nothing about the entries. */
export function withoutProof(state: State): State {
  return { ...state, loaded: null, entries: state.entries.map((entry) => ({ ...entry, inForce: null })) };
}

/** Postfix is proven to use the block from log time `inForce` (ms) on. */
export function withProof(state: State, { sections, digest }: DesiredTable, inForce: number): State {
  return sections.reduce<State>(
    (after, { entry }) => {
      const now = unchanged(after, entry);
      return now === undefined ? after : withEntry(after, { ...now, inForce: now.inForce ?? inForce });
    },
    { ...state, loaded: digest },
  );
}

/** The entry as it is now, if it opens no more than it did when the table was drawn. */
export function unchanged(state: State, { sender, networks, granted }: Entry): Entry | undefined {
  const now = entryOf(state, sender);
  const hasGrown = granted === null && now?.granted !== null;
  return now?.networks.length === networks.length && !hasGrown ? now : undefined;
}

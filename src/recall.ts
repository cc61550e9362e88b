import type { Config } from './config.ts';
import { readEntries, splitTable } from './core/allowlist.ts';
import { parseNetwork } from './core/network.ts';
import { EMPTY_STATE, type Entry, entryOf, newEntry, OPERATOR, type State, withEntry } from './core/state.ts';
import type { Ports } from './ports.ts';
import { readState } from './schema.ts';

/**
 * What an earlier process knew: the saved state; when it is missing or unreadable, the entries that the table
 * tells of. Rejects with FileError when table or state cannot be read at all. Senders that are not watched any more lose their entry, those of SCREENPASS_PRESEED have one.
 */
export async function recall(config: Config, ports: Ports): Promise<State> {
  const table = await ports.table.read();
  const saved = (await savedState(ports)) ?? tableState(table);
  const watched = new Set(config.senders.map(({ id }) => id));
  const stays = ({ sender, cause }: Entry) =>
    watched.has(sender) || (cause === OPERATOR && parseNetwork(sender).ok);
  const entries = saved.entries.filter(stays);
  for (const { sender } of saved.entries.filter((entry) => !stays(entry))) {
    ports.report.info(`${sender} leaves the table: SCREENPASS_SENDERS does not name it any more`);
  }
  const senders = Object.fromEntries(Object.entries(saved.senders).filter(([id]) => watched.has(id)));
  const kept = { ...saved, entries, senders };
  const missing = [...config.preseed].filter((sender) => entryOf(kept, sender) === undefined);
  return missing.reduce<State>(
    (state, sender) => withEntry(state, preseeded(sender, ports.clock.now())),
    kept,
  );
}

/** The entry of a sender of SCREENPASS_PRESEED. */
export function preseeded(sender: string, now: number): Entry {
  return newEntry(sender, now, { scope: 'sender', networks: [], cause: null });
}

/** Undefined: there is none that can be used. */
async function savedState({ state, clock, report }: Ports): Promise<State | undefined> {
  const text = await state.read();
  if (text === undefined) return undefined;
  const parsed = readState(text);
  if (parsed.ok) return parsed.state;
  const aside = await state.setAside(`unreadable-${new Date(clock.now()).toISOString()}`);
  report.error(
    `the saved state cannot be read and was put aside as ${aside}; entries are taken from the table`,
    {
      problem: parsed.problem,
    },
  );
  return undefined;
}

function tableState(table: string | undefined): State {
  const entries = table === undefined ? [] : readEntries(splitTable(table).block ?? '');
  return entries.reduce<State>(withEntry, EMPTY_STATE);
}

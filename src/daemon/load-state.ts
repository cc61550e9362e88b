// The state at the start: the saved one, or what the table has, fitted to the configuration.

import type { Config } from '../config/settings.ts';
import type { AlertFields } from '../core/alerts/alert.ts';
import { parseNetwork } from '../core/net/network.ts';
import { type Entry, entryOf, newEntry, OPERATOR, withEntry } from '../core/policy/entry.ts';
import { EMPTY_STATE, type State } from '../core/state/state.ts';
import { readEntries, splitTable } from '../core/table/managed-block.ts';
import { type FaultKind, withFailure } from '../core/watch/faults.ts';
import type { Ports } from '../ports.ts';
import { reportBeginning } from './writer/fault-monitor.ts';
import type { StateKeeper } from './writer/state-keeper.ts';

/**
 * What an earlier process knew: the saved state; when there is none that can be used, the entries of the table.
 * Rejects with FileError when table or state cannot be read at all. Senders that are not watched any more lose
 * their entry, those of SCREENPASS_PRESEED have one.
 */
export async function loadState(config: Config, ports: Ports, keeper: StateKeeper): Promise<State> {
  const table = await ports.table.read();
  const saved = await stateOf(keeper, table, ports);
  const watched = new Set(config.senders.map(({ id }) => id));
  const stays = ({ sender, cause }: Entry) =>
    watched.has(sender) || (cause === OPERATOR && parseNetwork(sender).ok);
  const entries = saved.entries.filter(stays);
  for (const { sender } of saved.entries.filter((entry) => !stays(entry))) {
    ports.report.info(`${sender} leaves the table: SCREENPASS_SENDERS does not name it any more`);
  }
  const senders = Object.fromEntries(Object.entries(saved.senders).filter(([id]) => watched.has(id)));
  const { vetoZones } = config.rules;
  const faults = saved.faults.filter(
    ({ kind, subject }) =>
      !(config.mode === 'observe' && OF_ENFORCING.has(kind)) &&
      (kind !== 'veto-unanswered' || vetoZones.has(subject)) &&
      (kind !== 'sender-still-refused' || entries.some(({ sender }) => sender === subject)),
  );
  // What no zone listed, another set of zones may.
  const vetoes = { vetoes: saved.vetoes.filter(({ zone }) => vetoZones.has(zone)), cleared: {} };
  const kept = { ...saved, ...vetoes, entries, senders, faults };
  const missing = [...config.preseed].filter((sender) => entryOf(kept, sender) === undefined);
  return missing.reduce<State>(
    (state, sender) => withEntry(state, preseeded(sender, ports.clock.now())),
    kept,
  );
}

/** Faults that nothing can end in observe mode, which runs no command and writes nothing. */
const OF_ENFORCING: ReadonlySet<FaultKind> = new Set([
  'reload-failed',
  'table-invalid',
  'not-wired',
  'sender-still-refused',
]);

/** The entry of a sender of SCREENPASS_PRESEED. */
export function preseeded(sender: string, now: number): Entry {
  return newEntry(sender, now, { scope: 'sender', networks: [], cause: null });
}

/** From the saved state, or from the table when there is none that can be used, which is reported. */
async function stateOf(
  keeper: StateKeeper,
  table: string | undefined,
  ports: Pick<Ports, 'clock' | 'report'>,
): Promise<State> {
  const found = await keeper.find();
  if (found.kind === 'there') return found.state;
  const state = tableState(table);
  const entries = state.entries.length;
  if (found.kind === 'unusable') {
    const { kind: reason, problem } = found.why;
    const remedy = reason === 'newer' ? RUN_THE_NEWER : null;
    return withLoss(state, { reason, problem, aside: found.aside, entries, remedy }, ports);
  } else if (entries > 0) {
    const problem = 'it does not exist, although the table has entries';
    return withLoss(state, { reason: 'missing', problem, aside: null, entries, remedy: KEEP_IT }, ports);
  }
  return state;
}

/** Reports the loss, which lasts until a state is saved. */
function withLoss(
  state: State,
  facts: AlertFields['state-lost'],
  { clock, report }: Pick<Ports, 'clock' | 'report'>,
): State {
  const failure = { kind: 'state-lost', subject: '', reason: facts.problem, facts } as const;
  const lost = withFailure(state.faults, failure, clock.now());
  for (const fault of lost.report) reportBeginning(report, fault);
  return { ...state, faults: lost.faults };
}

function tableState(table: string | undefined): State {
  const entries = table === undefined ? [] : readEntries(splitTable(table).block ?? '');
  return entries.reduce<State>(withEntry, EMPTY_STATE);
}

const RUN_THE_NEWER =
  'Stop this version, move the file back to state.json, and run the newer version of screenpass again';
const KEEP_IT = 'Keep SCREENPASS_STATE_DIR in a volume';

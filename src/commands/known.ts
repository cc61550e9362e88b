// What the daemon has saved, for commands that work without the daemon. It writes nothing.
import { join } from 'node:path';
import type { Config } from '../config/settings.ts';
import type { SenderKnowledge } from '../core/senders/knowledge.ts';
import { EMPTY_STATE, type State } from '../core/state/state.ts';
import { readState } from '../core/state/state-schema.ts';
import { createWholeFile } from '../edge/file.ts';
import { complain } from './output.ts';

/** What the daemon remembers, for commands that read it without the daemon. */
export type Remembered = Pick<State, 'senders' | 'vetoes'>;

/** What the daemon has learnt, from its saved state; nothing when there is none. Rejects with FileError. */
export async function readRemembered(config: Config): Promise<Remembered> {
  const text = await createWholeFile(join(config.stateDir, 'state.json')).read();
  if (text === undefined) return EMPTY_STATE;
  const saved = readState(text);
  if (saved.ok) return saved.state;
  complain(`the saved state cannot be read, so this is the bundled catalogue: ${saved.problem}`);
  return EMPTY_STATE;
}

/** What the daemon has learnt of the senders. Rejects with FileError. */
export async function readKnowledge(config: Config): Promise<SenderKnowledge> {
  return (await readRemembered(config)).senders;
}

import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { SenderKnowledge } from '../core/knowledge.ts';
import { createWholeFile } from '../edge/file.ts';
import { readState } from '../schema.ts';
import { complain } from './output.ts';

/** What the daemon has learnt of the senders, from its saved state; nothing when there is none. Rejects with FileError. */
export async function readKnowledge(config: Config): Promise<SenderKnowledge> {
  const text = await createWholeFile(join(config.stateDir, 'state.json')).read();
  if (text === undefined) return {};
  const saved = readState(text);
  if (saved.ok) return saved.state.senders;
  complain(`the saved state cannot be read, so this is the bundled catalogue: ${saved.problem}`);
  return {};
}

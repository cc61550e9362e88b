import { createTableFile, createWholeFile } from '../../src/edge/file.ts';

/** Replaces the table, or the state, in the steps in which the daemon does it. */
export async function replaceFile(what: 'table' | 'state', path: string, text: string): Promise<void> {
  if (what === 'state') return createWholeFile(path).write(text);
  const table = createTableFile(path);
  const before = await table.read();
  const staged = await table.stage(text);
  await staged.commit(before);
  await staged.discard();
}

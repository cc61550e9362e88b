import type { State } from '../core/state.ts';
import { FileError, type Ports } from '../ports.ts';

/** Saves the state when it is not what was saved last. A failure is told once and tried again with the next save. */
export function createSaver({ state: file, report }: Ports): (state: State) => Promise<void> {
  let saved = '';
  let told = false;
  return async (state) => {
    const text = `${JSON.stringify(state)}\n`;
    if (text === saved) return;
    try {
      await file.write(text);
      saved = text;
      told = false;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (!told)
        report.error(`${error.message}. Until it is saved, a restart reads the log from the last save on`);
      told = true;
    }
  };
}

// The saved state: read once, written when it changed, moved away if it is unusable. It does not look into the state.

import type { State } from '../../core/state/state.ts';
import { type ReadState, readState } from '../../core/state/state-schema.ts';
import { FileError, type Ports } from '../../ports.ts';

/** What became of the saved state at the start. `aside`: where it was put; null: it could not be moved. */
type Found =
  | { readonly kind: 'there'; readonly state: State }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unusable'; readonly why: Unusable; readonly aside: string | null };

type Unusable = Extract<ReadState, { readonly ok: false }>;

/** The saved state, which is never written over unless this process has read it or put it aside. */
export interface StateKeeper {
  /** Call once, before the first save. Rejects with FileError when there is a state that cannot be opened. */
  find(): Promise<Found>;
  /**
   * Saves the state when it is not what was saved last, and when all alerts up to now are written: a kill repeats an
   * alert rather than losing it. Gives what went wrong; null: it is saved.
   */
  save(state: State): Promise<FileError | null>;
}

export function createStateKeeper({
  state: file,
  clock,
  report,
}: Pick<Ports, 'state' | 'clock' | 'report'>): StateKeeper {
  let saved = '';
  /** The suffix under which a state that cannot be used is still to be put aside. */
  let inTheWay: string | null = null;

  async function putAside(suffix: string): Promise<string> {
    const aside = await file.setAside(suffix);
    inTheWay = null;
    return aside;
  }

  /** A save that fails, for whatever reason of the file system's, is a value here; anything else is a bug. */
  async function attempt(text: string): Promise<FileError | null> {
    try {
      if (inTheWay !== null) await putAside(inTheWay);
      await file.write(text);
      return null;
    } catch (error) {
      if (error instanceof FileError) return error;
      throw error;
    }
  }

  return {
    async find() {
      const text = await file.read();
      if (text === undefined) return { kind: 'missing' };
      const read = readState(text);
      if (read.ok) return { kind: 'there', state: read.state };
      const date = new Date(clock.now()).toISOString();
      inTheWay = read.kind === 'newer' ? `version-${read.version}-${date}` : `damaged-${date}`;
      try {
        return { kind: 'unusable', why: read, aside: await putAside(inTheWay) };
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        return { kind: 'unusable', why: read, aside: null };
      }
    },

    async save(state) {
      const text = `${JSON.stringify(state)}\n`;
      if (text === saved) return null;
      await report.flushed();
      const failure = await attempt(text);
      if (failure === null) saved = text;
      return failure;
    },
  };
}

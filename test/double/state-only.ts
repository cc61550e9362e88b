import { EMPTY_STATE } from '../../src/core/state/state.ts';
import type { Writer } from '../../src/daemon/writer/writer.ts';

/** A writer that keeps the state and writes nothing. */
export function stateOnly(): Pick<Writer, 'state' | 'update'> {
  let state = EMPTY_STATE;
  return {
    get state() {
      return state;
    },
    update(next) {
      state = next;
    },
  };
}

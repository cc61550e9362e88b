import type { LogLine, StreamName } from '../ports.ts';
import type { Cursor, Mark } from './state.ts';

/** The two streams are stamped apart and mixed later, so a line can come after a younger one of the other stream. */
const OVERLAP_MS = 10_000;

export interface Position {
  /**
   * Call before each attach. Gives the stamp to read from, undefined for the beginning. The first time in a
   * process, `rebuildMs` more are read, so that sessions that were open at the cursor are known again.
   */
  attach(container: string, firstSince: string, rebuildMs: number): string | undefined;
  /** `new`: to be handled. `rebuild`: handled by an earlier process. `seen`: handled by this one. */
  judge(line: LogLine): 'new' | 'rebuild' | 'seen';
  /** The line is handled. */
  advance(line: LogLine): void;
  readonly cursor: Cursor | null;
}

/** Log time of a stamp, in ms since the epoch: digit by digit, since each line has one, and all are of one form. */
export function stampTime(stamp: string): number {
  const number = (from: number, to: number) => {
    let value = 0;
    for (let i = from; i < to; i += 1) value = value * 10 + stamp.charCodeAt(i) - 48;
    return value;
  };
  const [year, month, day] = [number(0, 4), number(5, 7), number(8, 10)];
  return Date.UTC(year, month - 1, day, number(11, 13), number(14, 16), number(17, 19), number(20, 23));
}

/** The stamp of a time in ms. */
export function timeStamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000000Z`;
}

/**
 * Where in the log we are. The Engine's `since` is inclusive and several lines can have one stamp, so what was
 * handled is found by stamp and count, for each stream by itself: only within one stream do stamps not go back.
 */
export function createPosition(start: Cursor | null): Position {
  let container = start?.container ?? null;
  /** Changed in place with each line, so nobody else may hold one. */
  const marks: Record<StreamName, { stamp: string; count: number } | null> = {
    stdout: copied(start?.stdout),
    stderr: copied(start?.stderr),
  };
  /** Lines at the mark's own stamp that this attach has still to skip; null once the mark is passed. */
  let skip: Record<StreamName, number | null> = { stdout: null, stderr: null };
  let begun = false;
  let rebuilding = false;

  return {
    attach(id, firstSince, rebuildMs) {
      if (container !== null && container !== id) {
        marks.stdout = null;
        marks.stderr = null;
      }
      const first = container === null;
      const fresh = container !== id;
      rebuilding = !begun;
      const back = OVERLAP_MS + (rebuilding ? rebuildMs : 0);
      container = id;
      skip = { stdout: marks.stdout?.count ?? null, stderr: marks.stderr?.count ?? null };
      if (first) return firstSince;
      const newest = [marks.stdout?.stamp ?? '', marks.stderr?.stamp ?? ''].sort().at(-1) ?? '';
      return fresh || newest === '' ? undefined : timeStamp(stampTime(newest) - back);
    },
    judge({ stream, stamp }) {
      begun = true;
      const mark = marks[stream];
      const left = skip[stream];
      if (mark === null || left === null) return 'new';
      if (stamp < mark.stamp || (stamp === mark.stamp && left > 0)) {
        if (stamp === mark.stamp) skip[stream] = left - 1;
        return rebuilding ? 'rebuild' : 'seen';
      }
      skip[stream] = null;
      return 'new';
    },
    advance({ stream, stamp }) {
      const mark = marks[stream];
      if (mark === null) marks[stream] = { stamp, count: 1 };
      else if (mark.stamp === stamp) mark.count += 1;
      else {
        mark.stamp = stamp;
        mark.count = 1;
      }
    },
    get cursor() {
      if (container === null) return null;
      return { container, stdout: copied(marks.stdout), stderr: copied(marks.stderr) };
    },
  };
}

function copied(mark: Mark | null | undefined): Mark | null {
  return mark ? { ...mark } : null;
}

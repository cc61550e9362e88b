/** Where in the container's log we are: which of its lines are new, and from where to read on. It reads nothing itself. */
import type { LogLine, StreamName } from './log-line.ts';
import { createTrail, endOf, type Mark, type Trail, type TrailMark, visible } from './trail.ts';

/** How far the log of which container was handled. */
export interface Cursor {
  readonly container: string;
  /** By stream: the highest stamp that was handled. */
  readonly stdout: Mark | null;
  readonly stderr: Mark | null;
  /** The stamps that were handled last, in the order of the log. */
  readonly trail: readonly TrailMark[];
}

/** The two streams are stamped apart and mixed later, so a line can come after a younger one of the other stream. */
const OVERLAP_MS = 10_000;
/** So many of the last lines of the log are looked at before it is read again. */
export const LOOK_LINES = 5_000;

export interface Position {
  /** The container that is read now, or was read last; null: none was. */
  readonly container: string | null;
  /** What was handled, as it is saved; null: nothing was. */
  readonly cursor: Cursor | null;
  /** Call often: a clock (`now` in ms) that is behind what was handled was set back, and no stamp limits the next read. */
  notice(now: number): void;
  /** Whether lines of this container were handled. If so, look at its last lines before each attach. */
  knows(container: string): boolean;
  /** Takes the last LOOK_LINES lines of the log, or all that there are: they show whether the clock was set back. */
  look(lines: readonly LogLine[]): void;
  /**
   * Call before each attach. Gives the stamp to read from, undefined for the beginning. Until a process has come to
   * the cursor, `rebuildMs` more are read, so that sessions that were open there are known again.
   */
  attach(container: string, firstSince: string, rebuildMs: number): string | undefined;
  /** Whether the Engine keeps new lines from us, since they are stamped before what the last attach asked for. */
  isDeaf(now: number): boolean;
  /** `new`: to be handled. `rebuild`: handled by an earlier process. `seen`: handled by this one. */
  judge(line: LogLine): 'new' | 'rebuild' | 'seen';
  /** The line is handled. */
  advance(line: LogLine): void;
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

/** No log has a later stamp. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59);

/** The stamp of a time in ms; of one that no stamp can have, the nearest that one can. */
export function timeStamp(ms: number): string {
  return `${new Date(Math.min(Math.max(0, ms), LAST_MS)).toISOString().slice(0, 23)}000000Z`;
}

/**
 * Where in the log we are. The log's order decides: lines are found again by the stamps that came last, in the order
 * in which they came (the trail), and what is behind them is new, whatever its stamp. Only where these stamps are
 * gone from the log (rotation) do the highest stamps decide, for each stream by itself. Stamps say from where to read,
 * and only as long as the clock has not been set back behind them.
 */
export function createPosition(start: Cursor | null): Position {
  return new LogPosition(start);
}

class LogPosition implements Position {
  #handledIn: string | null;
  #attached: string | null;
  /** Changed in place with each line, so nothing else may hold one. */
  #marks: Record<StreamName, { stamp: string; count: number } | null>;
  readonly #handled: Trail;
  /** What this attach has read so far, until the trail is found in it. */
  #read = createTrail([]);
  #wanted: readonly TrailMark[] = [];
  /** All that comes is new. */
  #isPast = true;
  /** Lines at the mark's own stamp that this attach has still to skip; null once the mark is passed. */
  #skip: Record<StreamName, number | null> = { stdout: null, stderr: null };
  #since: string | undefined;
  #wasSetBack = false;
  /** This process has read all that is before the cursor. */
  #isRebuilt = false;
  #isRebuilding = false;

  constructor(start: Cursor | null) {
    this.#handledIn = start?.container ?? null;
    this.#attached = this.#handledIn;
    this.#marks = { stdout: copied(start?.stdout), stderr: copied(start?.stderr) };
    this.#handled = createTrail(start?.trail ?? []);
  }

  get container() {
    return this.#attached;
  }

  get cursor() {
    if (this.#handledIn === null) return null;
    const { stdout, stderr } = this.#marks;
    const trail = this.#handled.marks();
    return { container: this.#handledIn, stdout: copied(stdout), stderr: copied(stderr), trail };
  }

  notice(now: number): void {
    const last = this.#lastStamp();
    this.#wasSetBack ||= last !== undefined && stampTime(last) > now + OVERLAP_MS;
  }

  knows(container: string): boolean {
    return this.#handledIn === container;
  }

  look(lines: readonly LogLine[]): void {
    const last = this.#lastStamp();
    const trail = this.#handled.marks();
    if (last === undefined || trail.length === 0) return;
    const from = timeStamp(stampTime(last) - OVERLAP_MS);
    const at = endOf(trail, lines);
    const isAll = lines.length < LOOK_LINES;
    if (at === undefined && isAll && !lines.some(({ stamp }) => stamp === last)) this.#forget();
    this.#wasSetBack ||=
      at === undefined ? stepsBack(lines) : lines.slice(at).some(({ stamp }) => stamp < from);
  }

  attach(container: string, firstSince: string, rebuildMs: number): string | undefined {
    const isKnown = this.knows(container);
    this.#isRebuilding = !this.#isRebuilt;
    this.#attached = container;
    this.#isPast = !isKnown;
    this.#read = createTrail([]);
    const { stdout, stderr } = this.#marks;
    this.#skip = { stdout: stdout?.count ?? null, stderr: stderr?.count ?? null };
    if (isKnown) this.#since = this.#sinceHandled(OVERLAP_MS + (this.#isRebuilt ? 0 : rebuildMs));
    else this.#since = this.#handledIn === null ? firstSince : undefined;
    this.#wanted = visible(this.#handled.marks(), this.#since);
    return this.#since;
  }

  isDeaf(now: number): boolean {
    return this.#since !== undefined && now < stampTime(this.#since);
  }

  judge(line: LogLine): 'new' | 'rebuild' | 'seen' {
    if (this.#isPast) {
      this.#isRebuilt = true;
      return 'new';
    }
    this.#read.add(line);
    const isOld = this.#wasHandled(line);
    const isLast = this.#read.endsWith(this.#wanted);
    if (isLast) {
      this.#isPast = true;
      this.#wasSetBack = false;
    }
    this.#isRebuilt ||= isLast || !isOld;
    if (!isLast && !isOld) return 'new';
    return this.#isRebuilding ? 'rebuild' : 'seen';
  }

  advance(line: LogLine): void {
    if (this.#handledIn !== this.#attached) {
      this.#forget();
      this.#handledIn = this.#attached;
    }
    this.#handled.add(line);
    const { stream, stamp } = line;
    const mark = this.#marks[stream];
    if (mark === null) this.#marks[stream] = { stamp, count: 1 };
    else if (mark.stamp === stamp) mark.count += 1;
    else if (mark.stamp < stamp) {
      mark.stamp = stamp;
      mark.count = 1;
    }
  }

  /** The stamp so long before the last handled line; undefined where the clock makes stamps useless. */
  #sinceHandled(backMs: number): string | undefined {
    const last = this.#lastStamp();
    return this.#wasSetBack || last === undefined ? undefined : timeStamp(stampTime(last) - backMs);
  }

  #lastStamp(): string | undefined {
    return this.#handled.marks().at(-1)?.stamp ?? newest(this.#marks);
  }

  /** By the highest stamps alone. */
  #wasHandled({ stream, stamp }: LogLine): boolean {
    const mark = this.#marks[stream];
    const left = this.#skip[stream];
    if (mark === null || left === null) return false;
    if (stamp < mark.stamp) return true;
    this.#skip[stream] = stamp === mark.stamp && left > 0 ? left - 1 : null;
    return this.#skip[stream] !== null;
  }

  /** Nothing of what was handled is left in the log. */
  #forget(): void {
    this.#marks = { stdout: null, stderr: null };
    this.#handled.clear();
  }
}

function copied(mark: Mark | null | undefined): Mark | null {
  return mark ? { ...mark } : null;
}

function newest({ stdout, stderr }: Readonly<Record<StreamName, Mark | null>>): string | undefined {
  return [stdout, stderr]
    .flatMap((mark) => mark?.stamp ?? [])
    .sort()
    .at(-1);
}

/** Whether a line is stamped before another that is in front of it, by more than the streams cross. */
function stepsBack(lines: readonly LogLine[]): boolean {
  let highest = '';
  return lines.some(({ stamp }) => {
    if (stamp > highest) highest = stamp;
    return stamp !== highest && stampTime(stamp) < stampTime(highest) - OVERLAP_MS;
  });
}

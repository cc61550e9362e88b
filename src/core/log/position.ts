import type { LogLine, StreamName } from './log-line.ts';

/** A stamp of handled lines. Several lines can share a stamp: `count` of them are handled. */
interface Mark {
  readonly stamp: string;
  readonly count: number;
}

/** Handled lines of one stream and stamp that follow each other in the log. */
export interface TrailMark extends Mark {
  readonly stream: StreamName;
}

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
/** So many stamps before the last handled line are remembered, to find it again by what stands before it. */
const TRAIL = 16;
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
 * in which they came (the trail), and what stands behind them is new, whatever its stamp. Only where these stamps are
 * gone from the log (rotation) do the highest stamps decide, for each stream by itself. Stamps say from where to read,
 * and only as long as the clock has not been set back behind them.
 */
export function createPosition(start: Cursor | null): Position {
  let container = start?.container ?? null;
  let attached = container;
  /** Changed in place with each line, so nobody else may hold one. */
  let marks: Record<StreamName, { stamp: string; count: number } | null> = {
    stdout: copied(start?.stdout),
    stderr: copied(start?.stderr),
  };
  const handled = createTrail(start?.trail ?? []);
  /** What this attach has read so far, until the trail is found in it. */
  let read = createTrail([]);
  let wanted: readonly TrailMark[] = [];
  /** All that comes is new. */
  let isPast = true;
  /** Lines at the mark's own stamp that this attach has still to skip; null once the mark is passed. */
  let skip: Record<StreamName, number | null> = { stdout: null, stderr: null };
  let since: string | undefined;
  let wasSetBack = false;
  /** This process has read all that stands before the cursor. */
  let isRebuilt = false;
  let rebuilding = false;

  function lastStamp(): string | undefined {
    return handled.marks().at(-1)?.stamp ?? newest(marks);
  }

  /** By the highest stamps alone. */
  function wasHandled({ stream, stamp }: LogLine): boolean {
    const mark = marks[stream];
    const left = skip[stream];
    if (mark === null || left === null) return false;
    if (stamp < mark.stamp) return true;
    skip[stream] = stamp === mark.stamp && left > 0 ? left - 1 : null;
    return skip[stream] !== null;
  }

  function found(): void {
    isPast = true;
    wasSetBack = false;
  }

  /** Nothing of what was handled is left in the log. */
  function forget(): void {
    marks = { stdout: null, stderr: null };
    handled.clear();
  }

  return {
    get container() {
      return attached;
    },
    get cursor() {
      if (container === null) return null;
      const { stdout, stderr } = marks;
      return { container, stdout: copied(stdout), stderr: copied(stderr), trail: handled.marks() };
    },
    notice(now) {
      const last = lastStamp();
      wasSetBack ||= last !== undefined && stampTime(last) > now + OVERLAP_MS;
    },
    knows: (id) => container === id,
    look(lines) {
      const last = lastStamp();
      const trail = handled.marks();
      if (last === undefined || trail.length === 0) return;
      const from = timeStamp(stampTime(last) - OVERLAP_MS);
      const at = endOf(trail, lines);
      const isAll = lines.length < LOOK_LINES;
      if (at === undefined && isAll && !lines.some(({ stamp }) => stamp === last)) forget();
      wasSetBack ||= at === undefined ? stepsBack(lines) : lines.slice(at).some(({ stamp }) => stamp < from);
    },
    attach(id, firstSince, rebuildMs) {
      const isKnown = container === id;
      const last = lastStamp();
      const back = OVERLAP_MS + (isRebuilt ? 0 : rebuildMs);
      rebuilding = !isRebuilt;
      attached = id;
      isPast = !isKnown;
      read = createTrail([]);
      skip = { stdout: marks.stdout?.count ?? null, stderr: marks.stderr?.count ?? null };
      if (isKnown) since = wasSetBack || last === undefined ? undefined : timeStamp(stampTime(last) - back);
      else since = container === null ? firstSince : undefined;
      wanted = visible(handled.marks(), since);
      return since;
    },
    isDeaf: (now) => since !== undefined && now < stampTime(since),
    judge(line) {
      if (isPast) {
        isRebuilt = true;
        return 'new';
      }
      read.add(line);
      const isOld = wasHandled(line);
      const isLast = read.endsWith(wanted);
      if (isLast) found();
      isRebuilt ||= isLast || !isOld;
      return !isLast && !isOld ? 'new' : rebuilding ? 'rebuild' : 'seen';
    },
    advance(line) {
      if (container !== attached) {
        forget();
        container = attached;
      }
      handled.add(line);
      const { stream, stamp } = line;
      const mark = marks[stream];
      if (mark === null) marks[stream] = { stamp, count: 1 };
      else if (mark.stamp === stamp) mark.count += 1;
      else if (mark.stamp < stamp) {
        mark.stamp = stamp;
        mark.count = 1;
      }
    },
  };
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

/** The last stamps of a log in its order; lines of one stream and stamp that follow each other are counted together. */
interface Trail {
  add(line: Pick<LogLine, 'stream' | 'stamp'>): void;
  /** Whether it ends as `marks` do. Where it is shorter, the log begins later than they do: the rest is enough. */
  endsWith(marks: readonly TrailMark[]): boolean;
  /** A copy, newest last. */
  marks(): readonly TrailMark[];
  clear(): void;
}

function createTrail(start: readonly TrailMark[]): Trail {
  /** A ring, changed in place: it takes each line of the log. */
  const ring = start.slice(-TRAIL).map((mark) => ({ ...mark }));
  let last = ring.length - 1;

  /** So many before the last one. */
  function before(i: number): TrailMark | undefined {
    return i < ring.length ? ring[(last - i + ring.length) % ring.length] : undefined;
  }

  return {
    add({ stream, stamp }) {
      const mark = ring[last];
      if (mark !== undefined && mark.stamp === stamp && mark.stream === stream) {
        mark.count += 1;
        return;
      }
      last = (last + 1) % TRAIL;
      const oldest = ring[last];
      if (oldest === undefined) ring.push({ stream, stamp, count: 1 });
      else Object.assign(oldest, { stream, stamp, count: 1 });
    },
    endsWith(marks) {
      const newest = marks.at(-1);
      if (newest === undefined || ring[last]?.stamp !== newest.stamp) return false;
      const isAlone = marks.filter((mark) => isLike(mark, newest)).length === 1;
      return marks.toReversed().every((mark, i) => {
        const own = before(i);
        if (own === undefined) return isAlone && i > 0;
        const isCut = i > 0 && i === ring.length - 1 && own.count < mark.count;
        return isLike(own, mark) && (isCut || own.count === mark.count);
      });
    },
    marks: () => ring.map((_, i) => ({ ...(before(ring.length - 1 - i) as TrailMark) })),
    clear() {
      ring.length = 0;
      last = -1;
    },
  };
}

function isLike(a: TrailMark, b: TrailMark): boolean {
  return a.stream === b.stream && a.stamp === b.stamp;
}

/** What is left of a trail when the Engine leaves out what is stamped before `since`. */
function visible(marks: readonly TrailMark[], since: string | undefined): readonly TrailMark[] {
  const left: TrailMark[] = [];
  for (const mark of marks.filter(({ stamp }) => since === undefined || stamp >= since)) {
    const last = left.at(-1);
    if (last !== undefined && isLike(last, mark))
      left[left.length - 1] = { ...mark, count: last.count + mark.count };
    else left.push(mark);
  }
  return left;
}

/** The index of the line after those that end as the trail does; undefined: none do. */
function endOf(trail: readonly TrailMark[], lines: readonly LogLine[]): number | undefined {
  const read = createTrail([]);
  const at = lines.findIndex((line) => {
    read.add(line);
    return read.endsWith(trail);
  });
  return at < 0 ? undefined : at + 1;
}

/** Whether a line is stamped before another that stands in front of it, by more than the streams cross. */
function stepsBack(lines: readonly LogLine[]): boolean {
  let highest = '';
  return lines.some(({ stamp }) => {
    if (stamp > highest) highest = stamp;
    return stamp !== highest && stampTime(stamp) < stampTime(highest) - OVERLAP_MS;
  });
}

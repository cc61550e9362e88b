/** The last stamps of a log, in its order: by them position.ts finds again what was handled. They are no times here. */
import type { LogLine, StreamName } from './log-line.ts';

/** A stamp of handled lines. Several lines can share a stamp: `count` of them are handled. */
export interface Mark {
  readonly stamp: string;
  readonly count: number;
}

/** Handled lines of one stream and stamp that follow each other in the log. */
export interface TrailMark extends Mark {
  readonly stream: StreamName;
}

/** So many stamps before the last handled line are remembered, to find it again by what is before it. */
const TRAIL = 16;

/** The last stamps of a log in its order; lines of one stream and stamp that follow each other are counted together. */
export interface Trail {
  add(line: Pick<LogLine, 'stream' | 'stamp'>): void;
  /** Whether it ends as `marks` do. Where it is shorter, the log begins later than they do: the rest is enough. */
  endsWith(marks: readonly TrailMark[]): boolean;
  /** A copy, newest last. */
  marks(): readonly TrailMark[];
  clear(): void;
}

export function createTrail(start: readonly TrailMark[]): Trail {
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
export function visible(marks: readonly TrailMark[], since: string | undefined): readonly TrailMark[] {
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
export function endOf(trail: readonly TrailMark[], lines: readonly LogLine[]): number | undefined {
  const read = createTrail([]);
  const at = lines.findIndex((line) => {
    read.add(line);
    return read.endsWith(trail);
  });
  return at < 0 ? undefined : at + 1;
}

import { ApiError, flag } from './api.ts';
import { parseSince } from './wire.ts';

/** What a reader of the log asked for. */
export interface LogQuery {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly timestamps: boolean;
  readonly since: bigint;
  /** Only so many of the last entries, of both streams together. */
  readonly tail: number;
}

const KNOWN = new Set(['follow', 'stdout', 'stderr', 'timestamps', 'since', 'tail']);

/** Reads the query of a log request; throws the Engine's own complaints. */
export function readLogQuery(query: URLSearchParams): LogQuery {
  // The double must not pretend that it heeds what it does not know.
  for (const [name, value] of query) {
    if (!KNOWN.has(name)) throw new ApiError(400, `the double does not know ${name}=${value}`);
  }
  const [stdout, stderr] = [flag(query, 'stdout'), flag(query, 'stderr')];
  if (!stdout && !stderr) throw new ApiError(400, 'Bad parameters: you must choose at least one stream');
  const text = query.get('since') || '0';
  const since = parseSince(text);
  if (since === undefined) throw new ApiError(500, `strconv.ParseInt: parsing "${text}": invalid syntax`);
  const last = query.get('tail') || 'all';
  const tail = /^\d+$/.test(last) ? Number(last) : Number.POSITIVE_INFINITY;
  return { stdout, stderr, timestamps: flag(query, 'timestamps'), since, tail };
}

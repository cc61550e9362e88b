// Runs mail-log.pl. What it prints is taken as it is: no line of a mail log is read here.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** npm starts everything here; a bundle of this file stands elsewhere. */
const PROGRAM = join(process.cwd(), 'test', 'oracle', 'mail-log.pl');

/** How a session of postscreen ended: `open` has not, `lost` was followed by another of the same address and port. */
type Outcome = 'refused' | 'passed' | 'left' | 'ended' | 'open' | 'lost';

/** One session of postscreen, in the order in which they ended. */
export interface ReadSession {
  readonly what: 'session';
  /** `[ADDRESS]:PORT`. */
  readonly client: string;
  readonly ip: string;
  readonly port: number;
  /** Stamp of its CONNECT. */
  readonly connected: string;
  /** Numbers of its first and last line, from 1. */
  readonly line: number;
  readonly end: number;
  readonly outcome: Outcome;
  /** What refused it, or what let it in. */
  readonly gate: string | null;
  readonly code: number | null;
  readonly enhanced: string | null;
}

/** One refusal by a gate behind postscreen. */
export interface ReadLater {
  readonly what: 'later';
  readonly ip: string;
  readonly gate: string;
  readonly at: string;
  readonly line: number;
}

/** What one line says by itself; `gate` and `at` (an address) if it is a refusal behind postscreen. */
export interface ReadLine {
  readonly line: number;
  readonly program: string | null;
  readonly kind: string | null;
  readonly ip: string | null;
  readonly port: number | null;
  readonly code: number | null;
  readonly enhanced: string | null;
  readonly dnsbl: string | null;
  readonly rank: number | null;
  readonly gate: string | null;
  readonly at: string | null;
}

/** Sessions and later refusals of a whole mail log. */
export function readMailLog(log: Buffer): (ReadSession | ReadLater)[] {
  return perl<ReadSession | ReadLater>(log);
}

export function readLines(log: Buffer): ReadLine[] {
  return perl<ReadLine>(log, '--lines');
}

function perl<T>(input: Buffer, ...options: string[]): T[] {
  const maxBuffer = 512 * 1024 * 1024;
  const { error, status, stdout, stderr } = spawnSync('perl', [PROGRAM, ...options], { input, maxBuffer });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`mail-log.pl ended with ${status}: ${stderr}`);
  const lines = stdout.toString('latin1').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as T);
}

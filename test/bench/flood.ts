import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { NODE_OPTIONS } from './child.ts';
import { script } from './process.ts';
import { type Row, rounded, type Suite } from './suite.ts';

/** What a flood came to. */
export interface Flooded {
  readonly ms: number;
  /** Of all threads: what counts where the machine has other work, too. */
  readonly cpuMs: number;
  readonly lines: number;
  /** The longest time that the event loop stood still. */
  readonly blockedMs: number;
  readonly peakMiB: number;
  /** To DNS, those of the refresh at start among them. */
  readonly questions: number;
  /** Refusals of watched senders that the alerts stand for. */
  readonly told: number;
  /** By kind. */
  readonly alerts: Readonly<Record<string, number>>;
}

/** Clients that are refused, clients whose sessions have no end in the log, and the log of a server with much mail. */
export type FloodKind = 'refused' | 'unending' | 'busy';

/** The second has ten times as many clients as the first: what grows with them shows. */
const FLOODS: readonly (readonly [FloodKind, sessions: number, linesASession: number])[] = [
  ['refused', 240_000, 5],
  ['refused', 2_400_000, 5],
  ['unending', 600_000, 2],
  ['busy', 120_000, 10],
];

export const flood: Suite = {
  name: 'flood',
  title:
    'the whole daemon reads a log as fast as it can, in which each session is of another client with another HELO',
  async measure() {
    const rows: Row[] = [];
    for (const [kind, sessions, linesASession] of FLOODS)
      rows.push(rowOf(kind, sessions, sessions * linesASession, await floodOf(kind, sessions)));
    return rows;
  },
};

function rowOf(kind: FloodKind, sessions: number, sent: number, flooded: Flooded): Row {
  const { lines, ms, cpuMs, blockedMs, peakMiB, questions, told, alerts } = flooded;
  const refused = kind === 'refused' ? Math.ceil(sessions / 100) : 0;
  if (lines !== sent) throw new Error(`${lines} lines came of ${sent}`);
  if (told !== refused) throw new Error(`${told} refusals of Amazon SES were told, of ${refused}`);
  return {
    log: kind,
    lines,
    'lines/s': rounded((lines / ms) * 1000),
    'lines/CPU s': rounded((lines / cpuMs) * 1000),
    'blocked ms': rounded(blockedMs),
    'peak MiB': rounded(peakMiB),
    'DNS questions': questions,
    lost: 0,
    alerts: Object.values(alerts).reduce((sum, count) => sum + count, 0),
  };
}

async function floodOf(kind: FloodKind, sessions: number): Promise<Flooded> {
  const folder = await mkdtemp(join(tmpdir(), 'screenpass-flood-'));
  try {
    const source = spawn(process.execPath, [script('flood-source-process.js'), kind, String(sessions)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const daemon = spawn(process.execPath, [script('flood-process.js'), folder], {
      stdio: [source.stdout, 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS },
    });
    return JSON.parse(await text(daemon.stdout)) as Flooded;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

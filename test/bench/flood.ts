import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Row, rounded, type Suite } from './suite.ts';

/** What a flood came to. */
export interface Flooded {
  readonly ms: number;
  readonly lines: number;
  /** The longest time that the event loop stood still. */
  readonly blockedMs: number;
  readonly peakMiB: number;
  /** To DNS, those of the refresh at start among them. */
  readonly questions: number;
  /** By kind. */
  readonly alerts: Readonly<Record<string, number>>;
}

const LINES_A_SESSION = 5;
/** The second has ten times as many clients: what grows with them shows. */
const SESSIONS = [240_000, 2_400_000];

export const flood: Suite = {
  name: 'flood',
  title:
    'the whole daemon reads sessions of refused clients, each with an address and HELO of its own, as fast as it can',
  async measure() {
    const rows: Row[] = [];
    for (const sessions of SESSIONS) rows.push(rowOf(sessions, await floodOf(sessions)));
    return rows;
  },
};

function rowOf(sessions: number, flooded: Flooded): Row {
  const { lines, ms, blockedMs, peakMiB, questions, alerts } = flooded;
  const refused = Math.ceil(sessions / 100);
  const told = alerts['sender-refused'] ?? 0;
  if (lines !== sessions * LINES_A_SESSION)
    throw new Error(`${lines} lines came of ${sessions * LINES_A_SESSION}`);
  if (told !== refused) throw new Error(`${told} refusals of Amazon SES were told, of ${refused}`);
  return {
    lines,
    'lines/s': rounded((lines / ms) * 1000),
    'blocked ms': rounded(blockedMs),
    'peak MiB': rounded(peakMiB),
    'DNS questions': questions,
    lost: 0,
    alerts: Object.values(alerts).reduce((sum, count) => sum + count, 0),
  };
}

async function floodOf(sessions: number): Promise<Flooded> {
  const folder = await mkdtemp(join(tmpdir(), 'screenpass-flood-'));
  const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  try {
    const source = spawn(process.execPath, [script('flood-source-process.js'), String(sessions)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const daemon = spawn(process.execPath, [script('flood-process.js'), folder], {
      stdio: [source.stdout, 'pipe', 'inherit'],
    });
    return JSON.parse(await text(daemon.stdout)) as Flooded;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NODE_OPTIONS } from './child.ts';

/** What a whole process cost. */
export interface Measured {
  readonly ms: number;
  readonly peakMiB: number;
}

const PEAK_MS = 10;
const PROGRAM = fileURLToPath(new URL('../screenpass.js', import.meta.url));
const ENV = { ...process.env, LC_ALL: 'C' };

/** A script of ours, as the image runs screenpass. */
export function ourScript(path: string, ...args: readonly string[]): readonly string[] {
  return ['env', `NODE_OPTIONS=${NODE_OPTIONS}`, process.execPath, path, ...args];
}

/** screenpass itself, bundled. */
export function ourCommand(...args: readonly string[]): readonly string[] {
  return ourScript(PROGRAM, ...args);
}

/** The path of a script that is bundled beside this one. */
export function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

export function isInstalled(command: string): boolean {
  return spawnSync('which', [command]).status === 0;
}

/** Its first line about its version. */
export function versionOf(command: string): string {
  const { stdout, stderr } = spawnSync(command, ['--version'], { encoding: 'utf8' });
  return /\d+(?:\.\d+)+/.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown';
}

/** Runs it to its end and throws away what it prints; `source`: a command whose output is its input. */
export async function measureProcess(
  [command = '', ...args]: readonly string[],
  [source, ...sourceArgs]: readonly string[] = [],
): Promise<Measured> {
  const begun = performance.now();
  const feeding =
    source === undefined ? null : spawn(source, sourceArgs, { stdio: ['ignore', 'pipe', 'inherit'] });
  const child = spawn(command, args, { stdio: [feeding?.stdout ?? 'ignore', 'ignore', 'ignore'], env: ENV });
  let peakMiB = 0;
  const watch = setInterval(() => {
    peakMiB = peakOf(child.pid) ?? peakMiB;
  }, PEAK_MS);
  await once(child, 'exit').finally(() => clearInterval(watch));
  return { ms: performance.now() - begun, peakMiB };
}

/** Most memory that the process held until now; undefined: it is gone. */
function peakOf(pid: number | undefined): number | undefined {
  try {
    const kiB = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kiB === undefined ? undefined : Number(kiB) / 1024;
  } catch {
    return undefined;
  }
}

/** What it prints. */
export function outputOf([command = '', ...args]: readonly string[]): string {
  return spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 30, env: ENV }).stdout;
}

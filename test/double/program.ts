import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const { PATH } = process.env;

/** The bundle, as it is shipped; `npm test` has built it. */
export const PROGRAM = join(import.meta.dirname, '..', '..', 'dist', 'screenpass.js');

/** Runs it to its end. */
export async function screenpass(
  args: string[],
  { env = {}, input = '' }: { env?: Record<string, string>; input?: string | Buffer } = {},
) {
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: { PATH, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

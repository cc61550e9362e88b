// Sends one request to the running daemon over its control socket, for the commands that need a daemon.
import { join } from 'node:path';
import type { Config } from '../config/settings.ts';
import { askControl } from '../edge/control-client.ts';
import { complain } from './output.ts';

export type Asked<T> =
  | { readonly ok: true; readonly result: T }
  | { readonly ok: false; readonly code: 2 | 3 };

/** Asks the running daemon. Writes its problem to stderr. Rejects with FileError when it does not answer. */
export async function ask<T>(
  config: Config,
  command: string,
  given: Readonly<Record<string, unknown>> = {},
  timeoutMs = 10_000,
): Promise<Asked<T>> {
  const socket = join(config.stateDir, 'control.sock');
  const reply = await askControl(socket, { command, arguments: given }, timeoutMs);
  if (reply.ok) return { ok: true, result: reply.result as T };
  complain(reply.problem);
  return { ok: false, code: reply.kind === 'usage' ? 2 : 3 };
}

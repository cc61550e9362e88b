import type { SenderDefinition } from './core/sender.ts';
import type { ControlReply, ControlRequest } from './ports.ts';
import type { Refresher } from './refresh.ts';

/** Answers what the commands of the administrator ask of the running daemon. */
export function createRequests(definitions: readonly SenderDefinition[], refresher: Refresher) {
  return async ({ command, arguments: { accept: given } }: ControlRequest): Promise<ControlReply> => {
    if (command !== 'refresh')
      return { ok: false, kind: 'usage', problem: `this daemon has no command "${command}"` };
    const accept = Array.isArray(given) ? given.map(String) : [];
    const strange = accept.filter((id) => !definitions.some((sender) => sender.id === id));
    if (strange.length > 0)
      return { ok: false, kind: 'usage', problem: `no watched sender is called ${strange.join(', ')}` };
    return { ok: true, result: await refresher.all(new Set(accept)) };
  };
}

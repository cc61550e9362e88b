// Ends the process for certain after a signal, whatever hangs. The orderly end is in commands/run.ts.
import { inspect } from 'node:util';
import { Worker } from 'node:worker_threads';

/** Before the Engine's own 10 s are over. */
const LAST_RESORT_MS = 9_000;

/**
 * Ends this process for certain soon after `stop` aborts, whatever hangs: process.exit would wait for a file operation
 * that does not end, and a timer would never come when the event loop is blocked by then. What ends by itself before is
 * not disturbed. A loop that is blocked before the signal comes hears nothing of it: then the Engine ends the container.
 */
export function armLastResort(stop: AbortSignal, ms = LAST_RESORT_MS): void {
  let bug: unknown;
  process.once('uncaughtExceptionMonitor', (error) => {
    bug = error;
  });
  process.once('exit', () => {
    if (!isFileHeld()) return;
    // Node would show it after this.
    if (bug !== undefined) process.stderr.write(`${inspect(bug)}\n`);
    endNow();
  });
  const arm = () => {
    const kill = `setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${ms})`;
    new Worker(kill, { eval: true, execArgv: [] }).unref();
    // Nothing in a container can kill its first process, not even itself; but abort ends in a fault, which does.
    if (process.pid === 1) setTimeout(endNow, ms).unref();
  };
  stop.addEventListener('abort', arm, { once: true });
}

/** Node would wait for it after the exit handlers, without end. */
function isFileHeld(): boolean {
  return process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'));
}

function endNow(): void {
  if (process.pid === 1) process.abort();
  process.kill(process.pid, 'SIGKILL');
}

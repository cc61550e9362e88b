import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { AlertKind } from '../../src/core/alerts/alert.ts';

/** One JSON line that the daemon printed. */
export interface Alert {
  readonly level: string;
  readonly time: string;
  readonly alert: AlertKind;
  readonly msg: string;
  readonly [field: string]: unknown;
}

interface Listeners {
  /** Each line as it was printed. */
  readonly line: ((line: string) => void) | undefined;
  readonly alert: (alert: Alert) => void;
}

/** An alert that has not come after this long does not come. */
const DEADLINE_MS = 12_000;

/** The real daemon as a child process, and what it says. */
export class DaemonProcess {
  readonly #child: ChildProcess;
  readonly #alerts: Alert[] = [];
  readonly #gaveUp = new AbortController();
  #complaints = '';

  /** Starts it with these settings and no others. */
  constructor(script: string, settings: Readonly<Record<string, string>>, listeners: Listeners) {
    const { PATH: path } = process.env;
    const env = { PATH: path, ...settings };
    this.#child = spawn(process.execPath, [script, 'run'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.on('error', (error) => this.giveUp(error));
    this.#child.on('exit', (code, signal) => {
      const how = signal === null ? `exit code ${code}` : signal;
      this.giveUp(new Error(`the daemon ended by itself (${how})`));
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints += text;
    });
    const { stdout } = this.#child;
    if (stdout === null) return;
    createInterface({ input: stdout }).on('line', (line) => {
      listeners.line?.(line);
      const message = JSON.parse(line) as Alert;
      if (message.alert === undefined) return;
      this.#alerts.push(message);
      listeners.alert(message);
      this.#child.emit('alert');
    });
  }

  /** The first alert of this kind that tells of the sender, or of anybody, if it comes in time. */
  async alert(kind: AlertKind, sender?: string): Promise<Alert> {
    const signal = AbortSignal.any([this.#gaveUp.signal, AbortSignal.timeout(DEADLINE_MS)]);
    for (;;) {
      const seen = this.#alerts.find(
        (one) => one.alert === kind && (sender === undefined || tellsOf(one, sender)),
      );
      if (seen !== undefined) return seen;
      try {
        await once(this.#child, 'alert', { signal });
      } catch {
        throw this.#explain(`the alert ${kind}${sender === undefined ? '' : ` of ${sender}`} did not come`);
      }
    }
  }

  /** Asks it to end, as the Engine does, and is content with exit code 0 only. */
  async stop(): Promise<void> {
    this.#child.removeAllListeners('exit');
    const ended = once(this.#child, 'close', { signal: AbortSignal.timeout(DEADLINE_MS) });
    this.#child.kill('SIGTERM');
    const [code, signal] = await ended.catch(() => {
      throw this.#explain(`the daemon did not end within ${DEADLINE_MS / 1000} s of SIGTERM`);
    });
    if (code !== 0)
      throw this.#explain(`the daemon ended with ${signal ?? `exit code ${code}`} after SIGTERM`);
  }

  /** Whoever waits for an alert stops waiting. */
  giveUp(reason: Error): void {
    this.#gaveUp.abort(reason);
  }

  kill(): void {
    this.#child.removeAllListeners('exit');
    this.#child.kill('SIGKILL');
  }

  #explain(problem: string): Error {
    const { aborted, reason } = this.#gaveUp.signal;
    const kinds = this.#alerts.map(({ alert }) => alert).join(', ') || 'none';
    const lines = [`${problem}${aborted ? `: ${(reason as Error).message}` : ''}`, `Alerts so far: ${kinds}`];
    return new Error([...lines, this.#complaints.trimEnd()].filter((line) => line !== '').join('\n'));
  }
}

function tellsOf({ sender, senders }: Alert, id: string): boolean {
  return sender === id || (Array.isArray(senders) && senders.includes(id));
}

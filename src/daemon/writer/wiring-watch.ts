import type { MailContainer } from '../../core/engine/mail-container.ts';
import { type Correction, judgeWiring, type PostfixConfiguration } from '../../core/postscreen/wiring.ts';
import { RUN_GRACE_MS } from '../../core/watch/faults.ts';
import type { Clock } from '../../ports.ts';
import type { Postfix } from '../../postfix/postfix-commands.ts';
import type { FaultMonitor } from './fault-monitor.ts';

/** Postfix's configuration is looked at this often; somebody may change it while it runs. */
export const LOOK_MS = 10 * 60_000;
/** Whether Postfix is up and consults the table. */
export interface WiringWatch {
  /** Asks Postfix when it is time to. `down`: it does not run yet, and its configuration is not final. */
  look(postfix: Postfix, container: MailContainer): Promise<'down' | 'wired' | 'not-wired'>;
  /** The configuration may be another one. */
  lookAgain(): void;
  /** As the last look found it; null before the first. */
  configuration(): PostfixConfiguration | null;
  /** What the last look found. */
  standing(): 'wired' | 'not-wired' | 'unknown';
}

/** What it finds is the fault not-wired. Rejects with EngineError. */
export function createWiringWatch(clock: Clock, faults: FaultMonitor, tableInContainer: string): WiringWatch {
  /** The run of the mail container in which Postfix was seen to be up: it is asked only once, since it logs that. */
  let upIn: string | null = null;
  let lookedAt: number | null = null;
  let configuration: PostfixConfiguration | null = null;
  const isUnreported = () => faults.lasting('not-wired')?.isOpen === false;

  return {
    async look(postfix, { run, mounts }) {
      const recent = lookedAt !== null && Math.abs(clock.now() - lookedAt) < LOOK_MS;
      const fresh = upIn === run && recent && !isUnreported();
      if (!fresh) {
        if (upIn !== run && !(await postfix.running())) return 'down';
        upIn = run;
        configuration = await postfix.configuration();
        const wiring = judgeWiring(configuration, tableInContainer, mounts);
        lookedAt = clock.now();
        if (wiring.kind === 'wired') faults.ended('not-wired');
        else notWired(faults, '', wiring);
      }
      return faults.lasting('not-wired') === undefined ? 'wired' : 'not-wired';
    },
    lookAgain() {
      lookedAt = null;
    },
    configuration: () => configuration,
    standing() {
      if (faults.lasting('not-wired') !== undefined) return 'not-wired';
      return upIn === null ? 'unknown' : 'wired';
    },
  };
}

/** `subject` is empty when the list does not name the table. */
export function notWired(
  faults: FaultMonitor,
  subject: string,
  { reason, line, remedy }: Correction & { readonly reason: string },
): void {
  const lines = remedy.split('\n').map((part) => part.trim());
  const facts = { reason, line, remedy: lines.join(' ') };
  faults.failed({ kind: 'not-wired', subject, reason, facts, blocking: true, graceMs: RUN_GRACE_MS });
}

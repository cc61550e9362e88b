import { judgeWiring } from '../core/wiring.ts';
import type { Clock, MailContainer, Report } from '../ports.ts';
import type { Postfix } from './postfix.ts';

/** Postfix's configuration is looked at this often; somebody may change it while it runs. */
const LOOK_MS = 10 * 60_000;

/** Whether Postfix is up and consults the table. */
export interface WiringWatch {
  /** Asks Postfix when it is time to. `down`: it does not run yet, and its configuration is not final. */
  look(postfix: Postfix, container: MailContainer): Promise<'down' | 'wired' | 'not-wired'>;
  /** The configuration may be another one. */
  lookAgain(): void;
  /** What the last look found. */
  standing(): 'wired' | 'not-wired' | 'unknown';
}

/** The alert not-wired comes when the answer changes. Rejects with EngineError. */
export function createWiringWatch(clock: Clock, report: Report, tableInContainer: string): WiringWatch {
  /** The run of the mail container in which Postfix was seen to be up: it is asked only once, since it logs that. */
  let upIn: string | null = null;
  let lookedAt: number | null = null;
  let trouble: string | null = null;

  return {
    async look(postfix, { run, mounts }) {
      const fresh = upIn === run && lookedAt !== null && Math.abs(clock.now() - lookedAt) < LOOK_MS;
      if (!fresh) {
        if (upIn !== run && !(await postfix.running())) return 'down';
        upIn = run;
        const wiring = judgeWiring(await postfix.configuration(), tableInContainer, mounts);
        lookedAt = clock.now();
        if (wiring.kind === 'wired') {
          if (trouble !== null) report.info('postscreen uses the table now');
          trouble = null;
        } else if (wiring.reason !== trouble) {
          const { reason, line, remedy } = wiring;
          const told = remedy.split('\n').map((part) => part.trim());
          report.alert('not-wired', reason, { reason, line, remedy: told.join(' ') });
          trouble = reason;
        }
      }
      return trouble === null ? 'wired' : 'not-wired';
    },
    lookAgain() {
      lookedAt = null;
    },
    standing: () => (trouble !== null ? 'not-wired' : upIn === null ? 'unknown' : 'wired'),
  };
}

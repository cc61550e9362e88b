import { GRANT, readableDriver, rightName } from './core/engine-remedy.ts';
import type { Position } from './core/position.ts';
import { timeStamp } from './core/position.ts';
import { SESSION_LIMITS } from './core/session.ts';
import {
  EngineError,
  type Inspection,
  type LogLine,
  type MailContainer,
  OPENED,
  type Ports,
} from './ports.ts';

const FIRST_WAIT_MS = 250;
const LAST_WAIT_MS = 15_000;

export interface Watcher {
  /** The log of this container is about to be read, for the first time or again. */
  attached(container: MailContainer): void;
  /** Nothing is followed until the next `attached`. */
  detached(): void;
}

/** What is the matter, when nothing can be followed. */
interface Trouble {
  readonly reason: string;
  readonly remedy: string;
}

/**
 * The container's log from `position` on, for ever: a stream that ends is opened again, a container that stops,
 * vanishes or is replaced under its name is waited for, an Engine that does not answer is asked again. The alerts
 * mailserver-lost and mailserver-back tell of changes only; a stream that a proxy cut is no change.
 */
export async function* followLog(
  { clock, engine, report }: Ports,
  options: { container: string; lookbackMs: number },
  position: Position,
  watcher: Watcher,
  signal: AbortSignal,
): AsyncGenerator<readonly LogLine[]> {
  const firstSince = timeStamp(clock.now() - options.lookbackMs);
  let lost: { readonly reason: string; readonly since: number } | undefined;
  let fruitless = 0;

  while (!signal.aborted) {
    const state = await look(engine, options.container);
    if (state.kind === 'running') {
      const since = position.attach(state.container.id, firstSince, SESSION_LIMITS.ageMs);
      report.debug('following', { container: state.container.id, since });
      try {
        for await (const lines of engine.follow(state.container, since, signal)) {
          if (lines === OPENED) lost = found(lost, state.container);
          else fruitless = 0;
          yield lines;
        }
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        lost = tell(lost, troubleOf(error, state.container));
      }
    } else {
      lost = tell(lost, state);
    }
    await clock.sleep(waitMs(fruitless), signal);
    fruitless += 1;
  }

  function found(before: typeof lost, container: MailContainer): undefined {
    watcher.attached(container);
    if (before === undefined) return;
    const seconds = Math.round(Math.max(0, clock.now() - before.since) / 1000);
    report.alert('mailserver-back', container.id, { container: options.container, seconds });
  }

  function tell(before: typeof lost, { reason, remedy }: Trouble): typeof lost {
    watcher.detached();
    if (before?.reason === reason || signal.aborted) return before;
    report.alert('mailserver-lost', reason, { container: options.container, reason, remedy });
    return { reason, since: before?.since ?? clock.now() };
  }
}

/** Short after a stream that gave something, since lines may be waiting; doubled with each try that gave nothing. */
function waitMs(fruitless: number): number {
  return Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(fruitless, 16));
}

async function look(
  engine: Ports['engine'],
  container: string,
): Promise<Extract<Inspection, { kind: 'running' }> | ({ kind: 'trouble' } & Trouble)> {
  try {
    const inspection = await engine.inspect();
    if (inspection.kind === 'running') return inspection;
    const stopped = inspection.kind === 'stopped';
    const reason = stopped ? 'the container is not running' : 'the Engine knows no such container';
    const remedy = stopped ? 'It is followed again when it runs' : rightName(container);
    return { kind: 'trouble', reason, remedy };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { kind: 'trouble', ...troubleOf(error) };
  }
}

function troubleOf(error: EngineError, container?: MailContainer): Trouble {
  const remedies = {
    unreachable: 'It is tried again until it answers',
    denied: GRANT,
    'unreadable-log': readableDriver(container?.logDriver ?? 'unknown'),
    failed: 'It is tried again',
  };
  return { reason: error.message, remedy: remedies[error.kind] };
}

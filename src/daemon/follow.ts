// Follows the log of the mail container: opens its stream again after each end, and reports when it is lost. Reads no line.

import type { Inspection, MailContainer } from '../core/engine/mail-container.ts';
import { GRANT, readableDriver, rightName } from '../core/engine/mail-container.ts';
import type { LogLine } from '../core/log/log-line.ts';
import { LOOK_LINES, type Position, timeStamp } from '../core/log/position.ts';
import { SESSION_LIMITS } from '../core/postscreen/session.ts';
import { EngineError, OPENED, type Ports } from '../ports.ts';
import type { FaultMonitor } from './writer/fault-monitor.ts';

const FIRST_WAIT_MS = 250;
const LAST_WAIT_MS = 15_000;
/** The clock is looked at this often while a stream is open. */
const EACH_MINUTE = '* * * * *';

export interface Watcher {
  /** The log of this container is about to be read, for the first time or again; it runs. */
  attached(container: MailContainer): void;
  /** No container runs whose log can be read, until the next `attached`. */
  detached(): void;
}

/** What is the matter, when nothing can be followed. */
interface Trouble {
  readonly reason: string;
  readonly remedy: string | null;
}

type Look =
  | Extract<Inspection, { kind: 'running' }>
  | (Extract<Inspection, { kind: 'stopped' }> & Trouble)
  | ({ readonly kind: 'away' } & Trouble);

/**
 * The container's log from `position` on, without an end: a stream that ends is opened again, a container that stops,
 * vanishes or is replaced under its name is waited for, an Engine that does not answer is asked again. What a stopped
 * container has left is read at once, since it may be removed next. A stream that a proxy
 * cut is no change; each new run of the container, and each end of a time without a log, is one mailserver-back.
 */
export async function* followLog(
  { clock, engine, report }: Pick<Ports, 'clock' | 'engine' | 'report'>,
  faults: FaultMonitor,
  options: { container: string; lookbackMs: number },
  position: Position,
  watcher: Watcher,
  signal: AbortSignal,
): AsyncGenerator<readonly LogLine[]> {
  const started = clock.now();
  let fruitless = 0;
  const presence = new Presence({ clock, report }, faults, watcher, options.container);
  /** Ends the open stream, so that another one is opened. */
  let reopen = new AbortController();
  const isStopped = async () => (await look(engine, options.container)).kind === 'stopped';

  const notice = () => {
    position.notice(clock.now());
    if (position.isDeaf(clock.now())) reopen.abort();
  };
  clock.cron(EACH_MINUTE, notice, signal);

  while (!signal.aborted) {
    position.notice(clock.now());
    const state = await look(engine, options.container);
    if (state.kind === 'running') {
      try {
        for await (const lines of read(state.container)) {
          if (lines === OPENED) presence.found(state.container);
          else fruitless = 0;
          yield lines;
        }
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        lose(troubleOf(error, state.container));
      }
      presence.streamEnded();
    } else {
      lose(state);
      if (state.kind === 'stopped' && state.container.id === position.container)
        yield* drainStopped(read(state.container), isStopped, report);
    }
    await clock.sleep(waitMs(fruitless), signal);
    fruitless += 1;
  }

  function lose(trouble: Trouble): void {
    if (signal.aborted) watcher.detached();
    else presence.lose(trouble);
  }

  /** The container's log from the position on. Rejects with EngineError. */
  async function* read(container: MailContainer): AsyncGenerator<readonly LogLine[]> {
    if (position.knows(container.id)) position.look(await engine.lastLines(container, LOOK_LINES));
    const firstSince = timeStamp(Math.min(started, clock.now()) - options.lookbackMs);
    const since = position.attach(container.id, firstSince, SESSION_LIMITS.ageMs);
    report.debug('following', { container: container.id, since });
    reopen = new AbortController();
    yield* engine.follow(container, since, AbortSignal.any([signal, reopen.signal]));
  }
}

/** The lines of a stopped container that a cut stream or a wait kept from us. Tried again as long as it is there. */
async function* drainStopped(
  stream: AsyncIterable<readonly LogLine[]>,
  isStopped: () => Promise<boolean>,
  report: Ports['report'],
): AsyncGenerator<readonly LogLine[]> {
  try {
    for await (const lines of stream) {
      // It may have started in between: then this stream has no end, and it is followed as one that runs.
      if (lines === OPENED && !(await isStopped())) return;
      yield lines;
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    report.debug('what the stopped container has left cannot be read yet', { problem: error.message });
  }
}

/** Knows whether the container is there, and reports when it is lost and when it is back. */
class Presence {
  readonly #clock: Ports['clock'];
  readonly #report: Ports['report'];
  readonly #faults: FaultMonitor;
  readonly #watcher: Watcher;
  readonly #name: string;
  /** The run that was followed last, and when its stream ended. */
  #last: { readonly run: string; readonly endedAt: number } | undefined;

  constructor(
    { clock, report }: Pick<Ports, 'clock' | 'report'>,
    faults: FaultMonitor,
    watcher: Watcher,
    name: string,
  ) {
    this.#clock = clock;
    this.#report = report;
    this.#faults = faults;
    this.#watcher = watcher;
    this.#name = name;
  }

  found(container: MailContainer): void {
    this.#watcher.attached(container);
    const now = this.#clock.now();
    const lost = this.#faults.lasting('mailserver-lost');
    const isNewRun = this.#last !== undefined && this.#last.run !== container.run;
    const since = lost?.since ?? this.#last?.endedAt ?? now;
    this.#last = { run: container.run, endedAt: now };
    this.#faults.ended('mailserver-lost');
    if (lost === undefined && !isNewRun) return;
    const seconds = Math.round(Math.max(0, now - since) / 1000);
    const id = `${container.run} ${new Date(since).toISOString()}`;
    this.#report.alert('mailserver-back', id, { container: this.#name, seconds });
  }

  /** The stream that was followed ended. */
  streamEnded(): void {
    if (this.#last !== undefined) this.#last = { ...this.#last, endedAt: this.#clock.now() };
  }

  lose({ reason, remedy }: Trouble): void {
    this.#watcher.detached();
    const facts = { container: this.#name, reason, remedy };
    this.#faults.failed({ kind: 'mailserver-lost', subject: '', reason, facts, blocking: true });
  }
}

/** Short after a stream that gave something, since lines may be waiting; doubled with each try that gave nothing. */
function waitMs(fruitless: number): number {
  return Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(fruitless, 16));
}

async function look(engine: Ports['engine'], container: string): Promise<Look> {
  try {
    const inspection = await engine.inspect();
    switch (inspection.kind) {
      case 'running':
        return inspection;
      case 'stopped': {
        const reason = 'the container is not running';
        return { ...inspection, reason, remedy: null };
      }
      case 'missing':
        return { kind: 'away', reason: 'the Engine knows no such container', remedy: rightName(container) };
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { kind: 'away', ...troubleOf(error) };
  }
}

function troubleOf(error: EngineError, container?: MailContainer): Trouble {
  const remedies = {
    unreachable: null,
    denied: GRANT,
    'unreadable-log': readableDriver(container?.logDriver ?? 'unknown'),
    failed: null,
  };
  return { reason: error.message, remedy: remedies[error.kind] };
}

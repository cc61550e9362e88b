import { createBell } from './bell.ts';
import { renderBlock } from './core/allowlist.ts';
import type { Network } from './core/network.ts';
import { afterFailure, type Backoff, NO_FAILURE, retryIn } from './core/reload.ts';
import { type Entry, entryOf, type State, withEntry } from './core/state.ts';
import { judgeWiring } from './core/wiring.ts';
import { EngineError, FileError, type MailContainer, type Ports } from './ports.ts';
import { type Postfix, postfixIn } from './postfix.ts';
import { createReloader } from './reloader.ts';
import { createTableKeeper, digestOf } from './table-keeper.ts';

/** The state is saved and the table looked at this often when nothing else asks for it. */
const HEARTBEAT_MS = 10_000;
/** A starting mail container is asked this often whether Postfix is up. */
const STARTING_MS = 2_000;

export interface WriterOptions {
  readonly mode: 'enforce' | 'observe';
  readonly reloadIntervalMs: number;
  /** The table's path inside the mail container. */
  readonly tableInContainer: string;
  /** The networks that an entry opens; none when its sender is not watched. */
  readonly networksOf: (entry: Entry) => readonly Network[];
}

/** The one place that changes state, table and Postfix. */
export interface Writer {
  readonly state: State;
  /** Takes a new state; it is saved, written and loaded soon. */
  update(state: State): void;
  /** The mail container that is followed now, for the first time or again; null when there is none. */
  serve(container: MailContainer | null): void;
  /** Postfix's master said at log time `at` (ms) that it reloaded. */
  reloaded(at: number): void;
  /** Works until the signal aborts, then finishes the write in hand and saves. */
  run(signal: AbortSignal): Promise<void>;
}

export function createWriter(ports: Ports, initial: State, options: WriterOptions): Writer {
  const { clock, engine, report } = ports;
  const bell = createBell(clock);
  const keeper = createTableKeeper(ports.table, report, options.tableInContainer, initial.loaded);
  const reloader = createReloader(clock, report, options.reloadIntervalMs);
  let state = initial;
  let container: MailContainer | null = null;
  let wired: boolean | undefined;
  let notWired: string | null = null;
  let backoff: Backoff = NO_FAILURE;

  const save = createSaver(ports);

  /** Does what is due. Gives the time until something is due again. */
  async function work(signal: AbortSignal): Promise<number> {
    await save(state);
    if (options.mode === 'observe') {
      announce(state.entries, 'observed');
      return HEARTBEAT_MS;
    }
    const wait = retryIn(backoff, clock.now());
    if (wait > 0) return wait;
    try {
      return await settle(signal);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return trouble(error);
    }
  }

  async function settle(signal: AbortSignal): Promise<number> {
    const postfix = container === null ? null : postfixIn(engine, container.id);
    const up = postfix !== null && (await look(postfix));
    const sections = state.entries.map((entry) => ({ entry, networks: options.networksOf(entry) }));
    const fresh = sections.filter(({ entry }) => !entry.announced);
    const members = (fresh.length > 0 ? fresh : sections).flatMap(({ networks }) => networks);
    const block = renderBlock(sections);
    const put = await keeper.put(block, members, up ? postfix : null);
    if (put === 'invalid') return failed();
    backoff = NO_FAILURE;
    if (put === 'waiting' || postfix === null) return container === null ? HEARTBEAT_MS : STARTING_MS;
    if (put === 'restored') state = { ...state, loaded: null };
    announce(
      fresh.map(({ entry }) => entry),
      wired === true ? 'table-written' : 'not-wired',
    );
    if (wired !== true) return HEARTBEAT_MS;
    const digest = digestOf(block);
    const plan = reloader.plan(state.loaded !== digest && (state.loaded !== null || sections.length > 0));
    if (plan.kind === 'wait') return plan.ms;
    if (plan.kind === 'idle') return HEARTBEAT_MS;
    const senders = sections.map(({ entry }) => entry.sender);
    if (await reloader.load(postfix, digest, senders, signal)) state = { ...state, loaded: digest };
    return 0;
  }

  /** Learns whether Postfix is up and, once, whether it consults the table. */
  async function look(postfix: Postfix): Promise<boolean> {
    if (wired !== undefined) return true;
    if (!(await postfix.running())) return false;
    const wiring = judgeWiring(
      await postfix.configuration(),
      options.tableInContainer,
      container?.mounts ?? [],
    );
    wired = wiring.kind === 'wired';
    const reason = wiring.kind === 'wired' ? null : wiring.reason;
    if (wiring.kind === 'not-wired' && reason !== notWired) report.alert('not-wired', wiring.reason, wiring);
    if (wiring.kind === 'wired') report.info('postscreen uses the table');
    notWired = reason;
    return true;
  }

  /** Tells of entries that are in the table now. One that grew in the meantime is told of when all of it is. */
  function announce(written: readonly Entry[], effect: 'table-written' | 'observed' | 'not-wired'): void {
    for (const { sender, networks } of written) {
      const entry = entryOf(state, sender);
      if (entry === undefined || entry.announced || entry.networks.length !== networks.length) continue;
      const since = new Date(entry.since).toISOString();
      const opens = options.networksOf(entry).length;
      const cause = entry.cause ?? 'preseed';
      report.alert('sender-allowed', `${sender} ${since}`, { sender, networks: opens, cause, since, effect });
      state = withEntry(state, { ...entry, announced: true });
    }
  }

  function failed(): number {
    backoff = afterFailure(backoff, clock.now());
    return retryIn(backoff, clock.now());
  }

  /** A command could not be run. A mail container that is just stopping does that once; more is worth an alert. */
  function trouble(error: EngineError): number {
    const wait = failed();
    const retrySeconds = Math.round(wait / 1000);
    if (backoff.failures === 2)
      report.alert('reload-failed', error.message, { reason: error.message, retrySeconds });
    return wait;
  }

  return {
    get state() {
      return state;
    },
    update(next) {
      const changed = next.entries !== state.entries;
      state = next;
      if (changed) bell.ring();
    },
    serve(next) {
      container = next;
      wired = undefined;
      backoff = NO_FAILURE;
      reloader.forget();
      keeper.lookAgain();
      bell.ring();
    },
    reloaded: reloader.reloaded,
    async run(signal) {
      signal.addEventListener('abort', bell.ring, { once: true });
      while (!signal.aborted) await bell.wait(await work(signal));
      await save(state);
    },
  };
}

/** Saves the state when it is not what was saved last. A failure is told once and tried again with the next save. */
function createSaver({ state: file, report }: Ports): (state: State) => Promise<void> {
  let saved = '';
  let told = false;
  return async (state) => {
    const text = `${JSON.stringify(state)}\n`;
    if (text === saved) return;
    try {
      await file.write(text);
      saved = text;
      told = false;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (!told)
        report.error(
          `${error.message}. Until it can be saved, a restart reads the log again from the last save`,
        );
      told = true;
    }
  };
}

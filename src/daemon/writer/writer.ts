import type { MailContainer } from '../../core/engine/mail-container.ts';
import { onlyObserving } from '../../core/engine/mail-container.ts';
import type { Status } from '../../core/monitor/status-report.ts';
import type { Network } from '../../core/net/network.ts';
import { type Entry, entryOf, withEntry } from '../../core/policy/entry.ts';
import type { State } from '../../core/state/state.ts';
import { renderBlock, type Section } from '../../core/table/managed-block.ts';
import { RUN_GRACE_MS } from '../../core/watch/faults.ts';
import { retryIn } from '../../core/watch/reload.ts';
import { EngineError, type Ports } from '../../ports.ts';
import { type Postfix, postfixIn } from '../../postfix/postfix-commands.ts';
import type { FaultMonitor } from './fault-monitor.ts';
import { createListWatch, LIST } from './list-watch.ts';
import { createReloader, reloadFailed } from './reloader.ts';
import type { StateKeeper } from './state-keeper.ts';
import { createTableKeeper, digestOf } from './table-keeper.ts';
import { createBell } from './wake-signal.ts';
import { createWiringWatch } from './wiring-watch.ts';

/** The state is saved and the table looked at this often when nothing else asks for it. */
const HEARTBEAT_MS = 10_000;
/** A starting mail container is asked this often whether Postfix is up, and may take this long. */
const STARTING_MS = 2_000;
const STARTED_MS = 180_000;
/** What concerns the mail container as it runs now. */
const OF_THE_RUN = ['reload-failed', 'not-wired', 'table-invalid'] as const;

export interface WriterOptions {
  readonly mode: 'enforce' | 'observe';
  readonly reloadIntervalMs: number;
  /** The table's path inside the mail container. */
  readonly tableInContainer: string;
  /** The networks that an entry opens; none when its sender is not watched. */
  readonly networksOf: (entry: Entry) => readonly Network[];
  /** Watches over a step. */
  readonly watch: <T>(step: Promise<T>) => Promise<T>;
}

/** All that the daemon remembers now. */
export interface Memory {
  state: State;
}

/** Where table and Postfix stand. */
type WriterStatus = Pick<Status, 'following' | 'wiring' | 'reload' | 'rules'> & {
  readonly reloadedAt: number | null;
};

/** The one place that changes state, table and Postfix. */
export interface Writer {
  readonly state: State;
  /** The entries with the networks that they open now. */
  sections(): readonly Section[];
  status(): WriterStatus;
  /** Takes a new state; it is saved, written and loaded soon. */
  update(state: State): void;
  /** The mail container that is followed now, for the first time or again; null when there is none. */
  serve(container: MailContainer | null): void;
  /** Postfix's master said at log time `at` (ms) that it reloaded or started. */
  reloaded(at: number): void;
  /** postscreen logged this warning about its access list. */
  warned(body: string): void;
  /** Works until the signal aborts, then finishes the write in hand and saves. */
  run(signal: AbortSignal): Promise<void>;
  /** Saves the state as it is now. */
  save(): Promise<void>;
}

export function createWriter(
  ports: Ports,
  stateKeeper: Pick<StateKeeper, 'save'>,
  faults: FaultMonitor,
  memory: Memory,
  options: WriterOptions,
): Writer {
  const { clock, engine, report } = ports;
  const bell = createBell(clock);
  const keeper = createTableKeeper(ports.table, report, faults, options.tableInContainer, [
    ...new Set([memory.state.loaded, memory.state.written].flatMap((digest) => digest ?? [])),
  ]);
  const wiring = createWiringWatch(clock, faults, options.tableInContainer);
  const lists = createListWatch(clock, faults, report, options.tableInContainer);
  const reloader = createReloader(clock, report, faults, options.reloadIntervalMs);
  let container: MailContainer | null = null;
  let loading = false;

  async function save(next: State = memory.state): Promise<void> {
    const failure = await stateKeeper.save(next);
    if (failure === null) {
      for (const kind of ['state-unsaved', 'state-lost'] as const) faults.ended(kind);
      return;
    }
    const facts = { reason: failure.message, remedy: null };
    faults.failed({ kind: 'state-unsaved', subject: '', reason: failure.message, facts, blocking: true });
  }

  /** Does what is due. Gives the time until more is due. */
  async function work(signal: AbortSignal): Promise<number> {
    faults.reportDue();
    const saved = save();
    // Nobody is asked anything meanwhile; and a daemon that just starts may have a mail container by then.
    if (container === null) await saved;
    const applied = options.mode === 'observe' ? observe() : apply(saved, signal);
    // Should one of the two fail by a bug, the other is not left to go on by itself.
    await Promise.allSettled([saved, applied]);
    await saved;
    const due = await applied;
    await save();
    return due;
  }

  function observe(): number {
    announce(sections(), 'observed');
    return HEARTBEAT_MS;
  }

  async function apply(saved: Promise<void>, signal: AbortSignal): Promise<number> {
    const wait = backoff();
    if (wait > 0) return wait;
    try {
      return await settle(saved, signal);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (signal.aborted) return 0;
      const denied = error.kind === 'denied';
      reloadFailed(faults, denied ? onlyObserving(error.message) : error.message, denied ? 0 : RUN_GRACE_MS);
      return backoff();
    }
  }

  /** The time until what failed is to be tried again. */
  function backoff(): number {
    const held = faults.lasting('table-invalid');
    const waits = [faults.lasting('reload-failed'), held?.blocking ? held : undefined];
    return Math.max(...waits.map((fault) => retryIn(fault, clock.now())));
  }

  function sections(): Section[] {
    return memory.state.entries.map((entry) => ({ entry, networks: options.networksOf(entry) }));
  }

  /** Table, then reload. Postfix looks at the new table while the state is saved. */
  async function settle(saved: Promise<void>, signal: AbortSignal): Promise<number> {
    const postfix = container === null ? null : postfixIn(engine, container.id);
    const wired = postfix === null || container === null ? 'down' : await wiring.look(postfix, container);
    const drawn = memory.state;
    const all = sections();
    // The state may be another one than when the save began, and must never say less than the table.
    const onDisk = () => saved.then(() => save({ ...drawn, written: digest }));
    const fresh = all.filter(({ entry }) => !entry.announced);
    const members = (fresh.length > 0 ? fresh : all).flatMap(({ networks }) => networks);
    const block = renderBlock(all);
    const digest = digestOf(block);
    const put = await keeper.put(block, members, wired === 'down' ? null : postfix, onDisk);
    if (put === 'invalid') return backoff();
    if (put === 'waiting' || postfix === null) return container === null ? HEARTBEAT_MS : starting(all);
    memory.state = { ...memory.state, written: digest };
    if (put === 'restored') forgetLoaded();
    announce(fresh, wired === 'wired' && !isIgnored() ? 'table-written' : 'not-wired');
    const plan = reloader.plan(isDirty(all, digest) && wired === 'wired');
    if (plan.kind === 'wait') return plan.ms;
    if (plan.kind === 'idle') {
      faults.ended('reload-failed');
      const configuration = wired === 'wired' ? wiring.configuration() : null;
      if (configuration === null || !(await lists.look(postfix, configuration, all, digest)))
        return HEARTBEAT_MS;
      forgetLoaded();
      return 0;
    }
    await load(postfix, digest, all, signal);
    return 0;
  }

  /** The list names the table, and something in it is in the way. */
  function isIgnored(): boolean {
    return faults.lasting('not-wired', LIST) !== undefined;
  }

  /**
   * Whether Postfix is still to be proven to use the block. Also one that is loaded is, when an entry lost its time in
   * force and opens the same all the same: without one, each refusal would count as one from before the table.
   */
  function isDirty(all: readonly Section[], digest: string): boolean {
    if (memory.state.loaded === null) return all.length > 0;
    return memory.state.loaded !== digest || all.some(({ entry }) => entry.inForce === null);
  }

  /** Nobody knows what Postfix read meanwhile: a refusal of these days says nothing about the entries. */
  function forgetLoaded(): void {
    const entries = memory.state.entries.map((entry) => ({ ...entry, inForce: null }));
    memory.state = { ...memory.state, loaded: null, entries };
    faults.startAfresh(['sender-still-refused']);
  }

  async function load(postfix: Postfix, digest: string, all: readonly Section[], signal: AbortSignal) {
    const senders = all.map(({ entry }) => entry.sender);
    loading = true;
    const inForce = await reloader.load(postfix, digest, senders, signal).finally(() => {
      loading = false;
    });
    if (inForce === null) return;
    memory.state = { ...memory.state, loaded: digest };
    for (const { entry } of all) {
      const now = unchanged(entry);
      if (now !== undefined)
        memory.state = withEntry(memory.state, { ...now, inForce: now.inForce ?? inForce });
    }
  }

  /** The entry as it is now, if it opens no more than it did when the table was written. */
  function unchanged({ sender, networks, granted }: Entry): Entry | undefined {
    const now = entryOf(memory.state, sender);
    const grew = granted === null && now?.granted !== null;
    return now?.networks.length === networks.length && !grew ? now : undefined;
  }

  /** Tells of entries that are in the table now. One that grew in the meantime is told of when all of it is. */
  function announce(written: readonly Section[], effect: 'table-written' | 'observed' | 'not-wired'): void {
    for (const section of written) {
      const entry = unchanged(section.entry);
      if (entry === undefined || entry.announced) continue;
      const { sender } = entry;
      const since = new Date(entry.since).toISOString();
      const networks = section.networks.length;
      const cause = entry.cause ?? 'preseed';
      report.alert('sender-allowed', `${sender} ${since}`, { sender, networks, cause, since, effect });
      memory.state = withEntry(memory.state, { ...entry, announced: true });
    }
  }

  /** The mail container runs and Postfix does not: normal for a while, then a fault if something waits for it. */
  function starting(all: readonly Section[]): number {
    if (all.length > 0) reloadFailed(faults, 'Postfix does not run in the mail container', STARTED_MS);
    return STARTING_MS;
  }

  function status(): WriterStatus {
    const all = sections();
    const loaded = !isDirty(all, digestOf(renderBlock(all)));
    const fails = faults.lasting('reload-failed') ?? faults.lasting('table-invalid');
    // Where no command can be run, or no table be written, nobody knows, also when nothing is due.
    const reload = fails?.blocking ? 'failing' : loaded ? 'done' : 'pending';
    return {
      following: container?.id ?? null,
      wiring: isIgnored() ? 'not-wired' : wiring.standing(),
      reload: options.mode === 'observe' ? 'observing' : reload,
      rules: all.reduce((sum, { networks }) => sum + networks.length, 0),
      reloadedAt: reloader.reloadedAt(),
    };
  }

  return {
    sections,
    status,
    get state() {
      return memory.state;
    },
    update(next) {
      const changed =
        next.entries !== memory.state.entries ||
        next.senders !== memory.state.senders ||
        next.vetoes !== memory.state.vetoes;
      memory.state = next;
      if (changed) bell.ring();
    },
    serve(next) {
      if (next !== null && next.run !== container?.run) {
        faults.startAfresh(OF_THE_RUN);
        keeper.lookAgain();
      }
      container = next;
      bell.ring();
    },
    reloaded(at) {
      reloader.reloaded(at);
      lists.reread();
      if (loading) return;
      wiring.lookAgain();
      // Postfix is up: what could not be done before can be tried at once.
      faults.startAfresh(['reload-failed']);
      bell.ring();
    },
    warned(body) {
      if (lists.warned(body)) bell.ring();
    },
    async run(signal) {
      signal.addEventListener('abort', bell.ring, { once: true });
      while (!signal.aborted) await bell.wait(Math.min(HEARTBEAT_MS, await options.watch(work(signal))));
      await save();
    },
    save: () => save(),
  };
}

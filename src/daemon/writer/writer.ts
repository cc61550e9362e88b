// The one place that changes state, table and Postfix. This file holds the state and works round by round; what a round
// does: round.ts. What an entry opens is decided elsewhere.

import type { MailContainer } from '../../core/engine/mail-container.ts';
import type { Status } from '../../core/monitor/status-report.ts';
import type { State } from '../../core/state/state.ts';
import type { Section } from '../../core/table/managed-block.ts';
import { HEARTBEAT_MS } from '../../core/watch/writer-plan.ts';
import type { Ports } from '../../ports.ts';
import { desiredTable, isDirty, sectionsOf } from './desired-table.ts';
import type { FaultMonitor } from './fault-monitor.ts';
import { ListWatch } from './list-watch.ts';
import { Reloader } from './reloader.ts';
import { type Memory, Round, type RoundOptions, type Shared, type Tools } from './round.ts';
import type { StateKeeper } from './state-keeper.ts';
import { TableKeeper } from './table-keeper.ts';
import { WakeSignal } from './wake-signal.ts';
import { WiringWatch } from './wiring-watch.ts';

/** Faults of the mail container as it runs now. */
const OF_THE_RUN = ['reload-failed', 'not-wired', 'table-invalid'] as const;

export interface WriterOptions extends RoundOptions {
  readonly reloadIntervalMs: number;
  /** The table's path inside the mail container. */
  readonly tableInContainer: string;
  /** Watches over a round. */
  readonly watch: <T>(round: Promise<T>) => Promise<T>;
}

type WriterStatus = Pick<Status, 'following' | 'wiring' | 'reload' | 'rules'> & {
  readonly reloadedAt: number | null;
};

export class Writer {
  readonly #stateKeeper: Pick<StateKeeper, 'save'>;
  readonly #options: WriterOptions;
  readonly #wakeSignal: WakeSignal;
  readonly #tools: Tools;
  readonly #shared: Shared;

  constructor(
    { clock, engine, report, table }: Pick<Ports, 'clock' | 'engine' | 'report' | 'table'>,
    stateKeeper: Pick<StateKeeper, 'save'>,
    faults: FaultMonitor,
    memory: Memory,
    options: WriterOptions,
  ) {
    const path = options.tableInContainer;
    const known = [...new Set([memory.state.loaded, memory.state.written].flatMap((digest) => digest ?? []))];
    this.#stateKeeper = stateKeeper;
    this.#options = options;
    this.#wakeSignal = new WakeSignal(clock);
    this.#tools = {
      ...{ clock, engine, report, faults },
      table: new TableKeeper(table, report, faults, path, known),
      wiring: new WiringWatch(clock, faults, path),
      list: new ListWatch(clock, faults, report, path),
      reloader: new Reloader(clock, report, faults, options.reloadIntervalMs),
      save: (next) => this.#save(next),
    };
    this.#shared = { memory, container: null };
  }

  get state(): State {
    return this.#shared.memory.state;
  }

  /** The entries with the networks that they open now. */
  sections(): Section[] {
    return sectionsOf(this.state, this.#options.networksOf);
  }

  status(): WriterStatus {
    const { faults, list, wiring, reloader } = this.#tools;
    const desired = desiredTable(this.sections());
    const failure = faults.lasting('reload-failed') ?? faults.lasting('table-invalid');
    // Where no command can be run, or no table be written, it is unknown what Postfix uses, even if nothing has changed.
    const reload = failure?.blocking ? 'failing' : isDirty(this.state, desired) ? 'pending' : 'done';
    return {
      following: this.#shared.container?.id ?? null,
      wiring: list.isBlocked() ? 'not-wired' : wiring.result(),
      reload: this.#options.mode === 'observe' ? 'observing' : reload,
      rules: desired.sections.reduce((sum, { networks }) => sum + networks.length, 0),
      reloadedAt: reloader.reloadedAt(),
    };
  }

  /** Takes a new state; it is saved, written and loaded soon. */
  update(next: State): void {
    const { entries, senders, vetoes } = this.state;
    const isUrgent = next.entries !== entries || next.senders !== senders || next.vetoes !== vetoes;
    this.#shared.memory.state = next;
    if (isUrgent) this.#wakeSignal.wake();
  }

  /** The mail container that is followed now, for the first time or again; null when there is none. */
  serve(container: MailContainer | null): void {
    const { faults, table } = this.#tools;
    if (container !== null && container.run !== this.#shared.container?.run) {
      faults.reset(OF_THE_RUN);
      table.checkAgain();
    }
    this.#shared.container = container;
    this.#wakeSignal.wake();
  }

  /** Postfix's master logged at `at` (log time in ms) that it reloaded or started. */
  reloaded(at: number): void {
    const { faults, list, wiring, reloader } = this.#tools;
    const isAwaited = reloader.reloaded(at);
    list.reread();
    if (isAwaited) return;
    wiring.checkAgain();
    // Postfix is up: what failed before can be tried again at once.
    faults.reset(['reload-failed']);
    this.#wakeSignal.wake();
  }

  /** postscreen logged this warning about its access list. */
  warned(body: string): void {
    if (this.#tools.list.warned(body)) this.#wakeSignal.wake();
  }

  /** Works until the signal aborts, then finishes the pending write and saves. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', this.#wakeSignal.wake, { once: true });
    while (!signal.aborted) {
      const dueIn = await this.#options.watch(this.#work(signal));
      await this.#wakeSignal.wait(Math.min(HEARTBEAT_MS, dueIn));
    }
    await this.save();
  }

  /** Saves the state as it is now. */
  async save(): Promise<void> {
    await this.#save(this.state);
  }

  async #save(state: State): Promise<void> {
    const { faults } = this.#tools;
    const failure = await this.#stateKeeper.save(state);
    if (failure === null) {
      for (const kind of ['state-unsaved', 'state-lost'] as const) faults.ended(kind);
      return;
    }
    const facts = { reason: failure.message, remedy: null };
    faults.failed({ kind: 'state-unsaved', subject: '', reason: failure.message, facts, blocking: true });
  }

  /** Does what is due. Gives the time in ms until more is due. */
  async #work(signal: AbortSignal): Promise<number> {
    this.#tools.faults.reportDue();
    const saved = this.save();
    // No command runs meanwhile; and a daemon that just starts may have a mail container by then.
    if (this.#shared.container === null) await saved;
    const round = new Round(this.#tools, this.#shared, this.#options, saved).run(signal);
    // If a bug ends one of the two, the other must not go on by itself.
    await Promise.allSettled([saved, round]);
    await saved;
    const dueIn = await round;
    await this.save();
    return dueIn;
  }
}

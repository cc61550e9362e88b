// One round of the writer: takes the steps that core/watch/writer-plan.ts gives, until there is something to wait for.

import { type MailContainer, onlyObserving } from '../../core/engine/mail-container.ts';
import type { Network } from '../../core/net/network.ts';
import { type Entry, withEntry } from '../../core/policy/entry.ts';
import type { State } from '../../core/state/state.ts';
import { RUN_GRACE_MS } from '../../core/watch/faults.ts';
import { nextStep, retryIn, type Situation, type Step } from '../../core/watch/writer-plan.ts';
import { EngineError, type Ports } from '../../ports.ts';
import { type Postfix, postfixIn } from '../../postfix/postfix-commands.ts';
import {
  type DesiredTable,
  desiredTable,
  isDirty,
  membersOf,
  sectionsOf,
  unannounced,
  unchanged,
  withoutProof,
  withProof,
} from './desired-table.ts';
import type { FaultMonitor } from './fault-monitor.ts';
import type { ListWatch } from './list-watch.ts';
import { type Reloader, reloadFailed } from './reloader.ts';
import type { TableKeeper } from './table-keeper.ts';
import type { WiringWatch } from './wiring-watch.ts';

/** A mail container that starts may take this long until Postfix is up. */
const STARTED_MS = 180_000;

/** All that the daemon remembers now. */
export interface Memory {
  state: State;
}

/** What the writer shares with its rounds. */
export interface Shared {
  readonly memory: Memory;
  /** The mail container that is followed now. */
  container: MailContainer | null;
}

export interface Tools extends Pick<Ports, 'clock' | 'engine' | 'report'> {
  readonly faults: FaultMonitor;
  readonly table: TableKeeper;
  readonly wiring: WiringWatch;
  readonly list: ListWatch;
  readonly reloader: Reloader;
  readonly save: (state: State) => Promise<void>;
}

export interface RoundOptions {
  readonly mode: 'enforce' | 'observe';
  /** The networks that an entry opens; none when its sender is not watched. */
  readonly networksOf: (entry: Entry) => readonly Network[];
}

/** What this round has found out and done. */
type Found = Pick<
  Situation,
  'postfix' | 'table' | 'hasEntries' | 'isDownReported' | 'isListChecked' | 'isOver'
> & { readonly isAnnounced: boolean };

interface Mail {
  readonly container: MailContainer;
  readonly postfix: Postfix;
}

export class Round {
  readonly #tools: Tools;
  readonly #shared: Shared;
  readonly #options: RoundOptions;
  readonly #saved: Promise<void>;
  /** The mail container at the beginning of the round. */
  readonly #mail: Mail | null;
  /** The table that this round writes. */
  #desired: DesiredTable | null = null;
  #found: Found;

  /** `saved` is the save that began with the round. */
  constructor(tools: Tools, shared: Shared, options: RoundOptions, saved: Promise<void>) {
    const { container } = shared;
    this.#tools = tools;
    this.#shared = shared;
    this.#options = options;
    this.#saved = saved;
    this.#mail = container === null ? null : { container, postfix: postfixIn(tools.engine, container.id) };
    this.#found = {
      ...{ postfix: container === null ? 'none' : 'unknown', table: 'unknown' },
      ...{
        hasEntries: false,
        isAnnounced: false,
        isDownReported: false,
        isListChecked: false,
        isOver: false,
      },
    };
  }

  /** Gives the time in ms until the next round. An EngineError is the fault reload-failed, and retried. */
  async run(signal: AbortSignal): Promise<number> {
    try {
      for (;;) {
        const step = nextStep(this.#situation());
        if (step.kind === 'wait') return step.ms;
        this.#found = { ...this.#found, ...(await this.#take(step, signal)) };
      }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (signal.aborted) return 0;
      const isDenied = error.kind === 'denied';
      const reason = isDenied ? onlyObserving(error.message) : error.message;
      reloadFailed(this.#tools.faults, reason, isDenied ? 0 : RUN_GRACE_MS);
      return this.#retryMs();
    }
  }

  #situation(): Situation {
    const { faults, list, reloader } = this.#tools;
    const { memory, container } = this.#shared;
    const { state } = memory;
    const { isAnnounced, ...found } = this.#found;
    const entries = this.#desired?.sections.map(({ entry }) => entry) ?? state.entries;
    return {
      ...found,
      mode: this.#options.mode,
      retryMs: this.#retryMs(),
      hasContainer: container !== null,
      isUnannounced: !isAnnounced && entries.some(({ announced }) => !announced),
      isDirty: this.#desired !== null && isDirty(state, this.#desired),
      reloadMs: reloader.dueIn(),
      hasFailed: faults.lasting('reload-failed') !== undefined,
      isListBlocked: list.isBlocked(),
    };
  }

  /** The time in ms until what failed is to be tried again. */
  #retryMs(): number {
    const { faults, clock } = this.#tools;
    const invalid = faults.lasting('table-invalid');
    const failures = [faults.lasting('reload-failed'), invalid?.blocking ? invalid : undefined];
    return Math.max(...failures.map((fault) => retryIn(fault, clock.now())));
  }

  /** Takes the step, and gives what is known after it. */
  async #take(step: Exclude<Step, { readonly kind: 'wait' }>, signal: AbortSignal): Promise<Partial<Found>> {
    const { faults, table, wiring } = this.#tools;
    switch (step.kind) {
      case 'ask-postfix': {
        const { postfix, container } = known(this.#mail);
        return { postfix: await wiring.check(postfix, container) };
      }
      case 'create-table':
        return { hasEntries: this.#shared.memory.state.entries.length > 0, table: await table.create() };
      case 'write-table':
        return { table: await this.#writeTable(known(this.#mail)) };
      case 'announce':
        this.#announce(step.effect);
        return { isAnnounced: true };
      case 'report-down':
        reloadFailed(faults, 'Postfix does not run in the mail container', STARTED_MS);
        return { isDownReported: true };
      case 'reload':
        await this.#reload(known(this.#mail), known(this.#desired), signal);
        return { isOver: true };
      case 'end-failure':
        faults.ended('reload-failed');
        return {};
      case 'check-list':
        return {
          isListChecked: true,
          isOver: await this.#checkList(known(this.#mail), known(this.#desired)),
        };
    }
  }

  /** Postfix checks the new table while the state is saved. */
  async #writeTable({ postfix }: Mail): Promise<'in-place' | 'invalid'> {
    const { table, save } = this.#tools;
    const drawn = this.#shared.memory.state;
    const desired = desiredTable(sectionsOf(drawn, this.#options.networksOf));
    const { block, digest } = desired;
    this.#desired = desired;
    // The state may have changed since the save began, and what is on disk must never say less than the table.
    const ready = () => this.#saved.then(() => save({ ...drawn, written: digest }));
    const done = await table.put({ block, members: membersOf(desired), postfix, ready });
    if (done === 'invalid') return 'invalid';
    this.#shared.memory.state = { ...this.#shared.memory.state, written: digest };
    if (done === 'restored') this.#forgetProof();
    return 'in-place';
  }

  /** Reports entries that are in the table now. One that grew in the meantime is reported when all of it is. */
  #announce(effect: 'table-written' | 'observed' | 'not-wired'): void {
    const sections =
      this.#desired?.sections ?? sectionsOf(this.#shared.memory.state, this.#options.networksOf);
    for (const section of unannounced(sections)) {
      const entry = unchanged(this.#shared.memory.state, section.entry);
      if (entry === undefined || entry.announced) continue;
      const { sender } = entry;
      const since = new Date(entry.since).toISOString();
      const networks = section.networks.length;
      const cause = entry.cause ?? 'preseed';
      const fields = { sender, networks, cause, since, effect };
      this.#tools.report.alert('sender-allowed', `${sender} ${since}`, fields);
      this.#shared.memory.state = withEntry(this.#shared.memory.state, { ...entry, announced: true });
    }
  }

  async #reload({ postfix }: Mail, desired: DesiredTable, signal: AbortSignal): Promise<void> {
    const senders = desired.sections.map(({ entry }) => entry.sender);
    const inForce = await this.#tools.reloader.load(postfix, desired.digest, senders, signal);
    if (inForce !== null) this.#shared.memory.state = withProof(this.#shared.memory.state, desired, inForce);
  }

  /** True: the opened senders would be let in if Postfix read its tables again. */
  async #checkList({ postfix }: Mail, { sections, digest }: DesiredTable): Promise<boolean> {
    const { list, wiring } = this.#tools;
    const configuration = known(wiring.configuration());
    const isReloadNeeded = await list.check(postfix, configuration, sections, digest);
    if (isReloadNeeded) this.#forgetProof();
    return isReloadNeeded;
  }

  #forgetProof(): void {
    this.#shared.memory.state = withoutProof(this.#shared.memory.state);
    this.#tools.faults.reset(['sender-still-refused']);
  }
}

/** The order of the plan's steps guarantees it. */
function known<T>(value: T | null): T {
  if (value === null) throw new TypeError('the writer took a step out of order');
  return value;
}

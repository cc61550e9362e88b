// Watches whether an access list that names the table lets the opened senders in: by what Postfix answers, and by what
// postscreen logs. Whether the list names the table at all: wiring-watch.ts.

import { type ListWarning, readListWarning } from '../../core/log/list-warning.ts';
import {
  type ListCheck,
  type ListSample,
  type Opened,
  sampleOpened,
} from '../../core/postscreen/list-fault.ts';
import {
  accessLists,
  type Correction,
  correctionTo,
  type PostfixConfiguration,
} from '../../core/postscreen/wiring.ts';
import type { Section } from '../../core/table/managed-block.ts';
import type { Clock, Report } from '../../ports.ts';
import { checkLists } from '../../postfix/ask-access.ts';
import type { Postfix } from '../../postfix/postfix-commands.ts';
import type { FaultMonitor } from './fault-monitor.ts';
import { LOOK_MS, notWired } from './wiring-watch.ts';

/** Subject of the fault not-wired when a list names the table and still does not let opened senders in. */
const LIST = 'postscreen_access_list';
/** So many opened networks are checked at a time, each some 100 ms for each table; the next ones the next time. */
const SAMPLES = 8;
/** Different warnings that are remembered until Postfix reads its tables again. */
const MOST_WARNINGS = 20;

interface Heard {
  readonly warning: ListWarning;
  readonly at: number;
  readonly isReported: boolean;
}

export class ListWatch {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #faults: FaultMonitor;
  readonly #report: Pick<Report, 'alert'>;
  readonly #table: string;
  #checked: { readonly at: number; readonly digest: string } | null = null;
  #turn = 0;
  /** Checked first the next time, so that a fault ends when it is over, not when another network has its turn. */
  #found: ListSample | null = null;
  #isReread = false;
  /** The last reload that a warning alone caused. */
  #curedAt: number | null = null;
  #heard: ReadonlyMap<string, Heard> = new Map();

  constructor(clock: Pick<Clock, 'now'>, faults: FaultMonitor, report: Pick<Report, 'alert'>, table: string) {
    this.#clock = clock;
    this.#faults = faults;
    this.#report = report;
    this.#table = table;
  }

  /**
   * Asks Postfix when it is time to; `digest` is of the table in place. True: Postfix would let the opened senders in
   * if it read its tables again. Rejects with EngineError.
   */
  async check(
    postfix: Postfix,
    configuration: PostfixConfiguration,
    sections: readonly Section[],
    digest: string,
  ): Promise<boolean> {
    if (!this.#isDue(digest)) return false;
    const opened = sections.map(({ entry: { sender }, networks }) => ({ sender, networks }));
    const check = await checkLists(postfix, configuration, this.#table, opened, this.#samplesOf(opened));
    this.#checked = { at: this.#clock.now(), digest };
    this.#turn += 1;
    const isAfterReload = this.#isReread;
    this.#isReread = false;
    this.#found = check.kind === 'fault' ? check.at : null;
    const fault = this.#faultIn(check, configuration);
    if (fault !== null) {
      notWired(this.#faults, LIST, fault);
      this.#closeWarnings();
      return check.kind === 'permitted' && this.#mayCure();
    }
    if (check.kind === 'unknown') return false;
    for (const [body, warning] of this.#closeWarnings()) this.#reportIgnored(body, warning);
    const isOver = this.isBlocked();
    this.#faults.ended('not-wired', LIST);
    return isOver && !isAfterReload;
  }

  /** The list names the table, and something in it is in the way. */
  isBlocked(): boolean {
    return this.#faults.lasting('not-wired', LIST) !== undefined;
  }

  /** postscreen logged this warning. True: check at once. */
  warned(body: string): boolean {
    const warning = readListWarning(body);
    const before = this.#heard.get(body);
    if (warning === undefined || (before === undefined && this.#heard.size === MOST_WARNINGS)) return false;
    if (before === undefined) this.#checked = null;
    this.#remember(body, { warning, at: this.#clock.now(), isReported: before?.isReported ?? false });
    return before === undefined;
  }

  /** Postfix read its tables again. */
  reread(): void {
    this.#heard = new Map();
    this.#checked = null;
    this.#isReread = true;
  }

  #isDue(digest: string): boolean {
    const fault = this.#faults.lasting('not-wired', LIST);
    const { at = null, digest: last } = this.#checked ?? {};
    return last !== digest || !this.#isRecent(at) || fault?.isOpen === false;
  }

  #isRecent(at: number | null): boolean {
    return at !== null && Math.abs(this.#clock.now() - at) < LOOK_MS;
  }

  #samplesOf(opened: readonly Opened[]): readonly ListSample[] {
    const found = this.#found;
    const isOpen = opened.some(({ sender }) => sender === found?.sender);
    return [...(isOpen && found !== null ? [found] : []), ...sampleOpened(opened, SAMPLES, this.#turn)];
  }

  /** What Postfix answers counts first; then what postscreen has logged about all clients since it read its tables. */
  #faultIn(
    check: ListCheck,
    configuration: PostfixConfiguration,
  ): (Correction & { readonly reason: string }) | null {
    if (check.kind === 'fault') return check.fault;
    // Only a recent warning: a postscreen without clients ends, and the next one reads the tables.
    const logged = [...this.#heard.values()].find(
      ({ warning, at }) => warning.isForAll && this.#isRecent(at),
    );
    return logged === undefined ? null : faultOf(logged.warning, configuration, check.kind);
  }

  /** One reload a while, for warnings about a list that Postfix can read now. */
  #mayCure(): boolean {
    if (this.#isRecent(this.#curedAt)) return false;
    this.#curedAt = this.#clock.now();
    return true;
  }

  /** The warnings that were open until now. */
  #closeWarnings(): readonly (readonly [string, ListWarning])[] {
    const open = [...this.#heard].filter(([, { isReported }]) => !isReported);
    for (const [body, heard] of open) this.#remember(body, { ...heard, isReported: true });
    return open.map(([body, { warning }]) => [body, warning]);
  }

  #remember(body: string, heard: Heard): void {
    this.#heard = new Map([...this.#heard, [body, heard]]);
  }

  #reportIgnored(body: string, { item, reason }: ListWarning): void {
    const remedy = 'Write permit, reject or dunno there, then run docker exec mailserver postfix reload';
    this.#report.alert('list-ignored', body, { item, reason, remedy });
  }
}

/** The fault of a list that is right as far as Postfix answers, and that postscreen ignores nevertheless. */
function faultOf(
  { item, reason }: ListWarning,
  configuration: PostfixConfiguration,
  answer: 'permitted' | 'unknown',
): Correction & { readonly reason: string } {
  const [list] = accessLists(configuration);
  const line = list === undefined ? '' : correctionTo(list, list.items).line;
  const remedy =
    answer === 'permitted'
      ? 'Postfix can read it now: docker exec mailserver postfix reload'
      : `See what is wrong with ${item} (docker exec mailserver postmap -q 192.0.2.1 '${item}'), then docker exec mailserver postfix reload`;
  return {
    reason: `${item}: ${reason}; postscreen logs that it ignores the remainder of the list`,
    line,
    remedy,
  };
}

import { type ListWarning, readListWarning } from '../../core/log/list-warning.ts';
import { type ListSample, type Opened, sampleOpened } from '../../core/postscreen/list-fault.ts';
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

/** The fault not-wired of a list that names the table, and still does not let opened senders in. */
export const LIST = 'postscreen_access_list';
/** So many opened networks are asked about at a time, each some 100 ms for each table; the next ones the next time. */
const SAMPLES = 8;
/** Different warnings that are kept in mind until Postfix reads its tables again. */
const MOST_WARNINGS = 20;

/** Whether postscreen lets the opened senders in: by what Postfix answers, and by what postscreen logs. */
export interface ListWatch {
  /**
   * Asks when it is time to; `digest` is of the table in place. True: Postfix would let them in if it read its tables
   * again. Rejects with EngineError.
   */
  look(
    postfix: Postfix,
    configuration: PostfixConfiguration,
    opened: readonly Section[],
    digest: string,
  ): Promise<boolean>;
  /** postscreen logged this warning. True: it is one to look into at once. */
  warned(body: string): boolean;
  /** Postfix read its tables again. */
  reread(): void;
}

interface Heard {
  readonly warning: ListWarning;
  readonly at: number;
  readonly isReported: boolean;
}

export function createListWatch(
  clock: Clock,
  faults: FaultMonitor,
  report: Pick<Report, 'alert'>,
  table: string,
): ListWatch {
  let asked: { readonly at: number; readonly digest: string } | null = null;
  let turn = 0;
  /** Asked first again, so that a fault ends when it is over, and not when another network has its turn. */
  let found: ListSample | null = null;
  let isReread = false;
  /** The last reload that a warning alone was the cause of. */
  let curedAt: number | null = null;
  let heard: ReadonlyMap<string, Heard> = new Map();

  const isRecent = (at: number | null) => at !== null && Math.abs(clock.now() - at) < LOOK_MS;

  function isDue(digest: string): boolean {
    const fault = faults.lasting('not-wired', LIST);
    return asked === null || asked.digest !== digest || !isRecent(asked.at) || fault?.isOpen === false;
  }

  function samplesOf(opened: readonly Opened[]): readonly ListSample[] {
    const isOpen = opened.some(({ sender }) => sender === found?.sender);
    return [...(isOpen && found !== null ? [found] : []), ...sampleOpened(opened, SAMPLES, turn)];
  }

  /** What postscreen has logged since it read its tables, and not long ago: a quiet one starts again and reads them. */
  function logged(): ListWarning | undefined {
    return [...heard.values()].find(({ warning, at }) => warning.isForAll && isRecent(at))?.warning;
  }

  function reported(alert: boolean): void {
    for (const [body, one] of heard) {
      if (one.isReported) continue;
      const { item, reason } = one.warning;
      const remedy = `Write permit, reject or dunno there, then run docker exec mailserver postfix reload`;
      if (alert) report.alert('list-ignored', body, { item, reason, remedy });
      heard = new Map([...heard, [body, { ...one, isReported: true }]]);
    }
  }

  return {
    async look(postfix, configuration, sections, digest) {
      if (!isDue(digest)) return false;
      const opened = sections.map(({ entry: { sender }, networks }) => ({ sender, networks }));
      const check = await checkLists(postfix, configuration, table, opened, samplesOf(opened));
      asked = { at: clock.now(), digest };
      turn += 1;
      const afterReload = isReread;
      isReread = false;
      found = check.kind === 'fault' ? check.at : null;
      const warning = logged();
      if (check.kind === 'fault' || warning !== undefined) {
        const fault =
          check.kind === 'fault' ? check.fault : faultOf(warning as ListWarning, configuration, check.kind);
        notWired(faults, LIST, fault);
        reported(false);
        if (check.kind !== 'permitted' || isRecent(curedAt)) return false;
        curedAt = clock.now();
        return true;
      }
      if (check.kind === 'unknown') return false;
      reported(true);
      const isOver = faults.lasting('not-wired', LIST) !== undefined;
      faults.ended('not-wired', LIST);
      return isOver && !afterReload;
    },
    warned(body) {
      const warning = readListWarning(body);
      const before = heard.get(body);
      if (warning === undefined || (before === undefined && heard.size === MOST_WARNINGS)) return false;
      if (before === undefined) asked = null;
      heard = new Map([
        ...heard,
        [body, { warning, at: clock.now(), isReported: before?.isReported ?? false }],
      ]);
      return before === undefined;
    },
    reread() {
      heard = new Map();
      asked = null;
      isReread = true;
    },
  };
}

/** Of a list that is right as far as it can be asked, and that postscreen ignores nevertheless. */
function faultOf(
  { item, reason }: ListWarning,
  configuration: PostfixConfiguration,
  asked: 'permitted' | 'unknown',
): Correction & { readonly reason: string } {
  const [list] = accessLists(configuration);
  const line = list === undefined ? '' : correctionTo(list, list.items).line;
  const remedy =
    asked === 'permitted'
      ? 'Asked now, Postfix reads it: docker exec mailserver postfix reload'
      : `See what is wrong with ${item} (docker exec mailserver postmap -q 192.0.2.1 '${item}'), then docker exec mailserver postfix reload`;
  return {
    reason: `${item}: ${reason}; postscreen logs that it ignores the remainder of the list`,
    line,
    remedy,
  };
}

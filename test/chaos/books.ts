// What the mail logs hold, as the independent reader (test/oracle) reads them, against what screenpass reported.
import { idOf } from '../oracle/balance.ts';
import { readMailLog } from '../oracle/reader.ts';

/** The log of one mail container with the Engine's stamps, both streams, each in its order. */
export interface MailLog {
  readonly container: string;
  readonly lines: readonly string[];
}

export interface ToldRefusal {
  readonly id: string;
  readonly sender: string;
  readonly gate: string;
  /** How many it stands for, when it is not one by itself. */
  readonly count?: number;
  /** The Engine's stamp of the alert, since screenpass' own clock may be wrong. */
  readonly time: string;
}

export interface Balance {
  readonly refusals: number;
  readonly told: number;
  /** By gate: sessions that were refused by the log, and of those that were reported. */
  readonly gates: Readonly<Record<string, { readonly refused: number; readonly told: number }>>;
  /** In the log and never told. */
  readonly lost: readonly string[];
  /** Told more than once by one process. */
  readonly doubled: readonly string[];
  /** Told again after a SIGKILL. */
  readonly repeated: number;
  /** Told together, in an alert that says how many. */
  readonly together: number;
  /** Told, and neither refused nor gone during the greet wait by the log; or refused at another gate. */
  readonly unfounded: readonly string[];
}

/** Sessions of watched senders, by id. */
export interface Refusals {
  readonly refused: ReadonlyMap<string, Refused>;
  /** The client hung up: told as a refusal when it does so twice within the window during the greet wait, else not. */
  readonly left: readonly string[];
}

interface Refused {
  readonly sender: string;
  readonly gate: string;
}

/** What the logs hold of clients whose address is a watched sender's, as `senders` has it. */
export function refusalsIn(logs: readonly MailLog[], senders: ReadonlyMap<string, string>): Refusals {
  const refused = new Map<string, Refused>();
  const left: string[] = [];
  for (const { container, lines } of logs)
    for (const row of readMailLog(Buffer.from(`${lines.join('\n')}\n`, 'latin1'))) {
      const sender = senders.get(row.ip);
      if (row.what !== 'session' || sender === undefined) continue;
      const id = idOf(container, row);
      if (row.outcome === 'refused') refused.set(id, { sender, gate: row.gate ?? '' });
      if (row.outcome === 'left') left.push(id);
    }
  return { refused, left };
}

/** What the log of screenpass, with the Engine's stamps, tells of refusals. */
export function toldIn(lines: readonly string[]): ToldRefusal[] {
  const told: ToldRefusal[] = [];
  for (const line of lines) {
    const [, stamp = '', text = ''] = /^(\S+) (\{.*)/.exec(line) ?? [];
    if (text === '') continue;
    const { alert, id, sender, gate, count } = JSON.parse(text) as ToldRefusal & { alert?: string };
    if (alert !== 'sender-refused') continue;
    const several = count === undefined ? {} : { count };
    told.push({ id, sender, gate, ...several, time: `${stamp.slice(0, 23)}Z` });
  }
  return told;
}

/** `kills` are the times (ms) at which screenpass was killed. */
export function balance(
  { refused, left }: Refusals,
  told: readonly ToldRefusal[],
  kills: readonly number[],
): Balance {
  const alone = told.filter(({ count }) => count === undefined);
  const times = new Map<string, number[]>();
  for (const { id, time } of alone) times.set(id, [...(times.get(id) ?? []), Date.parse(time)]);
  const repeats = [...times].flatMap(([id, at]) =>
    at
      .slice(1)
      .map((later, i) => ({ id, excused: kills.some((kill) => (at[i] ?? 0) <= kill && kill <= later) })),
  );
  const hungUp = new Set(left);
  const elsewhere = alone
    .filter(({ id, gate }) => (refused.get(id)?.gate ?? (hungUp.has(id) ? 'greet-wait' : null)) !== gate)
    .map(({ id, gate }) => `${id} at ${gate}, by the log ${refused.get(id)?.gate ?? 'not refused'}`);
  const together = toldTogether(told);
  const { lost, surplus } = settle(refused, times, together);
  const isExcused = kills.length > 0;
  return {
    refusals: refused.size,
    told: times.size,
    together: [...together.values()].reduce((sum, count) => sum + count, 0),
    gates: gatesOf(refused, new Set(lost)),
    lost,
    doubled: repeats.filter(({ excused }) => !excused).map(({ id }) => id),
    repeated: repeats.filter(({ excused }) => excused).length,
    unfounded: [...new Set([...elsewhere, ...(isExcused ? [] : surplus)])],
  };
}

/** How many of a sender and gate were told together. One that is told again after a kill has the same id, and no fewer. */
function toldTogether(told: readonly ToldRefusal[]): ReadonlyMap<string, number> {
  const counts = new Map<string, { readonly key: string; readonly count: number }>();
  for (const { id, sender, gate, count } of told)
    if (count !== undefined)
      counts.set(id, { key: `${sender} ${gate}`, count: Math.max(count, counts.get(id)?.count ?? 0) });
  const sums = new Map<string, number>();
  for (const { key, count } of counts.values()) sums.set(key, (sums.get(key) ?? 0) + count);
  return sums;
}

/** What was not told alone must be in the numbers of what was told together; which one it is they do not say. */
function settle(
  refused: Refusals['refused'],
  alone: ReadonlyMap<string, unknown>,
  together: ReadonlyMap<string, number>,
): { lost: string[]; surplus: string[] } {
  const silent = new Map<string, string[]>([...together.keys()].map((key) => [key, []]));
  for (const [id, { sender, gate }] of refused) {
    const key = `${sender} ${gate}`;
    if (!alone.has(id)) silent.set(key, [...(silent.get(key) ?? []), id]);
  }
  const lost = [...silent].flatMap(([key, ids]) => ids.slice(together.get(key) ?? 0));
  const surplus = [...silent]
    .filter(([key, ids]) => (together.get(key) ?? 0) > ids.length)
    .map(([key, ids]) => `${key}: ${together.get(key)} told together, ${ids.length} in the log`);
  return { lost, surplus };
}

function gatesOf(refused: Refusals['refused'], lost: ReadonlySet<string>): Balance['gates'] {
  const gates: Record<string, { refused: number; told: number }> = {};
  for (const [id, { gate }] of refused) {
    const sums = gates[gate] ?? { refused: 0, told: 0 };
    gates[gate] = { refused: sums.refused + 1, told: sums.told + (lost.has(id) ? 0 : 1) };
  }
  return gates;
}

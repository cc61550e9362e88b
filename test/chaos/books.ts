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
  readonly gate: string;
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
  /** Told, and neither refused nor gone during the greet wait by the log; or refused at another gate. */
  readonly unfounded: readonly string[];
}

/** Sessions of watched senders, by id. */
export interface Refusals {
  /** With the gate. */
  readonly refused: ReadonlyMap<string, string>;
  /** The client hung up: told as a refusal when it does so twice within the window during the greet wait, else not. */
  readonly left: readonly string[];
}

/** What the logs hold of the clients that are `watched`. */
export function refusalsIn(logs: readonly MailLog[], watched: ReadonlySet<string>): Refusals {
  const refused = new Map<string, string>();
  const left: string[] = [];
  for (const { container, lines } of logs)
    for (const row of readMailLog(Buffer.from(`${lines.join('\n')}\n`, 'latin1'))) {
      if (row.what !== 'session' || !watched.has(row.ip)) continue;
      if (row.outcome === 'refused') refused.set(idOf(container, row), row.gate ?? '');
      if (row.outcome === 'left') left.push(idOf(container, row));
    }
  return { refused, left };
}

/** What the log of screenpass, with the Engine's stamps, tells of refusals. */
export function toldIn(lines: readonly string[]): ToldRefusal[] {
  const told: ToldRefusal[] = [];
  for (const line of lines) {
    const [, stamp = '', text = ''] = /^(\S+) (\{.*)/.exec(line) ?? [];
    if (text === '') continue;
    const { alert, id, gate } = JSON.parse(text) as { alert?: string; id?: string; gate?: string };
    if (alert === 'sender-refused' && id !== undefined)
      told.push({ id, gate: gate ?? '', time: `${stamp.slice(0, 23)}Z` });
  }
  return told;
}

/** `kills` are the times (ms) at which screenpass was killed. */
export function balance(
  { refused, left }: Refusals,
  told: readonly ToldRefusal[],
  kills: readonly number[],
): Balance {
  const times = new Map<string, number[]>();
  for (const { id, time } of told) times.set(id, [...(times.get(id) ?? []), Date.parse(time)]);
  const repeats = [...times].flatMap(([id, at]) =>
    at
      .slice(1)
      .map((later, i) => ({ id, excused: kills.some((kill) => (at[i] ?? 0) <= kill && kill <= later) })),
  );
  const gates: Record<string, { refused: number; told: number }> = {};
  for (const [id, gate] of refused) {
    const sums = gates[gate] ?? { refused: 0, told: 0 };
    gates[gate] = { refused: sums.refused + 1, told: sums.told + (times.has(id) ? 1 : 0) };
  }
  const hungUp = new Set(left);
  const elsewhere = new Set(
    told
      .filter(({ id, gate }) => (refused.get(id) ?? (hungUp.has(id) ? 'greet-wait' : null)) !== gate)
      .map(({ id, gate }) => `${id} at ${gate}, by the log ${refused.get(id) ?? 'not refused'}`),
  );
  return {
    refusals: refused.size,
    told: times.size,
    gates,
    lost: [...refused.keys()].filter((id) => !times.has(id)),
    doubled: repeats.filter(({ excused }) => !excused).map(({ id }) => id),
    repeated: repeats.filter(({ excused }) => excused).length,
    unfounded: [...elsewhere],
  };
}

// What the mail log holds against what screenpass told. It reads the log by itself, and not with the parser of src.

/** The log of one mail container with the Engine's stamps, both streams, each in its order. */
export interface MailLog {
  readonly container: string;
  readonly lines: readonly string[];
}

export interface ToldRefusal {
  readonly id: string;
  /** The Engine's stamp of the alert, since screenpass' own clock may be wrong. */
  readonly time: string;
}

export interface Balance {
  readonly refusals: number;
  readonly told: number;
  /** In the log and never told. */
  readonly lost: readonly string[];
  /** Told more than once by one process. */
  readonly doubled: readonly string[];
  /** Told again after a SIGKILL. */
  readonly repeated: number;
  /** Told, and neither refused nor gone during the greet wait by the log. */
  readonly unfounded: readonly string[];
}

const LINE =
  /^(?<stamp>\S+) .*postfix\/postscreen\[\d+\]: (?<what>CONNECT|PASS|(?:ALLOW|WHITE)LISTED|DNSBL rank|NOQUEUE: reject: RCPT|HANGUP|DISCONNECT) .*?\[(?<ip>[\d.]+)\]:(?<port>\d+)/;

interface Session {
  readonly id: string;
  ranked: boolean;
  over: boolean;
}

/** Ids of sessions of watched senders. */
export interface Refusals {
  readonly refused: readonly string[];
  /** The client hung up: told as a refusal when it does so twice within the window during the greet wait, else not. */
  readonly left: readonly string[];
}

/** What the logs hold of the clients that are `watched`. */
export function refusalsIn(logs: readonly MailLog[], watched: ReadonlySet<string>): Refusals {
  const all = logs.map((log) => refusalsInLog(log, watched));
  return { refused: all.flatMap(({ refused }) => refused), left: all.flatMap(({ left }) => left) };
}

function refusalsInLog({ container, lines }: MailLog, watched: ReadonlySet<string>): Refusals {
  const sessions = new Map<string, Session>();
  const refused: string[] = [];
  const left: string[] = [];
  for (const line of lines) {
    const { stamp = '', what = '', ip = '', port = '' } = LINE.exec(line)?.groups ?? {};
    if (!watched.has(ip)) continue;
    const client = `[${ip}]:${port}`;
    const id = `${container.slice(0, 12)} ${client} ${stamp.slice(0, 23)}Z`;
    if (what === 'CONNECT') sessions.set(client, { id, ranked: false, over: false });
    const session = sessions.get(client);
    if (session === undefined || session.over) continue;
    if (what === 'DNSBL rank') session.ranked = true;
    if (what === 'HANGUP') left.push(session.id);
    const turnedAway = what.startsWith('NOQUEUE') || (what === 'DISCONNECT' && session.ranked);
    if (turnedAway) refused.push(session.id);
    session.over = turnedAway || /PASS|LISTED|DISCONNECT/.test(what);
  }
  return { refused, left };
}

/** What the log of screenpass, with the Engine's stamps, tells of refusals. */
export function toldIn(lines: readonly string[]): ToldRefusal[] {
  const told: ToldRefusal[] = [];
  for (const line of lines) {
    const [, stamp = '', text = ''] = /^(\S+) (\{.*)/.exec(line) ?? [];
    if (text === '') continue;
    const { alert, id } = JSON.parse(text) as { alert?: string; id?: string };
    if (alert === 'sender-refused' && id !== undefined) told.push({ id, time: `${stamp.slice(0, 23)}Z` });
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
  const held = new Set(refused);
  const known = new Set([...refused, ...left]);
  const repeats = [...times].flatMap(([id, at]) =>
    at
      .slice(1)
      .map((later, i) => ({ id, excused: kills.some((kill) => (at[i] ?? 0) <= kill && kill <= later) })),
  );
  return {
    refusals: held.size,
    told: times.size,
    lost: [...held].filter((id) => !times.has(id)),
    doubled: repeats.filter(({ excused }) => !excused).map(({ id }) => id),
    repeated: repeats.filter(({ excused }) => excused).length,
    unfounded: [...times.keys()].filter((id) => !known.has(id)),
  };
}

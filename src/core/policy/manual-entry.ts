// What the administrator allows and revokes by hand. Evidence plays no part here.
import { ok, problem, type Result } from '../base/result.ts';
import { didYouMean } from '../base/suggest.ts';
import { unfit } from '../net/limits.ts';
import { formatNetwork, type Network, overlap, parseNetwork } from '../net/network.ts';
import { type Allowlist, type Entry, entryOf, newEntry, OPERATOR, withEntry } from './entry.ts';
import { leavesAt } from './entry-end.ts';
import type { Rules } from './policy.ts';

/** What the administrator asks to allow. */
export interface AllowRequest {
  /** Id of a watched sender, or a network. */
  readonly target: string;
  /** In ms from now; null: until it is revoked. */
  readonly ttlMs: number | null;
  readonly reason: string | null;
}

/** The ids that can be named. */
export interface SenderNames {
  readonly watched: readonly string[];
  readonly known: readonly string[];
  /** Of SCREENPASS_PRESEED. */
  readonly preseed: ReadonlySet<string>;
}

/** `note`: what holds now, where that is not just what was asked; null: it is. */
export interface Allowed<S> {
  readonly state: S;
  readonly id: string;
  readonly note: string | null;
}

/**
 * The state with an entry that the administrator wants. The administrator's word takes the place of evidence, but lifts no
 * limit: the problem names the one that forbids it. It never makes an entry end earlier than it would have.
 */
export function allow<S extends Allowlist>(
  state: S,
  { target: given, ttlMs, reason }: AllowRequest,
  names: SenderNames,
  rules: Rules,
  now: number,
): Result<Allowed<S>> {
  const target = readTarget(given, names);
  if (!target.ok) return target;
  const { id, network } = target.value;
  const forbidden = network === null ? null : (forbiddenNetwork(network) ?? forbiddenBy(rules, network));
  if (forbidden !== null) return problem(forbidden);
  const before = entryOf(state, id);
  const made = newEntry(id, now, {
    ...(network === null
      ? { scope: 'sender', networks: [] }
      : { scope: 'network', networks: [formatNetwork(network)] }),
    ...{ cause: OPERATOR, until: ttlMs === null ? null : now + ttlMs, reason },
  });
  const entry = before === undefined ? made : renewed(before, made);
  const note = before === undefined ? null : noteOf(before, made, names.preseed, rules);
  return ok({ state: withEntry(state, entry), id, note });
}

/** An entry that is allowed again. One by evidence stays beside what is allowed for a time. */
function renewed(before: Entry, made: Entry): Entry {
  const { since, lastSeen, refusedAt, announced, inForce } = before;
  const opensMore = before.scope !== 'sender' && before.granted === null && made.scope === 'sender';
  const proven = opensMore ? { announced: false, inForce: null } : { announced, inForce };
  const reason = made.reason ?? before.reason;
  const kept = { since, lastSeen, refusedAt, reason, ...proven };
  if (made.until === null) return { ...made, ...kept };
  if (before.cause !== OPERATOR)
    return { ...before, ...kept, granted: Math.max(before.granted ?? 0, made.until) };
  return { ...made, ...kept, until: before.until === null ? null : Math.max(before.until, made.until) };
}

/** What holds where the entry stays longer than was asked. */
function noteOf(
  before: Entry,
  { until }: Entry,
  preseed: ReadonlySet<string>,
  rules: Pick<Rules, 'ttlMs'>,
): string | null {
  const end = leavesAt(before, rules, preseed);
  if (until === null || end <= until) return null;
  const { sender, cause, scope } = before;
  const stays = Number.isFinite(end)
    ? `until ${new Date(end).toISOString()}${before.until === null ? ', and longer if it is seen again' : ''}`
    : 'until it is revoked';
  const why = preseed.has(sender) ? 'SCREENPASS_PRESEED' : cause === OPERATOR ? 'an earlier allow' : cause;
  const narrow = cause !== OPERATOR && scope !== 'sender';
  return `${sender} has an entry already (${why ?? 'preseed'}), which stays ${stays}${narrow ? `; with all its networks only until ${new Date(until).toISOString()}` : ''}`;
}

/** The state without the entry of a sender or network. */
export function revoke<S extends Allowlist>(
  state: S,
  target: string,
  names: SenderNames,
): Result<{ state: S; entry: Entry }> {
  const network = parseNetwork(target);
  const id = network.ok ? formatNetwork(network.value) : target;
  const entry = entryOf(state, id);
  if (entry !== undefined)
    return ok({ state: { ...state, entries: state.entries.filter((one) => one !== entry) }, entry });
  const existing = state.entries.map(({ sender }) => sender);
  const known = network.ok || names.known.includes(id);
  const hint = known ? '' : didYouMean(id, existing);
  return problem(`there is no entry of ${id}${hint}: screenpass list shows all`);
}

function readTarget(text: string, names: SenderNames): Result<{ id: string; network: Network | null }> {
  if (names.watched.includes(text)) return ok({ id: text, network: null });
  const network = parseNetwork(text);
  if (network.ok) return ok({ id: formatNetwork(network.value), network: network.value });
  if (/[/.:]/.test(text)) return problem(network.problem);
  return problem(unwatched(text, names));
}

/** What is said of a sender that is not watched. */
export function unwatched(id: string, { watched, known }: Pick<SenderNames, 'watched' | 'known'>): string {
  if (known.includes(id))
    return `${id} is known, but not watched: add +${id} to SCREENPASS_SENDERS, then docker compose up -d screenpass`;
  return `no sender is called ${id}${didYouMean(id, watched) || didYouMean(id, known)}: screenpass senders lists them`;
}

/** Why the network may not be allowed, whatever the settings; null: it may. */
export function forbiddenNetwork(one: Network): string | null {
  const reason = unfit(one);
  return reason === null ? null : `${formatNetwork(one)} is ${reason}`;
}

function forbiddenBy({ never }: Rules, one: Network): string | null {
  const forbidden = never.find((network) => overlap(network, one));
  if (forbidden === undefined) return null;
  return `${formatNetwork(one)} overlaps ${formatNetwork(forbidden)} of SCREENPASS_NEVER or of the Engine, which is never allowed`;
}

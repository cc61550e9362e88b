import { formatNetwork, overlap, parseNetwork } from './network.ts';
import { RESERVED, type Rules, WIDEST } from './policy.ts';
import { ok, problem, type Result } from './result.ts';
import { type Entry, entryOf, newEntry, OPERATOR, type State, withEntry } from './state.ts';

/** What the administrator asks to allow. */
export interface Wish {
  /** Id of a watched sender, or a network. */
  readonly target: string;
  /** In ms from now; null: until it is revoked. */
  readonly ttlMs: number | null;
  readonly reason: string | null;
}

/**
 * The state with an entry that the administrator wants. The administrator's word takes the place of evidence, but lifts no
 * limit: the problem says which one stands against it.
 */
export function allow(
  state: State,
  wish: Wish,
  isWatched: (id: string) => boolean,
  rules: Rules,
  now: number,
): Result<{ state: State; id: string }> {
  const target = readTarget(wish.target, isWatched);
  if (!target.ok) return target;
  const forbidden = target.value.network === null ? null : unfit(target.value.network, rules);
  if (forbidden !== null) return problem(forbidden);
  const { id, network } = target.value;
  const before = entryOf(state, id);
  const until = wish.ttlMs === null ? null : now + wish.ttlMs;
  const shape =
    network === null ? { scope: 'sender', networks: [] } : { scope: 'network', networks: [network] };
  const made = newEntry(id, now, {
    ...(shape as Pick<Entry, 'scope' | 'networks'>),
    cause: OPERATOR,
    until,
    reason: wish.reason,
  });
  const entry = before === undefined ? made : { ...made, since: before.since };
  return ok({ state: withEntry(state, entry), id });
}

/** The state without the entry of a sender or network. */
export function revoke(state: State, target: string): Result<{ state: State; entry: Entry }> {
  const network = parseNetwork(target);
  const id = network.ok ? formatNetwork(network.value) : target;
  const entry = entryOf(state, id);
  if (entry === undefined)
    return problem(`the table has no entry of ${id}: screenpass list shows what it has`);
  return ok({ state: { ...state, entries: state.entries.filter((one) => one !== entry) }, entry });
}

function readTarget(
  text: string,
  isWatched: (id: string) => boolean,
): Result<{ id: string; network: string | null }> {
  if (isWatched(text)) return ok({ id: text, network: null });
  const network = parseNetwork(text);
  if (network.ok) return ok({ id: formatNetwork(network.value), network: formatNetwork(network.value) });
  if (/[/.:]/.test(text)) return problem(network.problem);
  return problem(unwatched(text));
}

/** What is told to whoever names a sender that is not watched. */
export function unwatched(text: string): string {
  return `no watched sender is called ${text}: screenpass senders lists them, SCREENPASS_SENDERS names more`;
}

function unfit(text: string, rules: Rules): string | null {
  const parsed = parseNetwork(text);
  if (!parsed.ok) return parsed.problem;
  const one = parsed.value;
  if (one.prefix < WIDEST[one.family])
    return `${text} is too wide: nothing wider than /${WIDEST[one.family]} is ever allowed`;
  if (RESERVED.some((reserved) => overlap(reserved, one)))
    return `${text} is private or reserved address space, which is never allowed`;
  const never = rules.never.find((forbidden) => overlap(forbidden, one));
  return never === undefined
    ? null
    : `${text} meets ${formatNetwork(never)} of SCREENPASS_NEVER or of the Engine, which is never allowed`;
}

// How entries change when a refusal was decided, when a sender gets in or gives up, and after a refresh. What is decided
// is in policy.ts, and when entries end in entry-end.ts.
import { MOST_NETWORKS } from '../net/limits.ts';
import { type Address, formatNetwork, hostNetwork } from '../net/network.ts';
import type { Refusal } from '../postscreen/session.ts';
import type { SenderKnowledge } from '../senders/knowledge.ts';
import type { Judged } from '../senders/list-judgement.ts';
import type { Match } from '../senders/sender-index.ts';
import { type Allowlist, type Entry, entryOf, OPERATOR, withEntry } from './entry.ts';
import { type Decision, decide, type Rules, recentRefusals } from './policy.ts';

/** `lastSeen` is kept this coarse, so that a busy sender does not make a write of every connection. */
const SEEN_MS = 60_000;

/** A refusal and whose it is. */
export interface Evident {
  readonly refusal: Refusal;
  readonly match: Match;
  readonly address: Address;
}

/** The state after the decision on a refusal was taken. */
export function afterRefusal<S extends Allowlist>(
  state: S,
  { refusal, match, address }: Evident,
  decision: Decision,
  rules: Rules,
): S {
  const { id } = match.sender;
  const entry = entryOf(state, id);
  if (decision.kind === 'keep' && entry !== undefined) {
    const isStill = decision.reason === 'still-refused' && entry.refusedAt === null;
    const refusedAt = isStill ? refusal.at : entry.refusedAt;
    const touched = seen(entry, refusal.at);
    const kept = withEntry(state, refusedAt === touched.refusedAt ? touched : { ...touched, refusedAt });
    return isForATime(entry) ? withEvidence(kept, { refusal, match, address }, rules) : kept;
  }
  if (decision.reason === 'veto-unknown') return state;
  if (decision.kind === 'wait') {
    const refusals = [...recentRefusals(state, id, refusal.at, rules), refusal.at];
    return { ...state, refusals: { ...state.refusals, [id]: refusals } };
  }
  if (decision.kind !== 'allow') return state;
  const { [id]: _, ...refusals } = state.refusals;
  const first = Math.min(refusal.at, ...recentRefusals(state, id, refusal.at, rules));
  return withEntry({ ...state, refusals }, opened(entry, { refusal, match, address }, first, rules));
}

/** The administrator's word ends, and what it opens beyond the evidence with it. */
function isForATime({ cause, until, granted, scope }: Entry): boolean {
  return cause === OPERATOR ? until !== null : granted !== null && scope !== 'sender';
}

/** A refusal while the administrator's word holds is evidence for the time after it, as it would be without it. */
function withEvidence<S extends Allowlist>(state: S, evident: Evident, rules: Rules): S {
  const { refusal, match, address } = evident;
  const entry = entryOf(state, match.sender.id);
  if (entry === undefined) return state;
  const others = state.entries.filter((one) => one !== entry);
  const bare = { ...entry, granted: null };
  const without = { ...state, entries: entry.cause === OPERATOR ? others : [...others, bare] };
  const decision = decide(address, match, refusal, without, rules);
  const after = afterRefusal(without, evident, decision, rules);
  const own = entryOf(after, entry.sender);
  if (own === bare) return state;
  if (own === undefined) return withEntry(after, entry);
  const { announced, inForce, reason, refusedAt } = entry;
  const granted = entry.granted ?? entry.until;
  return withEntry(after, { ...own, granted, announced, inForce, reason, refusedAt });
}

function opened(
  entry: Entry | undefined,
  { refusal, match, address }: Evident,
  first: number,
  rules: Rules,
): Entry {
  const open = rules.scope === 'address' ? hostNetwork(address) : match.network;
  const networks =
    rules.scope === 'sender' ? [] : [...(entry?.networks ?? []), formatNetwork(open)].slice(-MOST_NETWORKS);
  // The administrator's own entry keeps its end, and all networks of the sender.
  const kept = entry?.cause === OPERATOR ? { scope: entry.scope, networks: entry.networks } : null;
  return {
    sender: match.sender.id,
    ...(kept ?? { scope: rules.scope, networks }),
    since: entry?.since ?? refusal.at,
    lastSeen: refusal.at,
    until: kept === null ? null : (entry?.until ?? null),
    granted: entry?.granted ?? null,
    reason: entry?.reason ?? null,
    cause: entry?.cause ?? causeOf(refusal),
    refusedAt: entry?.refusedAt ?? first,
    announced: false,
    inForce: null,
  };
}

/** Gate, code and first zone, for the table: Postfix's own words, and of those only what cannot end a comment. */
function causeOf({ gate, code, zones }: Refusal): string {
  const zone = zones[0] !== undefined && /^[A-Za-z0-9._-]{1,253}$/.test(zones[0]) ? zones[0] : null;
  return [gate, code, zone].filter((part) => part !== null).join(' ');
}

/** The state after an address of the sender got in; `seconds` from the refusal when the table had let it in. */
export function afterPass<S extends Allowlist>(
  state: S,
  sender: string,
  passed: { at: number; allowlisted: boolean },
): { state: S; recoveredAfter: number | null } {
  const { [sender]: _, ...gaveUp } = state.gaveUp;
  const entry = entryOf(state, sender);
  if (entry === undefined) return { state: { ...state, gaveUp }, recoveredAfter: null };
  const recovered = passed.allowlisted && entry.refusedAt !== null;
  // It came later in the log, also when the clock was set back in between.
  const waited = Math.max(0, passed.at - (entry.refusedAt ?? 0));
  const recoveredAfter = recovered ? Math.round(waited / 1000) : null;
  const touched = seen(entry, passed.at);
  const next = recovered ? { ...touched, refusedAt: null } : touched;
  return { state: withEntry({ ...state, gaveUp }, next), recoveredAfter };
}

/** The last one in the log counts, also when it is stamped before another. */
function seen(entry: Entry, at: number): Entry {
  return Math.abs(at - entry.lastSeen) < SEEN_MS ? entry : { ...entry, lastSeen: at };
}

/**
 * A client that leaves during the greet wait was turned away by the wait itself when its sender did so twice within
 * the window without a pass between.
 */
export function afterGivingUp<S extends Allowlist>(
  state: S,
  sender: string,
  at: number,
  rules: Rules,
): { state: S; refused: boolean } {
  const before = state.gaveUp[sender];
  const refused = before !== undefined && Math.abs(at - before) <= rules.windowMs;
  return { state: { ...state, gaveUp: { ...state.gaveUp, [sender]: at } }, refused };
}

/** One new state for the whole refresh. An entry that opens more than before is not in force yet. */
export function afterRefresh<S extends Allowlist & { readonly senders: SenderKnowledge }>(
  state: S,
  judged: readonly Judged[],
): S {
  const grown = new Set(judged.filter(({ added }) => added.length > 0).map(({ sender }) => sender));
  const entries = state.entries.map((entry) =>
    (entry.scope === 'sender' || entry.granted !== null) && grown.has(entry.sender)
      ? { ...entry, inForce: null }
      : entry,
  );
  const learnt = Object.fromEntries(judged.map(({ sender, after }) => [sender, after]));
  return { ...state, entries, senders: { ...state.senders, ...learnt } };
}

import { CROSSING_MS } from '../log/log-time.ts';
import { isReserved, MOST_NETWORKS, RESERVED, WIDEST, withinLimits } from '../net/limits.ts';
import {
  type Address,
  contains,
  formatNetwork,
  hostNetwork,
  type Network,
  network,
  parseNetwork,
} from '../net/network.ts';
import { intersect, subtract } from '../net/network-set.ts';
import { GATES } from '../postscreen/gate.ts';
import { type Refusal, SESSION_LIMITS } from '../postscreen/session.ts';
import type { SenderKnowledge } from '../senders/knowledge.ts';
import type { Judged } from '../senders/list-judgement.ts';
import {
  buildSenderIndex,
  type Evidence,
  type Match,
  type Sender,
  type SenderIndex,
} from '../senders/sender-index.ts';
import type { Scope } from './entry.ts';
import { type Allowlist, type Entry, entryOf, OPERATOR, type Veto, withEntry } from './entry.ts';
import { isCleared, isVetoed, vetoedNetworks } from './veto.ts';

/** What the administrator allows, parsed once from the settings. */
export interface Rules {
  /** Nothing is written: an entry says only what would be. */
  readonly observing: boolean;
  readonly scope: Scope;
  /** Refusals of a sender within windowMs before it is allowed. */
  readonly threshold: number;
  readonly windowMs: number;
  /** An entry leaves this long after its sender was last seen. */
  readonly ttlMs: number;
  /** Never allowed: SCREENPASS_NEVER and the Engine's own networks. */
  readonly never: readonly Network[];
  /** In lower case. */
  readonly vetoZones: ReadonlySet<string>;
}

/**
 * The rules while a mail container has these networks: none of the Engine's own is ever opened. The Engine writes host
 * bits; a network that cannot be read is none of our address space anyway.
 */
export function withoutEngineNetworks(rules: Rules, networks: readonly string[]): Rules {
  const own = networks.map(parseNetwork).flatMap((parsed) => (parsed.ok ? [parsed.value] : []));
  return { ...rules, never: [...rules.never, ...own] };
}

export type Reason =
  | Evidence
  | 'began-before'
  | 'observing'
  | 'still-refused'
  | 'below-threshold'
  | 'unknown-sender'
  | 'not-curable'
  | 'reserved-network'
  | 'never-listed'
  | 'too-wide'
  | 'vetoed-by-dnsbl'
  | 'veto-unknown';

/** What the reasons mean, for alerts and for `check`. */
export const REASONS: Readonly<Record<Reason, string>> = {
  network: 'the address is in a network of the sender',
  spf: 'the SPF record of the sender authorises the address (check_host gives pass)',
  rdns: 'the reverse name of the address belongs to the sender and resolves to the address',
  observing: 'it would already be in the table; observe mode writes nothing',
  'began-before':
    'it is already in the table, but this session began before Postfix used the table. The next attempt gets through; after a 5xx reply the sender must send the message again',
  'still-refused':
    'it is in the table, but Postfix refused it. Run docker exec screenpass screenpass doctor: another list or rule may decide first',
  'below-threshold': 'the sender was not yet refused SCREENPASS_THRESHOLD times within SCREENPASS_WINDOW',
  'unknown-sender': 'no watched sender has this address',
  'not-curable':
    "postscreen does not check the access list before this test, or the operator's own rule refused it",
  'reserved-network': 'private or reserved address space is never allowed',
  'never-listed': 'SCREENPASS_NEVER or a network of the Engine contains it',
  'too-wide': 'the network of the sender is wider than screenpass ever allows',
  'vetoed-by-dnsbl': 'a zone of SCREENPASS_VETO_DNSBL lists it',
  'veto-unknown': 'it is decided when the zones of SCREENPASS_VETO_DNSBL answer',
};

/** `lastSeen` is kept this coarse, so that a busy sender does not make a write of every connection. */
const SEEN_MS = 60_000;

export interface Decision {
  readonly kind: 'allow' | 'keep' | 'wait' | 'refuse';
  readonly reason: Reason;
}

/** What to do about a refusal of this address, whose sender was found by the address alone. */
export function decide(
  address: Address,
  match: Match | undefined,
  refusal: Pick<Refusal, 'gate' | 'zones' | 'at' | 'connectedAt'>,
  state: Allowlist,
  rules: Rules,
): Decision {
  const refuse = (reason: Reason): Decision => ({ kind: 'refuse', reason });
  if (isReserved(address)) return refuse('reserved-network');
  if (match === undefined) return refuse('unknown-sender');
  if (!GATES[refusal.gate].curable) return refuse('not-curable');
  if (rules.never.some((network) => contains(network, address))) return refuse('never-listed');
  if (match.network.prefix < WIDEST[match.network.family]) return refuse('too-wide');
  if (isVetoed(state, address)) return refuse('vetoed-by-dnsbl');
  const isAsked = rules.vetoZones.size > 0 && !isCleared(state, address);
  if (isAsked && vetoZone(refusal, rules) !== undefined) return refuse('vetoed-by-dnsbl');
  const entry = entryOf(state, match.sender.id);
  if (entry !== undefined && isOpen(state, match.sender, address, rules)) {
    if (rules.observing) return { kind: 'keep', reason: 'observing' };
    return { kind: 'keep', reason: sawTable(entry, refusal) ? 'still-refused' : 'began-before' };
  }
  if (isAsked) return { kind: 'wait', reason: 'veto-unknown' };
  const recent = recentRefusals(state, match.sender.id, refusal.at, rules);
  if (entry === undefined && recent.length + 1 < rules.threshold)
    return { kind: 'wait', reason: 'below-threshold' };
  return { kind: 'allow', reason: match.evidence };
}

/** A zone with a veto that postscreen asked itself, and that lists the client. */
export function vetoZone({ zones }: Pick<Refusal, 'zones'>, { vetoZones }: Rules): string | undefined {
  return zones.map((zone) => zone.toLowerCase()).find((zone) => vetoZones.has(zone));
}

/**
 * Postfix decides by the table that it had at CONNECT, however late it rejects. A CONNECT from longer before than any
 * session lasts came later in the log: the clock was set back.
 */
export function sawTable({ inForce }: Entry, { connectedAt }: Pick<Refusal, 'connectedAt'>): boolean {
  if (inForce === null || connectedAt === null) return false;
  return connectedAt > inForce + CROSSING_MS || connectedAt < inForce - SESSION_LIMITS.ageMs;
}

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

function recentRefusals(state: Allowlist, sender: string, now: number, rules: Rules): readonly number[] {
  const recent = (state.refusals[sender] ?? []).filter((at) => Math.abs(now - at) <= rules.windowMs);
  return recent.slice(-rules.threshold);
}

/**
 * The networks that the entry puts into the table: never wider, reserved, forbidden, vetoed or more than any sender may
 * have, whatever was published. `sender` undefined: nobody's, an entry that the administrator made for a network.
 */
export function openNetworks(
  entry: Entry,
  sender: Sender | undefined,
  rules: Rules,
  vetoes: readonly Veto[],
): Network[] {
  const own = entry.networks.map(network);
  const wanted =
    sender === undefined
      ? own
      : entry.scope === 'sender' || entry.granted !== null
        ? sender.networks
        : intersect(own, sender.networks);
  const narrow = wanted.filter(({ family, prefix }) => prefix >= WIDEST[family]);
  return withinLimits(subtract(narrow, [...RESERVED, ...rules.never, ...vetoedNetworks(vetoes)], WIDEST));
}

/** Whether an entry of the sender lets this address in. */
export function isOpen(state: Allowlist, sender: Sender, address: Address, rules: Rules): boolean {
  const entry = entryOf(state, sender.id);
  if (entry === undefined) return false;
  const known = openSpaces.get(entry);
  const { vetoes } = state;
  const isCurrent = known?.sender === sender && known.rules === rules && known.vetoes === vetoes;
  const space = isCurrent
    ? known.space
    : buildSenderIndex([{ ...sender, networks: openNetworks(entry, sender, rules, vetoes) }]);
  if (!isCurrent) openSpaces.set(entry, { sender, rules, vetoes, space });
  return space.find(address) !== undefined;
}

/** What entries open, as last asked: a sender that is refused thousands of times a second has one entry. */
const openSpaces = new WeakMap<
  Entry,
  {
    readonly sender: Sender;
    readonly rules: Rules;
    readonly vetoes: readonly Veto[];
    readonly space: SenderIndex;
  }
>();

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

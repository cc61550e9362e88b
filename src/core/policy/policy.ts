// What to do about a refusal, by whose address it is, the entries and the administrator's rules; and what an entry opens.
// It changes no entry (entry-changes.ts).
import { CROSSING_MS } from '../log/log-time.ts';
import { isReserved, RESERVED, WIDEST, withinLimits } from '../net/limits.ts';
import { type Address, contains, type Network, network, parseNetwork } from '../net/network.ts';
import { intersect, subtract } from '../net/network-set.ts';
import { GATES } from '../postscreen/gate.ts';
import { type Refusal, SESSION_LIMITS } from '../postscreen/session.ts';
import {
  buildSenderIndex,
  type Evidence,
  type Match,
  type Sender,
  type SenderIndex,
} from '../senders/sender-index.ts';
import { type Allowlist, type Entry, entryOf, type Scope, type Veto } from './entry.ts';
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

/** When the sender was refused within the window, as far as it matters. */
export function recentRefusals(
  state: Allowlist,
  sender: string,
  now: number,
  rules: Rules,
): readonly number[] {
  const recent = (state.refusals[sender] ?? []).filter((at) => Math.abs(now - at) <= rules.windowMs);
  return recent.slice(-rules.threshold);
}

/**
 * The networks that the entry puts into the table: never wider, reserved, forbidden, vetoed or more than any sender may
 * have, whatever was published. `sender` undefined: of no sender, an entry that the administrator made for a network.
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

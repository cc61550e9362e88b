// The vetoes that the state keeps. The questions to the zones are in veto-answer.ts.
import { type Address, formatAddress, hostNetwork, type Network, parseAddress } from '../net/network.ts';
import type { Allowlist, Veto } from './entry.ts';

/**
 * What the zones of SCREENPASS_VETO_DNSBL said of addresses, as the state keeps it: those that one of them lists stay out
 * of the table, whatever entry would open them. Times are ms of the clock. Asking is done elsewhere (veto-answer.ts).
 */

/** Each cuts the networks of a sender into up to 30 rules. */
const MOST_VETOES = 2_000;
const MOST_CLEARED = 500;
/** A decision may rest on an answer as old as this. */
export const CLEARED_MS = 3_600_000;
/** A listed address is asked about again this often, and sooner when the zones did not answer. */
const AGAIN_MS = 86_400_000;
const RETRY_MS = 3_600_000;

type Vetoed = Pick<Allowlist, 'vetoes' | 'cleared'>;

export function isVetoed({ vetoes }: Pick<Allowlist, 'vetoes'>, address: Address): boolean {
  return indexOf(vetoes).has(formatAddress(address));
}

export function isCleared({ cleared }: Pick<Allowlist, 'cleared'>, address: Address): boolean {
  return cleared[formatAddress(address)] !== undefined;
}

/** The vetoed addresses, for the table to leave out. */
export function vetoedNetworks(vetoes: readonly Veto[]): readonly Network[] {
  const known = NETWORKS.get(vetoes);
  if (known !== undefined) return known;
  const networks = vetoes.flatMap(({ address }) => {
    const parsed = parseAddress(address);
    return parsed === undefined ? [] : [hostNetwork(parsed)];
  });
  NETWORKS.set(vetoes, networks);
  return networks;
}

const NETWORKS = new WeakMap<readonly Veto[], readonly Network[]>();
const INDEXES = new WeakMap<readonly Veto[], ReadonlySet<string>>();

function indexOf(vetoes: readonly Veto[]): ReadonlySet<string> {
  const known = INDEXES.get(vetoes) ?? new Set(vetoes.map(({ address }) => address));
  INDEXES.set(vetoes, known);
  return known;
}

/** A zone lists the address. `askedAt` null: postscreen says so. `dropped`: the veto that found no room any more. */
export function withListing<S extends Vetoed>(
  state: S,
  address: Address,
  zone: string,
  now: number,
  askedAt: number | null,
): { readonly state: S; readonly isNew: boolean; readonly dropped: Veto | null } {
  const text = formatAddress(address);
  const before = state.vetoes.find((one) => one.address === text);
  const veto = { address: text, zone: zone.toLowerCase(), since: before?.since ?? now, askedAt };
  const all = [...state.vetoes.filter((one) => one !== before), veto];
  const { [text]: _, ...cleared } = state.cleared;
  const dropped = all.length > MOST_VETOES ? (all[0] ?? null) : null;
  const vetoes = all.filter((one) => one !== dropped);
  return { state: { ...state, vetoes, cleared }, isNew: before === undefined, dropped };
}

/** No zone lists the address at `now`; `ended` is the veto that is over. */
export function withClear<S extends Vetoed>(
  state: S,
  address: Address,
  now: number,
): { readonly state: S; readonly ended: Veto | null } {
  const text = formatAddress(address);
  const ended = state.vetoes.find((one) => one.address === text) ?? null;
  const vetoes = ended === null ? state.vetoes : state.vetoes.filter((one) => one !== ended);
  const others = Object.entries(state.cleared).filter(([one]) => one !== text);
  const cleared = Object.fromEntries([...others, [text, now] as const].slice(-MOST_CLEARED));
  return { state: { ...state, vetoes, cleared }, ended };
}

/** The zones did not answer about it: it stays vetoed, and is asked about again within the hour. */
export function withoutAnswer<S extends Vetoed>(state: S, address: Address, now: number): S {
  const text = formatAddress(address);
  if (!isVetoed(state, address)) return state;
  const askedAt = now - AGAIN_MS + RETRY_MS;
  return { ...state, vetoes: state.vetoes.map((one) => (one.address === text ? { ...one, askedAt } : one)) };
}

/** The vetoed addresses that are to be asked about again. A clock that jumped makes no wait longer. */
export function dueVetoes({ vetoes }: Pick<Allowlist, 'vetoes'>, now: number): readonly Address[] {
  const due = vetoes.filter(({ askedAt }) => askedAt === null || Math.abs(now - askedAt) >= AGAIN_MS);
  return due.flatMap(({ address }) => parseAddress(address) ?? []);
}

/** Without the answers that are too old to decide by. */
export function withFreshAnswers<S extends Vetoed>(state: S, now: number): S {
  const fresh = Object.entries(state.cleared).filter(([, at]) => Math.abs(now - at) < CLEARED_MS);
  const isSame = fresh.length === Object.keys(state.cleared).length;
  return isSame ? state : { ...state, cleared: Object.fromEntries(fresh) };
}

// `check`: whose an address is, and what policy would do about it. It changes nothing.
import type { Config } from '../config/settings.ts';
import type { Resolver } from '../core/dns/resolver.ts';
import { isReserved } from '../core/net/limits.ts';
import { type Address, formatAddress, formatNetwork, hostNetwork } from '../core/net/network.ts';
import { withEntry } from '../core/policy/entry.ts';
import { type Decision, decide, isOpen, REASONS } from '../core/policy/policy.ts';
import { withClear, withListing } from '../core/policy/veto.ts';
import { askVetoes, listingZone, type VetoAnswer } from '../core/policy/veto-answer.ts';
import { identify } from '../core/senders/identity.ts';
import { WITHOUT_NETWORKS, withoutNetworks } from '../core/senders/knowledge.ts';
import { buildRoster, type Roster } from '../core/senders/roster.ts';
import type { Evidence, Match } from '../core/senders/sender-index.ts';
import { EMPTY_STATE, type State } from '../core/state/state.ts';
import { readEntries, splitTable } from '../core/table/managed-block.ts';
import { createResolver } from '../edge/dns.ts';
import { createTableFile } from '../edge/file.ts';
import { readRemembered } from './known.ts';
import { print, tableOf } from './output.ts';

/** What is known of an address, and what policy would do if postscreen refused it now for a DNSBL listing. */
interface Checked {
  readonly address: string;
  readonly sender: string | null;
  readonly evidence: Evidence | null;
  readonly network: string | null;
  /** An entry in the table covers it. */
  readonly allowed: boolean;
  readonly decision: 'allow' | 'keep' | 'wait' | 'refuse';
  readonly reason: string;
}

/** `unanswered`: no list has the address, and DNS did not say whose it is. */
interface Lookup {
  readonly match: Match | undefined;
  readonly unanswered: string | null;
  /** Null: there is nothing to ask the veto zones about. */
  readonly veto: VetoAnswer | null;
}

/**
 * Prints whose the addresses are: one JSON object for one address, an array for several, or a table. Reads the
 * table and the saved state, asks DNS about addresses in no list, and changes nothing. Gives the exit code: 3 when DNS
 * did not answer, 1 when policy would refuse one. Rejects with FileError.
 */
export async function check(
  config: Config,
  addresses: readonly Address[],
  options: { readonly json: boolean; readonly dnsServers: readonly string[] },
): Promise<0 | 1 | 3> {
  const table = await createTableFile(config.table).read();
  const entries = table === undefined ? [] : readEntries(splitTable(table).block ?? '');
  const now = Date.now();
  const { senders: learnt, vetoes } = await readRemembered(config);
  const zones = config.rules.vetoZones;
  const state = entries.reduce<State>(withEntry, {
    ...EMPTY_STATE,
    vetoes: vetoes.filter(({ zone }) => zones.has(zone)),
  });
  const watched = buildRoster(config.senders, learnt, now);
  const known = buildRoster(config.catalogue, learnt, now);
  const resolver = createResolver({ servers: options.dnsServers });

  const bare = withoutNetworks(config.senders, learnt, now).map(({ id }) => id);
  const aside = ({ reason }: Decision) =>
    reason !== 'unknown-sender' || bare.length === 0 ? '' : ` (${bare.join(', ')}: ${WITHOUT_NETWORKS})`;
  const context: Context = { config, state, watched, known, resolver, now };
  const found = await Promise.all(addresses.map((address) => lookUp(context, address)));
  const checked = found.map((one, i) => {
    const { decision, reason, ...shown } = judge(context, addresses[i] as Address, one);
    return {
      ...shown,
      decision: decision.kind,
      reason: one.unanswered ?? `${reason}${aside(decision)}`,
    };
  });
  const document = checked.length === 1 ? checked[0] : checked;
  print(document, options.json, () => shownFor(checked));
  if (found.some(({ unanswered }) => unanswered !== null)) return 3;
  return checked.some(({ decision }) => decision === 'refuse') ? 1 : 0;
}

/** What one run of the command knows of all addresses. */
interface Context {
  readonly config: Config;
  readonly state: State;
  readonly watched: Roster;
  readonly known: Roster;
  readonly resolver: Resolver;
  readonly now: number;
}

/** Whose the address is, and what the veto zones say of it. */
async function lookUp(context: Context, address: Address): Promise<Lookup> {
  const { config, resolver } = context;
  const zones = config.rules.vetoZones;
  const found = await identifyAddress(context, address);
  if (found.match === undefined || zones.size === 0) return { ...found, veto: null };
  const veto = await askVetoes(address, zones, resolver);
  const silent = [...veto.looks].flatMap(([zone, look]) =>
    look.kind === 'fault' ? [`${zone}: ${look.reason}`] : [],
  );
  const unanswered = veto.kind === 'unknown' ? silent.join('; ') : null;
  return { ...found, unanswered, veto };
}

async function identifyAddress(
  { config, watched, known, resolver }: Context,
  address: Address,
): Promise<Omit<Lookup, 'veto'>> {
  const match = watched.find(address);
  const isClear = match !== undefined || known.find(address) !== undefined || isReserved(address);
  if (isClear) return { match, unanswered: null };
  const identity = await identify(address, config.senders, watched.unlistable, resolver);
  if (identity.kind !== 'proven')
    return { match: undefined, unanswered: identity.kind === 'unknown' ? identity.reason : null };
  const sender = watched.get(identity.sender.id) ?? identity.sender;
  return { match: { sender, network: hostNetwork(address), evidence: identity.by }, unanswered: null };
}

/** What policy would do; `reason` does not say yet what DNS left open. */
function judge(
  { config, state, known, now }: Context,
  address: Address,
  { match, veto }: Lookup,
): Omit<Checked, 'decision'> & { readonly decision: Decision } {
  const asked = afterVeto(state, address, veto, now);
  const shown = match ?? known.find(address);
  const refusal = { gate: 'dnsbl', zones: [], at: now, connectedAt: now } as const;
  const decision = decide(address, match, refusal, asked, config.rules);
  return {
    address: formatAddress(address),
    sender: shown?.sender.id ?? null,
    evidence: shown?.evidence ?? null,
    network: shown === undefined ? null : formatNetwork(shown.network),
    allowed: match !== undefined && isOpen(asked, match.sender, address, config.rules),
    decision,
    reason: reasonOf(decision, match === undefined && shown !== undefined),
  };
}

/** What the daemon would know once the zones answered. */
function afterVeto(state: State, address: Address, veto: VetoAnswer | null, now: number): State {
  if (veto === null || veto.kind === 'unknown') return state;
  const zone = listingZone(veto);
  return zone === undefined
    ? withClear(state, address, now).state
    : withListing(state, address, zone, now, now).state;
}

/** A refusal that `check` only supposes began neither before nor after a reload. */
function reasonOf({ kind, reason }: Decision, unwatched: boolean): string {
  if (unwatched) return 'SCREENPASS_SENDERS does not name this sender';
  return kind === 'keep' ? 'the table covers it: nothing to do' : REASONS[reason];
}

function shownFor(checked: readonly Checked[]): string {
  const rows = checked.map((one) => [
    one.address,
    one.sender ?? '-',
    one.evidence ?? '-',
    one.network ?? '-',
    one.allowed ? 'yes' : 'no',
    one.decision,
    one.reason,
  ]);
  return tableOf(['ADDRESS', 'SENDER', 'EVIDENCE', 'NETWORK', 'ALLOWED', 'DECISION', 'REASON'], rows);
}

// Asks DNS whose an address is that no list holds. Client text (HELO, MAIL FROM) is not used.
import { aliasChain, endsInLabels } from '../dns/alias-chain.ts';
import { readName } from '../dns/dns-name.ts';
import type { DnsAnswer, Resolver } from '../dns/resolver.ts';
import { type Address, addressOf, formatAddress, parseAddress } from '../net/network.ts';
import { checkHost } from '../spf/spf-check.ts';
import { MOST_HOSTS } from '../spf/spf-match.ts';
import type { SenderDefinition } from './sender.ts';

/** Whose address it is, when no list says so. `unknown`: DNS did not answer, so the owner is not known. */
export type Identity =
  | { readonly kind: 'proven'; readonly sender: SenderDefinition; readonly by: 'spf' | 'rdns' }
  | { readonly kind: 'no-sender' }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Documentation space (RFC 5737, RFC 3849): a record that lets this in lets everybody in. */
const STRANGERS = { 4: '192.0.2.1', 6: '2001:db8::1' };

/**
 * Asks DNS whose address it is: first for the names of the address, which must lead back to it and end in the labels
 * of a sender whose lists do not hold all, then for the senders in `unlistable`, whether check_host on their own domain passes (RFC 7208). The
 * client's HELO and MAIL FROM are not looked at. Never rejects.
 */
export async function identify(
  address: Address,
  watched: readonly SenderDefinition[],
  unlistable: readonly SenderDefinition[],
  resolver: Resolver,
): Promise<Identity> {
  const named = await byName(address, watched.filter(namesCount), resolver);
  if (named.kind === 'proven') return named;
  const answers = await Promise.all(unlistable.map((sender) => byRecord(address, sender, resolver)));
  const all = [...answers, named];
  return (
    all.find(({ kind }) => kind === 'proven') ??
    all.find(({ kind }) => kind === 'unknown') ?? { kind: 'no-sender' }
  );
}

/**
 * Whether reverse names say something: a sender whose lists hold all its addresses is known by them, and what ends in
 * its domain may be anything but a mail server.
 */
export function namesCount({ unlistable, incomplete }: SenderDefinition): boolean {
  return unlistable || incomplete;
}

/**
 * Forward-confirmed reverse names, along aliases of the sender's own only. Only a name that is a sender's is asked for
 * its addresses. Who owns the address chooses its names: one that cannot exist is passed over.
 */
async function byName(
  address: Address,
  senders: readonly SenderDefinition[],
  resolver: Resolver,
): Promise<Identity> {
  const text = formatAddress(address);
  const answer = await resolver.ptr(text);
  if (answer.kind === 'failed') return unknown(`the names of ${text}`, answer.reason);
  const names = answer.kind === 'found' ? answer.records.filter(isName).slice(0, MOST_HOSTS) : [];
  let failure: Identity = { kind: 'no-sender' };
  for (const name of names) {
    const sender = senders.find(({ rdns }) => rdns.some((suffix) => endsInLabels(name, suffix)));
    if (sender === undefined) continue;
    const forward = await (address.family === 4 ? resolver.a(name) : resolver.aaaa(name));
    if (forward.kind === 'failed') failure = unknown(name, forward.reason);
    if (!leadsTo(forward, text)) continue;
    const chain = await aliasChain(name, sender.rdns, resolver);
    if (chain === 'within') return { kind: 'proven', sender, by: 'rdns' };
    if (chain === 'unknown') failure = unknown(name, 'whether it is an alias');
  }
  return failure;
}

function isName(text: string): boolean {
  return readName(text).kind === 'name';
}

function leadsTo(answer: DnsAnswer<string>, text: string): boolean {
  if (answer.kind !== 'found') return false;
  return answer.records.some((record) => {
    const address = parseAddress(record);
    return address !== undefined && formatAddress(address) === text;
  });
}

async function byRecord(address: Address, sender: SenderDefinition, resolver: Resolver): Promise<Identity> {
  let failure: Identity = { kind: 'no-sender' };
  for (const domain of sender.spf) {
    const { result, problem } = await ask(address, domain, resolver);
    if (result === 'temperror') failure = { kind: 'unknown', reason: problem ?? result };
    if (result !== 'pass') continue;
    const stranger = await ask(addressOf(STRANGERS[address.family]), domain, resolver);
    if (stranger.result === 'temperror')
      failure = { kind: 'unknown', reason: stranger.problem ?? stranger.result };
    else if (stranger.result !== 'pass') return { kind: 'proven', sender, by: 'spf' };
  }
  return failure;
}

/** Whoever holds the address does not choose the words: they are the domain's own. */
function ask(ip: Address, domain: string, resolver: Resolver) {
  return checkHost({ ip, domain, sender: `postmaster@${domain}`, helo: domain, ownNames: true }, resolver);
}

function unknown(what: string, reason: string): Identity {
  return { kind: 'unknown', reason: `no answer about ${what} (${reason})` };
}

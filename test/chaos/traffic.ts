// The clients: addresses of watched senders and of strangers, listed and not.
import { setTimeout as sleep } from 'node:timers/promises';
import { firstAddress, type Network } from '../../src/core/net/network.ts';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import { SALESFORCE_ADDRESS, SALESFORCE_ZONE } from '../double/salesforce-zone.ts';
import { sendersZone } from '../double/senders-zone.ts';
import type { Stack } from '../e2e/harness.ts';
import type { Random } from '../random.ts';
import type { Clients, Outcome } from './clients.ts';
import { ask } from './watch.ts';

const senders = readCatalogue(catalogue);
export const zone = { ...sendersZone(senders), ...SALESFORCE_ZONE };

const IDS = [
  ...['amazon-ses', 'sendgrid', 'mailgun', 'mailjet', 'brevo', 'mailchimp', 'smtp2go', 'google'],
  ...['zendesk', 'github', 'mimecast', 'proofpoint', 'zoho', 'constant-contact'],
];

/** The address `offset` after the first one of the sender's first roomy IPv4 network. */
function addressOf(id: string, offset: number): string {
  const networks = senders.find((sender) => sender.id === id)?.networks ?? [];
  const roomy = networks.find(({ family, prefix }) => family === 4 && prefix <= 24) as Network;
  return firstAddress({ family: 4, base: roomy.base + BigInt(offset), prefix: 32 });
}

/** Of watched senders, and in the DNS blocklist. */
export const listed: readonly { readonly sender: string; readonly address: string }[] = [
  ...IDS.flatMap((sender) => [5, 6].map((offset) => ({ sender, address: addressOf(sender, offset) }))),
  // Only SPF tells whose it is.
  { sender: 'salesforce', address: SALESFORCE_ADDRESS },
];
const unlisted = IDS.map((sender) => ({ sender, address: addressOf(sender, 9) }));
const strangers = { listed: ['203.0.113.9', '185.199.108.7'], unlisted: ['203.0.113.10', '198.51.100.7'] };

/** The sender of each address that is a watched sender's. */
export const watched: ReadonlyMap<string, string> = new Map(
  [...listed, ...unlisted].map(({ sender, address }) => [address, sender]),
);
export const blocklist = [...listed.map(({ address }) => address), ...strangers.listed];
export const clients = [...watched.keys(), ...strangers.listed, ...strangers.unlisted];

/** Sessions by outcome; those for whom nobody was there are not counted. */
export type Sent = Record<Exclude<Outcome, 'away'>, number>;

/** Whether Postfix serves a client of whom nobody thinks ill. */
export async function serves(clients: Clients): Promise<boolean> {
  return (await clients.attempt(strangers.unlisted[0] as string)) === 'queued';
}

/** Keeps sending until the signal aborts; most often from listed addresses of watched senders. */
export async function traffic(
  clients: Clients,
  random: Random,
  sent: Sent,
  signal: AbortSignal,
): Promise<void> {
  const others = [...unlisted.map(({ address }) => address), ...strangers.listed, ...strangers.unlisted] as [
    string,
    ...string[],
  ];
  const refused = listed.map(({ address }) => address) as [string, ...string[]];
  while (!signal.aborted) {
    const outcome = await clients.attempt(random.pick(random.next() < 0.85 ? refused : others));
    if (outcome !== 'away') sent[outcome] += 1;
    await sleep(random.between(50, 800));
  }
}

/** The operator takes entries away, so that refusals do not run dry. */
export async function revocations(stack: Stack, random: Random, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { sender } = random.pick(listed as [(typeof listed)[0], ...typeof listed]);
    await ask(stack, 'revoke', { target: sender });
    await sleep(random.between(100, 900));
  }
}

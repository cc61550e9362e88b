import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineDouble } from '../double/engine.ts';
import type { MailServerDouble } from '../double/mailserver.ts';
import { SALESFORCE_ADDRESS } from '../double/salesforce-zone.ts';
import type { Client, Outcome } from '../double/session.ts';
import type { DaemonProcess } from './daemon-process.ts';
import type { Screen } from './screen.ts';

interface Players {
  readonly daemon: DaemonProcess;
  readonly engine: EngineDouble;
  readonly mail: MailServerDouble;
  readonly screen: Screen;
}

const USER = 'user@example.test';
const ZONE = 'zen.spamhaus.org';
const SPOOF = ses('a8-1.smtp-out.amazonses.com');
const SALESFORCE: Client = {
  helo: 'smtp14-ia4-sp3.mta.salesforce.com',
  from: 'news@example-7.bnc.salesforce.com',
  to: USER,
  listed: [ZONE],
};
/** So that the lines can be read one after the other; nothing depends on it. */
const PAUSE_MS = 200;
const FOLLOW_DEADLINE_MS = 12_000;

/** What befalls the mail server. Rejects when something does not come as it should. */
export async function play(players: Players): Promise<void> {
  const { daemon, engine, screen } = players;
  await daemon.alert('started');
  const deadline = performance.now() + FOLLOW_DEADLINE_MS;
  while (engine.followers === 0) {
    if (performance.now() > deadline) throw new Error('the daemon does not follow the log');
    await sleep(10);
  }
  const connect = (ip: string, who: string, client: Client) => visit(players, ip, who, client);

  const stranger = { helo: 'spammer.test', from: 'win@prize.example', to: USER, pregreet: true };
  const strangers = [connect('198.51.100.23', 'a stranger who cannot wait', stranger)];
  await sleep(PAUSE_MS);
  const refused = connect('54.240.27.75', 'Amazon SES', ses('a27-75.smtp-out.us-west-2.amazonses.com'));
  await sleep(PAUSE_MS);
  // Whether the table is in force before a retry is a matter of milliseconds, so they may end either way.
  const retries = [connect('54.240.27.76', 'SES again', ses('a27-76.smtp-out.us-west-2.amazonses.com'))];
  await sleep(PAUSE_MS);
  retries.push(connect('54.240.10.219', 'SES once more', ses('a10-219.smtp-out.amazonses.com')));
  strangers.push(connect('203.0.113.9', 'a stranger who says to be SES', SPOOF));
  expectAll('rejected', await Promise.all([refused, ...strangers]));
  await isAllowed(daemon, 'amazon-ses');

  await sleep(PAUSE_MS);
  await Promise.all(retries);
  expectAll('rejected', [await connect('203.0.113.9', 'the stranger who says to be SES', SPOOF)]);
  await sleep(PAUSE_MS);
  const last = connect('54.240.55.41', 'SES, from yet another address', ses('a55-41.smtp-out.amazonses.com'));
  expectAll('allowlisted', [await last]);
  await daemon.alert('sender-recovered', 'amazon-ses');

  await sleep(PAUSE_MS);
  expectAll('rejected', [
    await connect(SALESFORCE_ADDRESS, 'Salesforce, from an address in no list', SALESFORCE),
  ]);
  await isAllowed(daemon, 'salesforce');
  await sleep(PAUSE_MS);
  expectAll('allowlisted', [await connect(SALESFORCE_ADDRESS, 'Salesforce again', SALESFORCE)]);
  await daemon.alert('sender-recovered', 'salesforce');
  await sleep(PAUSE_MS);
  screen.event('the daemon is asked to stop');
}

async function isAllowed(daemon: DaemonProcess, sender: string): Promise<void> {
  for (const kind of ['sender-refused', 'sender-allowed', 'reload-done'] as const)
    await daemon.alert(kind, sender);
}

/** A client with the claims of Amazon SES, true or not. */
function ses(helo: string): Client {
  return { helo, from: '0101018f2a@us-west-2.amazonses.com', to: USER, listed: [ZONE] };
}

const ENDINGS: Record<Outcome, string> = {
  allowlisted: 'is ALLOWLISTED, and its message is queued',
  passed: 'passes, and its message is queued',
  ignored: 'is let through',
  rejected: 'is refused',
  dropped: 'is dropped',
  gone: 'hangs up',
};

async function visit({ mail, screen }: Players, ip: string, who: string, client: Client): Promise<Outcome> {
  const zones = client.listed === undefined ? '' : `, listed by ${client.listed.join(', ')}`;
  screen.event(`${ip} (${who}) connects${zones}`);
  const outcome = await mail.connect(ip, client);
  screen.event(`${ip} ${ENDINGS[outcome]}`);
  return outcome;
}

function expectAll(expected: Outcome, outcomes: readonly Outcome[]): void {
  const other = outcomes.find((outcome) => outcome !== expected);
  if (other !== undefined) throw new Error(`a session that should end as ${expected} ended as ${other}`);
}

// What becomes of mail behind postscreen: each gate is real Postfix's, and the words are those of the programs that
// docker-mailserver puts there. Then what postscreen itself says when the DNS blocklist is at fault.
import { expect } from 'vitest';
import type { ListedEntry } from '../../src/daemon/replies.ts';
import type { Client, Stack } from './harness.ts';
import { blocked, type Steps } from './steps.ts';

/** Amazon SES, too, but from addresses that nobody lists and that have no names. */
const nameless = ['54.240.27.78', '54.240.27.79'] as const;
/** The blocklist answers for these with what Spamhaus says to a public resolver. */
const faultyStranger = '151.101.1.8';
const faultyPostmark = '50.31.205.10';
const PUBLIC_RESOLVER = '127.255.255.254';

export const gateClients = [...nameless, faultyStranger, faultyPostmark];
export const gateListed = [faultyStranger, faultyPostmark].map((address) => `${address}=${PUBLIC_RESOLVER}`);

/** Where the program listens that Postfix asks; spawn(8) starts it for each connection. */
const ASKED = '127.0.0.1:10023';
const POLICY = `smtpd_recipient_restrictions=check_policy_service inet:${ASKED}`;
const MILTER = `smtpd_milters=inet:${ASKED}`;

/** As if nothing but postscreen stood in the way. */
const OPEN = [
  'smtpd_recipient_restrictions=',
  'smtpd_milters=',
  'smtpd_client_connection_rate_limit=0',
  'local_recipient_maps=',
];

/** From now on Postfix has these settings beside the open ones, and asks this program where they say so. */
async function put(stack: Stack, settings: readonly string[], program?: string): Promise<void> {
  const before = (await stack.log('mailserver')).length;
  if (program !== undefined) {
    const service = `${ASKED} inet n n n - 0 spawn user=nobody argv=/usr/local/bin/${program}`;
    await stack.inMail('postconf', '-M', `${ASKED}/inet=${service}`);
  }
  await stack.inMail('postconf', '-e', ...OPEN, ...settings);
  await stack.inMail('postfix', 'reload');
  await stack.logged('mailserver', /reload -- version/, before);
}

async function otherGates(stack: Stack): Promise<(string | undefined)[]> {
  return (await stack.alerts()).filter(({ alert }) => alert === 'other-gate').map(({ gate }) => gate);
}

interface LaterGate {
  readonly gate: string;
  readonly settings: readonly string[];
  readonly program?: string;
  /** What the client hears. */
  readonly reply: string;
  readonly alert: { readonly code: number | null; readonly enhanced: string | null };
  /** In the remedy. */
  readonly remedy: string;
}

const LATER_GATES: readonly LaterGate[] = [
  {
    gate: 'postgrey',
    settings: [POLICY],
    // Postgrey 1.37, its default text.
    program:
      'policy.pl DEFER_IF_PERMIT 4.2.0 Greylisted, see http://postgrey.schweikert.ch/help/example.test.html',
    reply: '450 4.2.0 <user@example.test>: Recipient address rejected: Greylisted, see http://postgrey',
    alert: { code: 450, enhanced: '4.2.0' },
    remedy: 'POSTGREY_DELAY',
  },
  {
    gate: 'spf',
    settings: [POLICY],
    // policyd-spf, its default text.
    program:
      'policy.pl 550 5.7.23 Message rejected due to: SPF fail - not authorized. Please see http://www.openspf.net/Why?s=mfrom;id=a@b.example;ip=54.240.27.75;r=<UNKNOWN>',
    reply: '550 5.7.23 <user@example.test>: Recipient address rejected: Message rejected due to: SPF fail',
    alert: { code: 550, enhanced: '5.7.23' },
    remedy: 'ENABLE_POLICYD_SPF',
  },
  {
    gate: 'rspamd-greylist',
    settings: [MILTER],
    program: 'milter.pl 451 4.7.1 Try again later',
    reply: '451 4.7.1 Try again later',
    alert: { code: null, enhanced: '4.7.1' },
    remedy: 'RSPAMD_GREYLISTING',
  },
  {
    gate: 'rspamd-reject',
    settings: [MILTER],
    program: 'milter.pl 554 5.7.1 Spam message rejected',
    reply: '554 5.7.1 Spam message rejected',
    alert: { code: null, enhanced: '5.7.1' },
    remedy: 'rspamd/custom-commands.conf',
  },
  {
    gate: 'dmarc',
    settings: [MILTER],
    program: 'milter.pl 550 5.7.1 rejected by DMARC policy for amazonses.com',
    reply: '550 5.7.1 rejected by DMARC policy',
    alert: { code: null, enhanced: '5.7.1' },
    remedy: 'ENABLE_OPENDMARC',
  },
  {
    gate: 'smtpd-dnsbl',
    settings: ['smtpd_recipient_restrictions=reject_rbl_client zen.spamhaus.org'],
    reply: '554 5.7.1 Service unavailable; Client host [54.240.27.75] blocked using zen.spamhaus.org',
    alert: { code: 554, enhanced: '5.7.1' },
    remedy: 'reject_rbl_client',
  },
];

/** While no sender has an entry. */
export function hostnameSteps({ stack, step, isRefused }: Steps): void {
  step('opens nothing when smtpd refuses for want of a host name, and names the setting', async () => {
    const table = stack.readTable();
    await put(stack, ['smtpd_recipient_restrictions=reject_unknown_client_hostname']);
    for (const from of nameless) {
      const client = { from, helo: 'mail.example.com', sender: '0101018f2a@us-west-2.amazonses.com' };
      await isRefused(client, '450 4.7.25 Client host rejected: cannot find your hostname');
    }
    await stack.logged('mailserver', new RegExp(`PASS NEW \\[${nameless[0].replaceAll('.', '\\.')}\\]:`));
    const alert = await stack.alert('other-gate');
    expect(alert).toMatchObject({
      sender: 'amazon-ses',
      client: nameless[0],
      gate: 'client-hostname',
      code: 450,
      enhanced: '4.7.25',
      text: 'Client host rejected',
      count: 1,
      remedy: expect.stringContaining('POSTFIX_REJECT_UNKNOWN_CLIENT_HOSTNAME'),
    });
    expect(stack.readTable()).toBe(table);
    expect(table).not.toContain('permit');
    await put(stack, []);
  });
}

/** When `client`, which the DNS blocklist lists, is let in by the table. */
export function gateSteps({ stack, step, passes, isRefused }: Steps, client: Client): void {
  const ofSmtpd: readonly (readonly [gate: string, Partial<Client>, reply: string])[] = [
    ['helo', { helo: 'a27-75' }, '504 5.5.2 <a27-75>: Helo command rejected: need fully-qualified hostname'],
    ['sender-domain', { sender: 'a@nowhere.example' }, 'Sender address rejected: Domain not found'],
    ['relay-denied', { recipient: 'b@elsewhere.example' }, '<b@elsewhere.example>: Relay access denied'],
    [
      'unknown-user',
      { sender: '', recipient: 'nobody@example.test' },
      'Recipient address rejected: User unk',
    ],
  ];

  let table = '';

  step('names the checks of smtpd that refuse a sender with an entry', async () => {
    table = stack.readTable();
    await put(stack, [
      'smtpd_recipient_restrictions=reject_non_fqdn_helo_hostname, reject_unknown_sender_domain',
      'local_recipient_maps=inline:{user=x}',
    ]);
    for (const [gate, changed, reply] of ofSmtpd) {
      await isRefused({ ...client, ...changed }, reply);
      await stack.alert('other-gate', { gate, client: client.from });
    }
  });

  for (const { gate, settings, program, reply, alert, remedy } of LATER_GATES) {
    step(`names ${gate} when it refuses a sender with an entry`, async () => {
      await put(stack, settings, program);
      await isRefused(client, reply);
      expect(await stack.alert('other-gate', { gate })).toMatchObject({
        ...{ sender: 'amazon-ses', client: client.from, count: 1, ...alert },
        remedy: expect.stringContaining(remedy),
      });
    });
  }

  step('names the rate limit of smtpd', async () => {
    await put(stack, ['smtpd_client_connection_rate_limit=1']);
    await passes(client);
    await isRefused(client, '421 4.7.0 mail.example.test Error: too many connections');
    expect(await stack.alert('other-gate', { gate: 'rate-limit' })).toMatchObject({ client: client.from });
    await put(stack, []);
    await passes(client);
  });

  step('has told of each of these gates once, and has never touched the table', async () => {
    const gates = [
      'client-hostname',
      ...ofSmtpd.map(([gate]) => gate),
      ...LATER_GATES.map(({ gate }) => gate),
      'rate-limit',
    ];
    expect(await otherGates(stack)).toEqual(gates);
    expect(stack.readTable()).toBe(table);
  });
}

/** While nothing else was held against the blocklist. */
export function dnsblFaultSteps({ stack, step, passes, isRefused }: Steps): void {
  const stranger: Client = { from: faultyStranger, helo: 'a.example.com', sender: 'x@example.com' };
  const postmark: Client = { from: faultyPostmark, helo: 'mta10.pm.mtasv.net', sender: 'pm@pm.mtasv.net' };

  step('says once that the blocklist is at fault, and an entry that comes of it lives one day', async () => {
    const told = (await stack.alerts()).length;
    await isRefused(stranger, blocked(stranger.from));
    expect(await stack.alert('dnsbl-fault', {}, told)).toMatchObject({
      level: 'error',
      zone: 'zen.spamhaus.org',
      reason: expect.stringMatching(/public resolver.*127\.255\.255\.254/),
      remedy: expect.stringMatching(/its own resolver.*dns:.*postscreen_dnsbl_sites/),
    });

    await isRefused(postmark, blocked(postmark.from));
    await stack.alert('sender-refused', { sender: 'postmark', decision: 'allow' }, told);
    await stack.alert('reload-done', {}, told);
    await passes(postmark);
    const { answer: entries } = await stack.answer<ListedEntry[]>('list');
    const entry = entries.find(({ sender }) => sender === 'postmark');
    expect(entry).toMatchObject({ cause: 'dnsbl 550 zen.spamhaus.org', inForce: expect.any(String) });
    expect(Date.parse(entry?.until ?? '') - Date.parse(entry?.since ?? '')).toBe(86_400_000);
    const kinds = (await stack.alerts()).map(({ alert }) => alert);
    expect(kinds.filter((kind) => kind === 'dnsbl-fault')).toHaveLength(1);
  });
}

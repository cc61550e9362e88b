// The daemon takes a line of the live log only as the mail host's syslog wrote it: whatever is in front of it or in
// another program's line was put there by somebody else.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Status } from '../../src/core/monitor/status-report.ts';
import { World } from '../double/world.ts';

const STAMPS = ['2026-11-24T02:00:01.921946+00:00', 'Nov 24 02:00:01'];
const PREFIXES = [
  ...['mailserver  | ', 'foo | ', 'mailserver-1 | ', '| ', 'x: ', '> ', ' ', '\t', '"', '\\n', '==> '],
  ...["2026-11-24 02:00:01,123 DEBG 'mailserver' stdout output: ", '2026-11-24T02:00:01.921946642Z '],
  ...[
    '2026-11-24T02:00:01+00:00 ',
    'Nov 24 02:00:01 ',
    'Nov 24 02:00:01 mail ',
    'mail ',
    'dovecot: ',
    '<22>',
  ],
  ...[
    '2026-11-24T02:00:01.9+00:00 mail dovecot: imap-login: Login: user=<',
    '2026-11-24T02:00:01.9+00:00 mail ',
  ],
  ...['2026-11-24T02:00:01.9+00:00 mail rspamd[7]: <a>; helo: ', '2026-11-24T02:00:01.9+00:00 mail sshd[1] '],
];
/** Programs that are not Postfix, under a name that ends like one of its processes. */
const FOREIGN = ['dovecot', 'rspamd', 'x', 'notpostfix', 'amavis', 'Postfix', 'mail.postfix', ''];
const PROGRAMS = ['postscreen', 'dnsblog', 'smtpd', 'cleanup', 'master'];

const rejected = (at: string, ip: string) =>
  `NOQUEUE: reject: RCPT from ${at}: 550 5.7.1 Service unavailable; client [${ip}] blocked using zen.spamhaus.org; from=<a@b>, to=<c@d>, proto=ESMTP, helo=<x>`;
const refusedLater = (_: string, ip: string) =>
  `NOQUEUE: reject: RCPT from x[${ip}]: 450 4.7.25 Client host rejected: cannot find your hostname, [${ip}]; from=<a@b> to=<c@d> proto=ESMTP helo=<x>`;

/** What would have an effect, if it came from Postfix. */
const BODIES: Readonly<Record<string, (at: string, ip: string) => string>> = {
  rejected,
  pregreet: (at) => `PREGREET 14 after 0 from ${at}: EHLO x`,
  ended: (at) => `DISCONNECT ${at}`,
  refusedLater,
  milter: (_, ip) =>
    `4XyZ: milter-reject: END-OF-MESSAGE from x[${ip}]: 5.7.1 Spam message rejected; from=<a@b> to=<c@d> proto=ESMTP helo=<x>`,
  reload: () => 'reload -- version 3.10.13, configuration /etc/postfix',
  started: () => 'daemon started -- version 3.10.13, configuration /etc/postfix',
};
const AMONG_OTHERS = '2026-11-24T02:00:01.921946+00:00 mail fail2ban.actions[1]: NOTICE [postfix] Ban ';

const header = fc.record({ stamp: fc.constantFrom(...STAMPS), program: fc.constantFrom(...PROGRAMS) });
const body = fc
  .record({
    kind: fc.constantFrom(...Object.keys(BODIES)),
    last: fc.integer({ min: 1, max: 250 }),
    port: fc.integer({ min: 1, max: 65_535 }),
  })
  .map(({ kind, last, port }) => {
    const ip = `54.240.27.${last}`;
    return BODIES[kind]?.(`[${ip}]:${port}`, ip) ?? '';
  });

/** In front of a genuine line; without a whole header of its own, with which it would be another program's line. */
const prefix = fc
  .oneof(
    fc.array(fc.constantFrom(...PREFIXES), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
    fc.string({ minLength: 1, maxLength: 40 }),
    fc
      .string({ minLength: 1, maxLength: 40, unit: 'binary' })
      .map((text) => Buffer.from(text).toString('latin1')),
  )
  .filter((text) => !text.includes('\n') && !text.includes(']: '));

const prefixed = fc
  .tuple(prefix, header, body)
  .map(([front, { stamp, program }, text]) => `${front}${stamp} mail postfix/${program}[910]: ${text}`);
const foreign = fc
  .tuple(fc.constantFrom(...FOREIGN), header, body)
  .map(([name, { stamp, program }, text]) => `${stamp} mail ${name}/${program}[910]: ${text}`);
const unstamped = fc
  .tuple(header, body)
  .map(([{ program }, text]) => `mail postfix/${program}[910]: ${text}`);
const later = prefix.map((front) => `${front}${AMONG_OTHERS}54.240.27.75`);

it('reads nothing in a line with anything in front, or of a program that only ends like one of Postfix', async () => {
  await using world = await World.following();
  await world.eventually('the table is there', async () => (await world.readTable().catch(() => '')) !== '');
  // How the writer begins, with its own reload, is over.
  await world.pass(20_000);
  const looks = async () => [await world.readTable(), (await status(world)).reloadedAt];
  const before = await looks();
  const alerts = world.alerts.length;
  const lines = fc.sample(fc.oneof(prefixed, foreign, unstamped, later), { numRuns: 4_000, seed: 21 });
  for (const line of lines) world.engine.say(line.length % 2 === 0 ? 'stdout' : 'stderr', line);

  // The last line of each stream is genuine: when it is handled, all before it are.
  const last = (ip: string) => `${STAMPS[0]} mail postfix/smtpd[1]: ${refusedLater('', ip)}`;
  world.engine.say('stdout', last('209.85.128.77'));
  world.engine.say('stderr', last('167.89.0.1'));
  await world.alert('other-gate', 2);
  const told = world.alerts.slice(alerts);
  expect(told.map((one) => [one.alert, 'sender' in one && one.sender]).sort()).toEqual([
    ['other-gate', 'google'],
    ['other-gate', 'sendgrid'],
  ]);
  expect(await looks()).toEqual(before);
});

async function status(world: World): Promise<Status> {
  const reply = await world.ask('status');
  if (!reply.ok) throw new Error('no status');
  return reply.result as Status;
}

it('reads the same line without that', async () => {
  await using world = await World.following();
  for (const stamp of STAMPS)
    for (const name of [
      'postfix',
      'postfix-in',
      'postfix/mx',
      'smtp-proxyprotocol',
      'postfix/smtpd-proxyprotocol',
    ]) {
      const before = world.told('sender-refused').length;
      const at = `[54.240.27.75]:${20_000 + before}`;
      world.engine.say(
        'stdout',
        `${stamp} mail ${name}/postscreen[910]: CONNECT from ${at} to [172.18.0.5]:25`,
      );
      world.engine.say('stdout', `${stamp} mail ${name}/postscreen[910]: ${rejected(at, '54.240.27.75')}`);
      await world.alert('sender-refused', before + 1);
    }
});

import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createRandom, type Random } from '../random.ts';

/** What a log was made of. */
export interface Truth {
  readonly lines: number;
  readonly bytes: number;
  /** Lines of postscreen and dnsblog. */
  readonly postscreen: number;
  /** Lines of any Postfix program. */
  readonly postfix: number;
  /** RCPT commands that postscreen refused, by client address. */
  readonly refusals: ReadonlyMap<string, number>;
  /** How many of them were of Amazon SES. */
  readonly ofCloud: number;
}

const START = Date.parse('2026-11-24T02:00:00Z');
const CHUNK = 1 << 16;
/** Of the day's lines a busy server has about so many a second. */
const LINES_A_SECOND = 25;

/**
 * Writes the log of a busy docker-mailserver: postscreen and dnsblog say about half of its lines, one refusal in a
 * hundred is of a cloud sender. The same seed gives the same bytes.
 */
export async function writeMailLog(path: string, lines: number, seed: number): Promise<Truth> {
  const log = createMailLog(lines, seed);
  await pipeline(Readable.from(log.chunks), createWriteStream(path));
  return log.truth;
}

function createMailLog(most: number, seed: number) {
  const random = createRandom(seed);
  const refusals = new Map<string, number>();
  const truth = { lines: 0, bytes: 0, postscreen: 0, postfix: 0, refusals, ofCloud: 0 };
  let chunk = '';

  function say(tag: string, message: string): void {
    if (truth.lines === most) return;
    const at = new Date(START + (truth.lines / LINES_A_SECOND) * 1000).toISOString().slice(0, 19);
    const micros = String((truth.lines * 7919) % 1_000_000).padStart(6, '0');
    const line = `${at}.${micros}+00:00 mail ${tag}: ${message}\n`;
    chunk += line;
    truth.lines += 1;
    truth.bytes += line.length;
    if (tag.startsWith('postfix/')) truth.postfix += 1;
    if (!/^postfix\/(postscreen|dnsblog)/.test(tag)) return;
    truth.postscreen += 1;
    const ip = /^NOQUEUE: reject: RCPT from \[([^\]]+)\]/.exec(message)?.[1];
    if (ip === undefined) return;
    refusals.set(ip, (refusals.get(ip) ?? 0) + 1);
    if (ip.startsWith('54.240.')) truth.ofCloud += 1;
  }

  function* chunks(): Generator<string> {
    while (truth.lines < most) {
      for (const session of random.shuffled(DAY)) session(say, random);
      if (chunk.length < CHUNK && truth.lines < most) continue;
      yield chunk;
      chunk = '';
    }
  }
  return { chunks: chunks(), truth };
}

type Say = (tag: string, message: string) => void;
type Session = (say: Say, random: Random) => void;

const word = (random: Random) => random.below(36 ** 8).toString(36);
const queueId = (random: Random) => `4X${word(random).padStart(8, 'q')}z`;
const port = (random: Random) => 1024 + random.below(64_512);

/** One in twenty strangers comes by IPv6. */
function stranger(random: Random): string {
  const part = () => 1 + random.below(249);
  if (random.next() < 0.05) return `2001:db8:${part().toString(16)}::${part().toString(16)}`;
  return `${part() % 50}.${part()}.${part()}.${part()}`.replace(/^0/, '7');
}

const refused: Session = (say, random) => {
  const ip = random.next() < 0.01 ? `54.240.27.${1 + random.below(249)}` : stranger(random);
  const client = `[${ip}]:${port(random)}`;
  const zone = random.pick(['zen.spamhaus.org', 'bl.mailspike.net', 'b.barracudacentral.org']);
  say('postfix/postscreen[910]', `CONNECT from ${client} to [192.0.2.25]:25`);
  say('postfix/dnsblog[911]', `addr ${ip} listed by domain ${zone} as 127.0.0.2`);
  say('postfix/dnsblog[915]', `addr ${ip} listed by domain ${zone} as 127.0.0.4`);
  if (random.next() < 0.2)
    say(
      'postfix/postscreen[910]',
      `PREGREET 17 after 0.${port(random)} from ${client}: EHLO ${word(random)}\\r\\n`,
    );
  say('postfix/postscreen[910]', `DNSBL rank ${3 + random.below(6)} for ${client}`);
  const from = `${word(random)}@${word(random)}.example`;
  say(
    'postfix/postscreen[910]',
    `NOQUEUE: reject: RCPT from ${client}: 550 5.7.1 Service unavailable; client [${ip}] blocked using ${zone}; from=<${from}>, to=<${word(random)}@example.test>, proto=ESMTP, helo=<${word(random)}.example>`,
  );
  say('postfix/postscreen[910]', `DISCONNECT ${client}`);
};

const hangup: Session = (say, random) => {
  const client = `[${stranger(random)}]:${port(random)}`;
  say('postfix/postscreen[910]', `CONNECT from ${client} to [192.0.2.25]:25`);
  say(
    'postfix/postscreen[910]',
    `HANGUP after 1.${port(random)} from ${client} in tests before SMTP handshake`,
  );
  say('postfix/postscreen[910]', `DISCONNECT ${client}`);
};

const delivered: Session = (say, random) => {
  const ip = stranger(random);
  const host = `mx${port(random)}.${word(random)}.example`;
  const id = queueId(random);
  const [from, to] = [`${word(random)}@${word(random)}.example`, `${word(random)}@example.test`];
  const client = `[${ip}]:${port(random)}`;
  say('postfix/postscreen[910]', `CONNECT from ${client} to [192.0.2.25]:25`);
  say('postfix/postscreen[910]', `PASS ${random.pick(['OLD', 'OLD', 'NEW'])} ${client}`);
  say('postfix/smtpd[912]', `connect from ${host}[${ip}]`);
  say(
    'postfix/smtpd[912]',
    `Anonymous TLS connection established from ${host}[${ip}]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256`,
  );
  say('postfix/smtpd[912]', `${id}: client=${host}[${ip}]`);
  say('postfix/cleanup[913]', `${id}: message-id=<${word(random)}.${word(random)}@${host}>`);
  say('postfix/qmgr[55]', `${id}: from=<${from}>, size=${port(random)}, nrcpt=1 (queue active)`);
  say(
    'amavis[901]',
    `(00901-0${port(random) % 10}) Passed CLEAN {RelayedInbound}, ${client} [${ip}] <${from}> -> <${to}>, Queue-ID: ${id}, Message-ID: <${word(random)}@${host}>, mail_id: ${word(random)}, Hits: -0.1, size: ${port(random)}, 903 ms`,
  );
  say(
    'postfix/lmtp[914]',
    `${id}: to=<${to}>, relay=mail.example.test[/var/run/dovecot/lmtp], delay=0.93, delays=0.41/0.01/0.01/0.5, dsn=2.0.0, status=sent (250 2.0.0 <${to}> ${word(random)}${word(random)} Saved)`,
  );
  say('postfix/qmgr[55]', `${id}: removed`);
  say(
    'postfix/smtpd[912]',
    `disconnect from ${host}[${ip}] ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7`,
  );
};

const readsMail: Session = (say, random) => {
  say(
    'dovecot',
    `imap-login: Login: user=<${word(random)}@example.test>, method=PLAIN, rip=${stranger(random)}, lip=192.0.2.25, mpid=${port(random)}, TLS, session=<${word(random)}${word(random)}>`,
  );
};

/** What happens, so that postscreen and dnsblog say about half of it. */
const DAY: readonly Session[] = [
  refused,
  refused,
  refused,
  hangup,
  hangup,
  delivered,
  delivered,
  readsMail,
  readsMail,
];

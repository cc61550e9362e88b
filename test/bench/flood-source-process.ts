// Writes a log as the Engine sends it, as fast as it is read. Arguments: the kind of flood, how many sessions. Each session
// is of another client with another HELO, one in a hundred of Amazon SES.
import { once } from 'node:events';
import type { FloodKind } from './flood.ts';

const START = Date.parse('2026-11-24T02:00:00Z');
const CHUNK = 64 * 1024;
/** A hundred thousand lines a second of log time. */
const LINES_A_SECOND = 100_000;

type Session = (i: number, ip: string, client: string) => readonly string[];

const SESSIONS: Readonly<Record<FloodKind, Session>> = {
  refused: (i, ip, client) => [
    `postfix/postscreen[910]: CONNECT from ${client} to [192.0.2.25]:25`,
    `postfix/dnsblog[911]: addr ${ip} listed by domain zen.spamhaus.org as 127.0.0.2`,
    `postfix/postscreen[910]: DNSBL rank 3 for ${client}`,
    `postfix/postscreen[910]: NOQUEUE: reject: RCPT from ${client}: 550 5.7.1 Service unavailable; client [${ip}] blocked using zen.spamhaus.org; from=<a${i}@b.example>, to=<u@example.test>, proto=ESMTP, helo=<h${i}.example>`,
    `postfix/postscreen[910]: DISCONNECT ${client}`,
  ],
  unending: (_, ip, client) => [
    `postfix/postscreen[910]: CONNECT from ${client} to [192.0.2.25]:25`,
    `postfix/dnsblog[911]: addr ${ip} listed by domain zen.spamhaus.org as 127.0.0.2`,
  ],
  busy: (i, ip, client) => [
    `postfix/postscreen[910]: CONNECT from ${client} to [192.0.2.25]:25`,
    `postfix/postscreen[910]: PASS OLD ${client}`,
    `postfix/smtpd[912]: connect from h${i}.example[${ip}]`,
    `postfix/smtpd[912]: 4XyZ${i}: client=h${i}.example[${ip}]`,
    `postfix/cleanup[913]: 4XyZ${i}: message-id=<${i}.1@h${i}.example>`,
    `postfix/qmgr[55]: 4XyZ${i}: from=<a${i}@b.example>, size=20000, nrcpt=1 (queue active)`,
    `amavis[901]: (00901-${i % 99}) Passed CLEAN {RelayedInbound}, ${client} [${ip}] <a${i}@b.example> -> <u@example.test>, Hits: -0.1, size: 20000, 900 ms`,
    `postfix/lmtp[914]: 4XyZ${i}: to=<u@example.test>, relay=mail[/var/run/dovecot/lmtp], delay=0.9, dsn=2.0.0, status=sent (250 2.0.0 <u@example.test> Saved)`,
    `dovecot: imap-login: Login: user=<u@example.test>, method=PLAIN, rip=${ip}, lip=192.0.2.25, TLS, session=<${i}>`,
    `postfix/smtpd[912]: disconnect from h${i}.example[${ip}] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5`,
  ],
};

const [kind = 'refused', sessions = '0'] = process.argv.slice(2);
const linesOf = SESSIONS[kind as FloodKind];
let chunk: Buffer[] = [];
let length = 0;
let number = 0;
let second = '';

function frame(message: string): void {
  const inSecond = number % LINES_A_SECOND;
  if (inSecond === 0) second = new Date(START + (number / LINES_A_SECOND) * 1000).toISOString().slice(0, 19);
  const stamp = `${second}.${String(inSecond * 10_000).padStart(9, '0')}Z`;
  const text = Buffer.from(`--------${stamp} ${second}.000000+00:00 mail ${message}\n`, 'latin1');
  text.writeUInt32BE(0x1000000, 0);
  text.writeUInt32BE(text.length - 8, 4);
  chunk.push(text);
  length += text.length;
  number += 1;
}

async function flush(): Promise<void> {
  const bytes = Buffer.concat(chunk);
  chunk = [];
  length = 0;
  if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
}

for (let i = 0; i < Number(sessions); i += 1) {
  const ip =
    i % 100 === 0
      ? `54.240.${(i >> 8) & 127}.${i & 255}`
      : `11.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
  for (const line of linesOf(i, ip, `[${ip}]:${20_000 + (i % 40_000)}`)) frame(line);
  if (length >= CHUNK) await flush();
}
await flush();
process.stdout.end();

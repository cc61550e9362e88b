// Writes a log as the Engine sends it, as fast as it is read: sessions of postscreen, each of another client with another
// HELO, one in a hundred of Amazon SES, all refused. Argument: how many sessions of five lines.
import { once } from 'node:events';

const START = Date.parse('2026-11-24T02:00:00Z');
const CHUNK = 64 * 1024;

const [sessions = '0'] = process.argv.slice(2);
let chunk: Buffer[] = [];
let length = 0;

function frame(number: number, message: string): void {
  // A hundred thousand lines a second of log time.
  const second = new Date(START + Math.floor(number / 100_000) * 1000).toISOString().slice(0, 19);
  const stamp = `${second}.${String((number % 100_000) * 10_000).padStart(9, '0')}Z`;
  const text = Buffer.from(`${stamp} ${second}.000000+00:00 mail postfix/${message}\n`, 'latin1');
  const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(text.length, 4);
  chunk.push(header, text);
  length += header.length + text.length;
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
  const client = `[${ip}]:${20_000 + (i % 40_000)}`;
  frame(5 * i, `postscreen[910]: CONNECT from ${client} to [192.0.2.25]:25`);
  frame(5 * i + 1, `dnsblog[911]: addr ${ip} listed by domain zen.spamhaus.org as 127.0.0.2`);
  frame(5 * i + 2, `postscreen[910]: DNSBL rank 3 for ${client}`);
  frame(
    5 * i + 3,
    `postscreen[910]: NOQUEUE: reject: RCPT from ${client}: 550 5.7.1 Service unavailable; client [${ip}] blocked using zen.spamhaus.org; from=<a${i}@b.example>, to=<u@example.test>, proto=ESMTP, helo=<h${i}.example>`,
  );
  frame(5 * i + 4, `postscreen[910]: DISCONNECT ${client}`);
  if (length >= CHUNK) await flush();
}
await flush();
process.stdout.end();

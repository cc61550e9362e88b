// SMTP clients, many at once, in the network of the mail container: reads `NUMBER ADDRESS` from stdin, lets one message be
// tried from that address, and writes `NUMBER OUTCOME`. Ends with stdin.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { Outcome } from './clients.ts';

/** Longer than the mail container is ever held. */
const PATIENCE_MS = 90_000;
const TALK = [
  ...['EHLO mail.client.example', 'MAIL FROM:<a@client.example>', 'RCPT TO:<user@example.test>', 'DATA'],
  'From: <a@client.example>\r\nTo: <user@example.test>\r\nSubject: test\r\n\r\nA test.\r\n.',
];

async function send(from: string): Promise<Outcome> {
  const socket = connect({ host: '127.0.0.1', port: 25, localAddress: from });
  let outcome: 'queued' | 'refused' | null = null;
  let connected = false;
  let next = 0;
  let text = '';
  socket.on('connect', () => {
    connected = true;
  });
  socket.setTimeout(PATIENCE_MS, () => socket.destroy());
  try {
    for await (const chunk of socket.setEncoding('latin1')) {
      const lines = `${text}${chunk}`.split('\r\n');
      text = lines.pop() ?? '';
      // A line with a dash is not the last one of its answer: postscreen shows one at once and the other after its tests.
      for (const line of lines.filter((one) => /^\d{3}(?: |$)/.test(one))) {
        if (outcome !== null) socket.end();
        else if (/^[45]/.test(line)) outcome = 'refused';
        else if (next === TALK.length) outcome = 'queued';
        socket.write(outcome === null ? `${TALK[next]}\r\n` : 'QUIT\r\n');
        next += 1;
      }
    }
  } catch (error) {
    // The connection is gone: the outcome says what had come of it.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
  return outcome ?? (connected ? 'cut' : 'away');
}

for await (const line of createInterface({ input: process.stdin })) {
  const [number, from = ''] = line.split(' ');
  void send(from).then((outcome) => process.stdout.write(`${number} ${outcome}\n`));
}
process.exit(0);

// What one would write first: prints the client of each refusal. Argument: the log.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

const REFUSED = /postscreen\[\d+\]: NOQUEUE: reject: RCPT from \[([^\]]+)\]/;
const input = createReadStream(process.argv[2] ?? '');
for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
  const ip = REFUSED.exec(line)?.[1];
  if (ip !== undefined) process.stdout.write(`${ip}\n`);
}

import { createReadStream } from 'node:fs';
import { createLineSplitter } from '../core/frames.ts';
import { type PostfixEvent, parseEvent } from '../core/postfix-event.ts';

/** Prints each recognised Postfix line of a log: NDJSON with `json`, else a line for people. `-` is stdin. */
export async function parse(file: string, json: boolean): Promise<void> {
  const input = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 1 << 16 });
  let number = 0;
  let output = '';
  const jsonOf = createJsonWriter();
  const splitter = createLineSplitter((text) => {
    number += 1;
    const event = parseEvent(text);
    if (event !== undefined) output += json ? `${jsonOf(number, event)}\n` : `${lineOf(number, event)}\n`;
  });
  for await (const chunk of input) {
    splitter.push(chunk as Buffer);
    await flush();
  }
  splitter.end();
  await flush();

  async function flush(): Promise<void> {
    const text = output;
    output = '';
    if (text !== '' && !process.stdout.write(text))
      await new Promise((done) => process.stdout.once('drain', done));
  }
}

/** Programs of which the JSON is kept. */
const MOST_PROGRAMS = 100;

/** Of most lines of a log nothing is known but their program, and what then follows their number is made once. */
function createJsonWriter(): (n: number, event: PostfixEvent) => string {
  const tails = new Map<string, string>();

  function tailOf(event: PostfixEvent): string {
    const { program, kind, ip, port, code, enhanced, dnsbl, rank, helo, sender, recipient } = event;
    const told = { program, kind, ip, port, code, enhanced, dnsbl, rank, helo, sender, recipient };
    return JSON.stringify(told).slice(1);
  }

  function otherTailOf(event: PostfixEvent): string {
    const known = tails.get(event.program);
    if (known !== undefined) return known;
    const tail = tailOf(event);
    if (tails.size < MOST_PROGRAMS) tails.set(event.program, tail);
    return tail;
  }

  return (n, event) => `{"n":${n},${event.kind === 'other' ? otherTailOf(event) : tailOf(event)}`;
}

function lineOf(n: number, event: PostfixEvent): string {
  const { program, kind, ip, port, code, enhanced, dnsbl, rank, helo, sender, recipient } = event;
  const details = { code, enhanced, dnsbl, rank, helo, sender, recipient };
  const told = Object.entries(details).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${printable(value)}`],
  );
  const client = ip === null ? '' : port === null ? ip : `[${ip}]:${port}`;
  return [String(n).padStart(6), program.padEnd(10), kind.padEnd(13), client.padEnd(24), ...told]
    .join(' ')
    .trimEnd();
}

/** What a client says can hold line separators and direction marks, which are no business of the terminal's. */
function printable(value: string | number): string {
  return String(value).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}

import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { readLog } from '../../src/edge/engine-streams.ts';

it('the event loop turns between two batches of a log, however many are ready', async () => {
  const stamp = '2026-11-24T02:24:10.921946642Z';
  const text = (i: number) =>
    `2026-11-24T02:24:10+00:00 mail postfix/postscreen[9]: CONNECT from [192.0.2.${i}]:25 to [192.0.2.99]:25`;
  const chunks = Array.from({ length: 50 }, (_, i) => Buffer.from(`${stamp} ${text(i)}\r\n`));
  let turns = 0;
  const seen: [string | undefined, number][] = [];
  for await (const lines of readLog(Readable.from(chunks), true)) {
    seen.push([lines[0]?.text, turns]);
    setImmediate(() => {
      turns += 1;
    });
  }
  expect(seen).toEqual(chunks.map((_, i) => [text(i), i]));
});

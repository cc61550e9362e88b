import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { readLog } from '../../src/edge/engine-streams.ts';

it('the event loop turns between two batches of a log, however many are ready', async () => {
  const stamp = '2026-11-24T02:24:10.921946642Z';
  const chunks = Array.from({ length: 50 }, (_, i) => Buffer.from(`${stamp} line ${i}\r\n`));
  let turns = 0;
  const seen: [string | undefined, number][] = [];
  for await (const lines of readLog(Readable.from(chunks), true)) {
    seen.push([lines[0]?.text, turns]);
    setImmediate(() => {
      turns += 1;
    });
  }
  expect(seen).toEqual(chunks.map((_, i) => [`line ${i}`, i]));
});

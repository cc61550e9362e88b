import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEventLines } from '../../src/commands/event-lines.ts';
import { createLineScanner } from '../../src/core/log/line-scan.ts';
import { parseEvent } from '../../src/core/log/postfix-event.ts';
import { corpusLines } from '../corpus/lines.ts';

const HEADER = '2026-11-24T02:24:10.921946+00:00 mail postfix/';
const REJECT =
  'postscreen[1]: NOQUEUE: reject: RCPT from [192.0.2.1]:40000: 550 5.7.1 Service unavailable; client [192.0.2.1] blocked using z.example; from=<>, to=<a@b>, proto=ESMTP, helo=<x>';

describe('events as lines of JSON', () => {
  it('are the same for a plain line, whether it became text or not', () => {
    let plainLines = 0;
    const scanner = createLineScanner();
    for (const [i, line] of corpusLines().entries()) {
      const bytes = Buffer.from(`before\n${line}\nafter`, 'latin1');
      const plain = scanner.scan(bytes, 7, 7 + line.length);
      const event = parseEvent(line);
      if (typeof plain === 'string' || event === undefined) continue;
      plainLines += 1;
      const [fast, slow] = [createEventLines(), createEventLines()];
      fast.addPlain(i, plain, bytes, scanner.spans);
      slow.add(i, event);
      expect(fast.take().toString(), line).toBe(slow.take().toString());
    }
    expect(plainLines).toBeGreaterThan(20);
  });

  it('have whatever number the line has', () => {
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (n) => {
        const bytes = Buffer.from(`${HEADER}qmgr[1]: 4XyZ: removed`, 'latin1');
        const scanner = createLineScanner();
        const plain = scanner.scan(bytes, 0, bytes.length);
        if (typeof plain === 'string') throw new Error(plain);
        const lines = createEventLines();
        lines.addPlain(n, plain, bytes, scanner.spans);
        expect(JSON.parse(lines.take().toString())).toMatchObject({ n, program: 'qmgr' });
      }),
    );
  });

  it('are all there when they are many between two takings, and only once', () => {
    const bytes = Buffer.from(HEADER + REJECT, 'latin1');
    const scanner = createLineScanner();
    const plain = scanner.scan(bytes, 0, bytes.length);
    if (typeof plain === 'string') throw new Error(plain);
    const lines = createEventLines();
    for (let n = 1; n <= 5000; n += 1) lines.addPlain(n, plain, bytes, scanner.spans);
    const told = lines.take().toString().trimEnd().split('\n');
    expect(told.map((line) => JSON.parse(line).n)).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1));
    expect(lines.take()).toHaveLength(0);
  });
});

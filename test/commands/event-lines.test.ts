import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEventLines, type EventLines } from '../../src/commands/event-lines.ts';
import { createLineReader } from '../../src/core/log/line-reader.ts';
import { eventOf } from '../../src/core/log/postfix-event.ts';
import { corpusLines } from '../corpus/lines.ts';

const HEADER = '2026-11-24T02:24:10.921946+00:00 mail postfix/';
const REJECT =
  'postscreen[1]: NOQUEUE: reject: RCPT from [192.0.2.1]:40000: 550 5.7.1 Service unavailable; client [192.0.2.1] blocked using z.example; from=<>, to=<a@b>, proto=ESMTP, helo=<x>';

function add(lines: EventLines, n: number, text: string): void {
  const bytes = Buffer.from(HEADER + text, 'latin1');
  const reader = createLineReader();
  const form = reader.read(bytes, 0, bytes.length);
  if (form === undefined || !reader.line.isPlain) throw new Error('it is not plain');
  lines.add(n, form, reader.line);
}

describe('events as lines of JSON', () => {
  it('are the same for a plain line, whether it became text or not', () => {
    let plainLines = 0;
    const reader = createLineReader();
    for (const [i, line] of corpusLines().entries()) {
      const bytes = Buffer.from(`before\n${line}\nafter`, 'latin1');
      const form = reader.read(bytes, 7, 7 + line.length);
      if (form === undefined || eventOf(form, reader.line) === undefined || !reader.line.isPlain) continue;
      plainLines += 1;
      const [fast, slow] = [createEventLines(), createEventLines()];
      expect(fast.add(i, form, reader.line)).toBe(true);
      expect(slow.add(i, form, { ...reader.line, isPlain: false })).toBe(true);
      expect(fast.take().toString(), line).toBe(slow.take().toString());
    }
    expect(plainLines).toBeGreaterThan(20);
  });

  it('have whatever number the line has', () => {
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (n) => {
        const lines = createEventLines();
        add(lines, n, 'qmgr[1]: 4XyZ: removed');
        expect(JSON.parse(lines.take().toString())).toMatchObject({ n, program: 'qmgr' });
      }),
    );
  });

  it('are all there when they are many between two takings, and only once', () => {
    const lines = createEventLines();
    for (let n = 1; n <= 5000; n += 1) add(lines, n, REJECT);
    const told = lines.take().toString().trimEnd().split('\n');
    expect(told.map((line) => JSON.parse(line).n)).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1));
    expect(lines.take()).toHaveLength(0);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tableOf } from '../../../src/commands/output.ts';
import { safeJson, safeLines, safeText } from '../../../src/core/base/safe-text.ts';

/** Controls of both ranges, bidi marks, separators, lone surrogates and tags among all else. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom('\x1b[2J', '\x9b2J', '\u202e', '\u2066', '\u2028', '\u2029', '\r', '\b', '\x7f'),
      fc.constantFrom('\ud800', '\u{e0041}', '\ufeff', '\n', '\\u{1b}', '"'),
      fc.string({ unit: 'binary', maxLength: 5 }),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''));

const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

describe('text that others wrote', () => {
  it('is one safe line, or safe lines, and safe twice is safe once', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(safeText(text)).not.toMatch(UNSAFE);
        expect(safeLines(text).replaceAll('\n', '')).not.toMatch(UNSAFE);
        expect(safeLines(text).split('\n').length).toBe(text.split('\n').length);
        expect(safeText(safeText(text))).toBe(safeText(text));
      }),
    );
  });

  it('is JSON that reads as the same value', () => {
    const value = fc.oneof(hostile, fc.array(hostile), fc.dictionary(hostile, hostile));
    fc.assert(
      fc.property(value, (given) => {
        const json = safeJson(given);
        expect(json).not.toMatch(UNSAFE);
        expect(JSON.parse(json)).toEqual(given);
      }),
    );
  });

  it('keeps to its cell of a table', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(hostile, hostile), { maxLength: 5 }), (rows) => {
        const lines = tableOf(['A', 'B'], rows).trimEnd().split('\n');
        expect(lines.length).toBeLessThanOrEqual(rows.length + 1);
        expect(lines.join('')).not.toMatch(UNSAFE);
      }),
    );
  });
});

it('reaches stdout and stderr by one way: each other place that writes is known', () => {
  const source = join(import.meta.dirname, '../../../src');
  const writing = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (path) =>
      path.endsWith('.ts') &&
      /std(?:out|err)\s*\.write|console\./.test(readFileSync(join(source, path), 'utf8')),
  );
  // parse writes bytes that event-lines made safe; progress, numbers; the catalogue's upkeep is a tool of developers.
  expect(writing.sort()).toEqual([
    'commands/output.ts',
    'commands/parse.ts',
    // The stack of a bug, escaped by inspect.
    'edge/last-resort.ts',
    'upkeep.ts',
  ]);
});

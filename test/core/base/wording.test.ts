import { describe, expect, it } from 'vitest';
import { counted, sentences, wrapped } from '../../../src/core/base/wording.ts';

describe('a text for people', () => {
  it('has the right plural', () => {
    expect([0, 1, 2].map((count) => counted(count, 'entry', 'entries'))).toEqual([
      '0 entries',
      '1 entry',
      '2 entries',
    ]);
    expect(counted(3, 'rule')).toBe('3 rules');
  });

  it('has one full stop a sentence, and none for nothing', () => {
    expect(sentences('One', null, 'Two.', 'Three?')).toBe('One. Two. Three?');
  });

  it('is broken between words at 80 columns, and nowhere else', () => {
    const words = Array.from({ length: 60 }, (_, i) => 'x'.repeat(1 + (i % 9)));
    const lines = wrapped(words.join(' '), '  ').split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(lines.map((line) => line.trim()).join(' ')).toBe(words.join(' '));
    expect(lines.slice(1).every((line) => /^ {2}x/.test(line))).toBe(true);
    expect(wrapped('y'.repeat(100))).toBe('y'.repeat(100));
    expect(wrapped('      a b')).toBe('      a b');
  });
});

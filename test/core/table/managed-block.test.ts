import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { network } from '../../../src/core/net/network.ts';
import type { Entry } from '../../../src/core/policy/entry.ts';
import {
  blockLines,
  readEntries,
  renderBlock,
  splitTable,
  strayMark,
  withBlock,
} from '../../../src/core/table/managed-block.ts';

const entry = (sender: string, changes: Partial<Entry> = {}): Entry => ({
  sender,
  scope: 'sender',
  networks: [],
  since: Date.parse('2026-11-24T02:24:44.017Z'),
  lastSeen: Date.parse('2026-11-24T02:24:44.017Z'),
  until: null,
  reason: null,
  cause: 'dnsbl 550 zen.spamhaus.org',
  refusedAt: null,
  announced: true,
  inForce: null,
  granted: null,
  ...changes,
});

const BLOCK = renderBlock([
  { entry: entry('amazon-ses'), networks: ['54.240.0.0/17', '2001:db8::/32'].map(network) },
]);

describe('our block', () => {
  it('is what Postfix and the administrator read', () => {
    expect(BLOCK).toBe(`# >>> screenpass
# Written by screenpass: put your own rules above this block, changes inside it are lost.
# amazon-ses, since 2026-11-24T02:24:44.017Z, scope sender, cause: dnsbl 550 zen.spamhaus.org
54.240.0.0/17 permit
2001:db8::/32 permit
# <<< screenpass
`);
  });

  it('gives its entries back', () => {
    const sections = [
      { entry: entry('amazon-ses'), networks: [network('54.240.0.0/17')] },
      { entry: entry('google', { cause: null }), networks: [] },
      {
        entry: entry('185.199.108.0/22', {
          ...{ scope: 'network', networks: ['185.199.108.0/22'], cause: 'operator' },
          until: Date.parse('2026-12-01T02:24:44.017Z'),
        }),
        networks: [network('185.199.108.0/22')],
      },
      {
        entry: entry('x', { scope: 'address', networks: ['192.0.2.1/32', '192.0.2.9/32'] }),
        networks: ['192.0.2.1/32', '192.0.2.9/32'].map(network),
      },
    ];
    expect(readEntries(renderBlock(sections))).toEqual(sections.map(({ entry }) => entry));
  });

  it('is never misread, whatever stands in it', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => void readEntries(text)));
    expect(readEntries('# x, since 2026-11-24T02:24:44.017Z, until later, scope sender, cause: x\n')).toEqual(
      [],
    );
    expect(readEntries('# evil, since yesterday, scope sender, cause: x\n0.0.0.0/0 permit\n')).toEqual([]);
  });
});

describe('the table', () => {
  it('keeps every byte of the operator and stays the same when written again', () => {
    const operator = fc.string({ unit: 'binary-ascii' }).filter((text) => !text.includes('screenpass'));
    fc.assert(
      fc.property(operator, operator, (above, below) => {
        const start = above === '' || above.endsWith('\n') ? above : `${above}\n`;
        const table = withBlock(above, BLOCK);
        expect(table).toBe(start + BLOCK);
        const surrounded = start + BLOCK + below;
        expect(withBlock(surrounded, BLOCK)).toBe(surrounded);
        const other = renderBlock([]);
        expect(withBlock(surrounded, other)).toBe(start + other + below);
        expect(splitTable(surrounded)).toEqual({ before: start, block: BLOCK, after: below });
      }),
    );
  });

  it('has its block put in place where the end mark was lost, and keeps what is not ours behind it', () => {
    const damaged = `198.51.100.7 reject\n${BLOCK.replace('# <<< screenpass\n', '')}192.0.2.1 reject\n# mine\n`;
    expect(withBlock(damaged, BLOCK)).toBe(`198.51.100.7 reject\n${BLOCK}192.0.2.1 reject\n# mine\n`);
  });

  it('takes a mark only where it is a whole line', () => {
    const table = 'x # >>> screenpass\n# >>> screenpass and more\n';
    expect(splitTable(table).block).toBeNull();
  });

  it('says which lines are ours', () => {
    expect(blockLines(`a\nb\n${BLOCK}c\n`)).toEqual({ first: 3, last: 8 });
  });
});

const BEGIN = '# >>> screenpass';
const END = '# <<< screenpass';
/** Lines that may be in a table in any order, marks at every second place on the average. */
const LINE = fc.oneof(
  ...[BEGIN, END].map((mark) => fc.constantFrom(mark, `${mark}\r`)),
  fc.constantFrom(...BLOCK.split('\n').slice(1, -2)),
  fc.constantFrom('# mine', '192.0.2.1 reject', '', ` ${BEGIN}`, `${END} and more`, `\r${BEGIN}`),
);
const isMark = (line: string | undefined, mark: string) => line === mark || line === `${mark}\r`;

describe('marks in any number and order', () => {
  const tables = fc
    .array(LINE, { maxLength: 30 })
    .chain((lines) => fc.constantFrom(lines.join('\n'), `${lines.join('\n')}\n`));

  it('leave every byte outside the first whole block as it is', () => {
    fc.assert(
      fc.property(tables, (table) => {
        const { before, block, after } = splitTable(table);
        expect(before + (block ?? '') + after).toBe(table);
        const lines = table.split('\n');
        const marks = [...lines.keys()].filter((i) => isMark(lines[i], BEGIN) || isMark(lines[i], END));
        const whole = marks.find(
          (at, i) => isMark(lines[at], BEGIN) && isMark(lines[marks[i + 1] ?? -1], END),
        );
        if (whole !== undefined) {
          expect(before.split('\n').length - 1).toBe(whole);
          expect(isMark(block?.trimEnd().split('\n').at(-1), END)).toBe(true);
        } else
          expect(
            block
              ?.split('\n')
              .slice(1)
              .filter((line) => !BLOCK.includes(line.trimEnd())) ?? [],
          ).toEqual([]);
        const next = withBlock(table, BLOCK);
        expect(next.startsWith(before) && next.endsWith(BLOCK + after)).toBe(true);
        expect(withBlock(next, BLOCK)).toBe(next);
      }),
    );
  });

  it('are reported with their line, one after the other until one block is left', () => {
    fc.assert(
      fc.property(tables, (table) => {
        let lines = withBlock(table, BLOCK).split('\n');
        const marks = () => lines.filter((line) => isMark(line, BEGIN) || isMark(line, END)).length;
        for (let left = marks(); left > 2; left = marks()) {
          const stray = strayMark(lines.join('\n'));
          expect(
            isMark(lines[(stray?.line ?? 0) - 1], stray?.reason.includes(`"${END}" without`) ? END : BEGIN),
          ).toBe(true);
          const last = / to (\d+),/.exec(stray?.remedy ?? '')?.[1] ?? stray?.line;
          // As the remedy says.
          lines = lines.filter((_, i) => i + 1 < (stray?.line ?? 0) || i + 1 > Number(last));
          expect(marks()).toBeLessThan(left);
        }
        expect(strayMark(lines.join('\n'))).toBeNull();
        expect(lines.join('\n')).toContain(BLOCK.trimEnd());
      }),
    );
  });

  it('are those of a second block, of a begin and of an end alone', () => {
    expect(strayMark(BLOCK)).toBeNull();
    expect(strayMark(`# mine\n${BLOCK}\n${BLOCK}`)).toMatchObject({
      reason: 'the table has a second block of screenpass',
      line: 9,
      remedy: expect.stringMatching(
        /^Remove lines 9 to 14 from the table with an editor: until then what they permit stays allowed/,
      ),
    });
    expect(strayMark(`${BEGIN}\n10.0.0.0/8 permit\n${BLOCK}`)).toMatchObject({
      line: 1,
      reason: expect.stringContaining('without'),
    });
    expect(strayMark(`${BLOCK}10.0.0.0/8 permit\n${END}\n`)).toMatchObject({
      line: 8,
      reason: expect.stringContaining('without'),
    });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Address,
  contains,
  firstAddress,
  formatNetwork,
  network,
  parseAddress,
} from '../../../src/core/net/network.ts';
import { readCidrRules } from '../../../src/core/table/cidr-rules.ts';
import { findUseless, type OrderedRule } from '../../../src/core/table/rule-order.ts';

/** The rules of a table, as Postfix reads them. */
function rulesOf(...lines: string[]): OrderedRule[] {
  const { rules } = readCidrRules(lines.join('\n'), { first: 0, last: -1 });
  return rules.map(({ set, action }) => ({ set, effect: action }));
}

const usefulness = (...lines: string[]) => findUseless(rulesOf(...lines)).usefulness;

describe('a rule', () => {
  it('is dead behind a wider one', () => {
    expect(usefulness('1.2.0.0/16 permit', '1.2.3.0/24 permit', '1.2.4.0/24 reject')).toEqual([
      { kind: 'decides' },
      { kind: 'dead', by: [0] },
      { kind: 'dead', by: [0] },
    ]);
  });

  it('is dead behind several that cover it together', () => {
    expect(usefulness('1.2.0.0/17 permit', '1.2.128.0/17 reject', '1.2.0.0/16 permit')[2]).toEqual({
      kind: 'dead',
      by: [0, 1],
    });
  });

  it('is repeated by a wider one behind it that does the same, unless another stands between', () => {
    expect(usefulness('1.2.3.4 permit', '1.2.3.0/24 permit')[0]).toEqual({ kind: 'repeated', by: [1] });
    expect(usefulness('1.2.3.4 permit', '1.2.3.0/25 reject', '1.2.3.0/24 permit')[0]).toEqual({
      kind: 'decides',
    });
  });

  it('stands once when it is there twice', () => {
    expect(usefulness('1.2.3.4 permit', '1.2.3.4 permit')).toEqual([
      { kind: 'decides' },
      { kind: 'dead', by: [0] },
    ]);
  });

  it('can be empty within an "if"', () => {
    expect(usefulness('if 1.0.0.0/8', '2.0.0.0/8 permit', 'endif')).toEqual([{ kind: 'empty' }]);
  });

  it('decides where none before it does, whatever its family', () => {
    const order = findUseless(
      rulesOf('1.2.3.0/24 reject', '1.2.2.0/23 permit', '::/0 permit', '0.0.0.0/0 dunno'),
    );
    expect(order.decided('permit').map(formatNetwork)).toEqual(['1.2.2.0/24', '::/1', '8000::/1']);
    expect(order.decided('reject').map(formatNetwork)).toEqual(['1.2.3.0/24']);
    expect(order.decided('unknown')).toEqual([]);
  });
});

describe('of any table', () => {
  const step = fc.constantFrom(0, 64, 128, 192);
  const address = fc.tuple(step, step, step).map((parts) => `1.${parts.join('.')}`);
  const length = fc.constantFrom(6, 8, 9, 10, 16, 17, 18, 24, 25, 26, 32);
  const pattern = fc.tuple(address, length).map(([text, bits]) => formatNetwork(network(`${text}/${bits}`)));
  const line = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(pattern, fc.constantFrom('permit', 'reject')).map((rule) => rule.join(' ')),
    },
    { weight: 1, arbitrary: pattern.map((text) => `!${text} permit`) },
    { weight: 1, arbitrary: pattern.map((text) => `if ${text}`) },
    { weight: 1, arbitrary: fc.constant('endif') },
  );
  const effectFor = (rules: readonly OrderedRule[], asked: Address) =>
    rules.find(({ set }) => set.some((one) => contains(one, asked)))?.effect;

  it('all rules that need not be there can go together, and no answer changes', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.array(address), (lines, asked) => {
        const rules = rulesOf(...lines);
        const { usefulness, decided } = findUseless(rules);
        const left = rules.filter((_, i) => usefulness[i]?.kind === 'decides');
        const firsts = rules.flatMap(({ set }) => set.map(firstAddress));
        for (const one of [...asked, ...firsts].flatMap((text) => parseAddress(text) ?? [])) {
          const effect = effectFor(rules, one);
          expect(effectFor(left, one)).toBe(effect);
          for (const other of ['permit', 'reject'])
            expect(decided(other).some((held) => contains(held, one))).toBe(other === effect);
        }
      }),
    );
  });
});

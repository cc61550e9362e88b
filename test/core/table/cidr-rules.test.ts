import { describe, expect, it } from 'vitest';
import { formatNetwork } from '../../../src/core/net/network.ts';
import { readCidrRules } from '../../../src/core/table/cidr-rules.ts';

const NOTHING = { first: 0, last: -1 };
const read = (...lines: string[]) => readCidrRules(lines.join('\n'), NOTHING);
const faults = (...lines: string[]) =>
  read('198.51.100.0/24 permit', ...lines).faults.map(({ line, reason }) => [line, reason]);
const sets = (...lines: string[]) => read(...lines).rules.map(({ set }) => set.map(formatNetwork).join(' '));

/** The words are those of postmap 3.7.11, which was asked about these very lines. */
describe('a line that Postfix skips is told in its words', () => {
  it.each([
    [
      '1.2.3.4/24 permit',
      'non-null host address bits in "1.2.3.4/24", perhaps you should use "1.2.3.0/24" instead',
    ],
    [
      '2001:db8::1/32 permit',
      'non-null host address bits in "2001:db8::1/32", perhaps you should use "2001:db8::/32" instead',
    ],
    [
      '1.2.3.4/0 permit',
      'non-null host address bits in "1.2.3.4/0", perhaps you should use "0.0.0.0/0" instead',
    ],
    ['1.2.3.0/24', 'no lookup result'],
    ['0.0.0.0/0x permit', 'bad mask value in "0.0.0.0/0x"'],
    ['1.2.3.0/33 permit', 'bad mask length in "1.2.3.0/33"'],
    ['1.2.3 permit', 'bad address pattern: "1.2.3"'],
    ['01.2.3.4 permit', 'bad address pattern: "01.2.3.4"'],
    ['1.2.3.4,permit', 'bad address pattern: "1.2.3.4,permit"'],
    ['fe80::1%eth0 permit', 'bad address pattern: "fe80::1%eth0"'],
    ['/24 permit', 'bad network value in "/24"'],
    ['[1.2.6.0 permit', 'missing \']\' character after "[1.2.6.0"'],
    ['[1.2.6.0]x permit', 'garbage after "[1.2.6.0]"'],
    ['! permit', 'bad address pattern: "permit"'],
    ['if', 'no address pattern'],
    ['if nonsense', 'bad address pattern: "nonsense"'],
    ['IF6 permit', 'bad address pattern: "IF6"'],
    ['endif', 'ENDIF without IF'],
  ])('%s', (line, reason) => {
    expect(faults(line)).toEqual([[2, reason]]);
  });

  it('and so is an "endif" with something behind it, which closes nothing', () => {
    expect(faults('if 1.0.0.0/8', 'endif x')).toEqual([
      [2, expect.stringMatching(/^IF has no matching ENDIF.*block of screenpass$/)],
      [3, 'garbage after ENDIF'],
    ]);
  });

  it('and so is a blank before the very first rule', () => {
    expect(read(' 1.2.3.4 permit', '1.2.3.5 permit').faults).toMatchObject([
      { line: 1, reason: 'logical line must not start with whitespace' },
    ]);
  });
});

describe('a rule', () => {
  it('has its network in brackets or without, in any case', () => {
    expect(
      sets('[1.2.5.0]/24 permit', '[1.2.6.0/24]\tpermit', '2001:DB8::/32 permit', '1.2.7.0/024 x'),
    ).toEqual(['1.2.5.0/24', '1.2.6.0/24', '2001:db8::/32', '1.2.7.0/24']);
  });

  it('speaks with ! of all other addresses of the same family, and with two again of its own', () => {
    expect(sets('!0.0.0.0/1 permit', '! ! 0.0.0.0/1 permit')).toEqual(['128.0.0.0/1', '0.0.0.0/1']);
  });

  it('speaks only of what every "if" around it lets in', () => {
    expect(
      sets(
        'if 1.2.0.0/16',
        '1.2.0.0/15 permit',
        'IF!1.2.3.0/24',
        '1.2.2.0/23 permit',
        'ENDIF',
        'endif',
        '::/0 permit',
      ),
    ).toEqual(['1.2.0.0/16', '1.2.2.0/24', '::/0']);
  });

  it('says what its first word says, whatever follows', () => {
    const actions = [
      'permit',
      'PERMIT # note',
      'permit,reject',
      'REJECT 550 go away',
      'OK',
      '/24 permit',
    ].map((value) => read(`1.2.3.4 ${value}`).rules[0]?.action);
    expect(actions).toEqual(['permit', 'permit', 'permit', 'reject', 'unknown', 'unknown']);
  });

  it('is continued by lines that begin with a blank, and these are told when they look like rules', () => {
    const { rules, faults } = read(
      '1.2.3.4',
      '# between',
      '  permit',
      '1.2.3.5 permit',
      '\t1.2.3.6 permit',
      '1.2.3.7 x',
    );
    expect(rules.map(({ line, action }) => [line, action])).toEqual([
      [1, 'permit'],
      [4, 'permit'],
      [6, 'unknown'],
    ]);
    expect(faults).toMatchObject([
      { line: 5, pattern: '1.2.3.6', reason: expect.stringContaining('line 4') },
    ]);
  });

  it('has the comment above it and its neighbours, and the one behind it', () => {
    const comments = read(
      '# A',
      '# B',
      '1.0.0.1 permit # C',
      '1.0.0.2 permit',
      '',
      '1.0.0.3 permit',
      '# D',
      '1.0.0.4 x',
    );
    expect(comments.rules.map(({ comment }) => comment)).toEqual(['# A# B # C', '# A# B', '', '# D']);
  });

  it('may end in a carriage return', () => {
    expect(read('1.2.3.4 permit\r', '\r', 'endif\r')).toMatchObject({
      rules: [{ action: 'permit' }],
      faults: [{ line: 3, reason: 'ENDIF without IF' }],
    });
  });
});

describe('a list of networks without any action', () => {
  it('is read as if each were permitted, indented or not, and its broken lines are told', () => {
    const list = read('# ours', '1.2.3.0/24', '  1.2.4.0/24 # note', '1.2.3.4/16', 'nonsense');
    expect(list.bare).toBe(true);
    expect(list.rules.map(({ line, action }) => [line, action])).toEqual([
      [2, 'permit'],
      [3, 'permit'],
    ]);
    expect(list.faults.map(({ line }) => line)).toEqual([4, 5]);
  });

  it('is a table as soon as one line has an action, and so is a file without networks', () => {
    expect(read('1.2.3.0/24', '1.2.4.0/24 permit').bare).toBe(false);
    expect([read('').bare, read('hello').bare]).toEqual([false, false]);
  });
});

it('the lines that are to be left out are, and the others keep their numbers', () => {
  const { rules } = readCidrRules('1.0.0.1 permit\n1.0.0.2 permit\n1.0.0.3 permit', { first: 2, last: 2 });
  expect(rules.map(({ line }) => line)).toEqual([1, 3]);
});

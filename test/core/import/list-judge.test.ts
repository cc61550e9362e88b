import { describe, expect, it } from 'vitest';
import { judgeList, linesText } from '../../../src/core/import/list-judge.ts';
import type { KnownSender } from '../../../src/core/import/owners.ts';
import { network } from '../../../src/core/net/network.ts';
import { newEntry } from '../../../src/core/policy/entry.ts';
import { renderBlock } from '../../../src/core/table/managed-block.ts';
import { definition } from '../../double/definition.ts';

function known(id: string, networks: readonly string[], changes: Partial<KnownSender> = {}): KnownSender {
  return {
    definition: definition({ id, name: id, spf: [`${id}.example`] }),
    networks: networks.map(network),
    watched: true,
    unlistable: false,
    asOf: '2026-11-24',
    ...changes,
  };
}

const SENDERS = [
  known('big', ['54.240.0.0/17', '23.249.208.0/20', '2a01:111::/32']),
  known('small', ['167.89.0.0/24', '167.89.1.0/24']),
  known('hoster', ['185.199.108.0/22'], { watched: false }),
  known('cloud', ['13.110.0.0/24'], { unlistable: true }),
];

const judge = (...lines: string[]) => judgeList(lines.join('\n'), SENDERS, [network('54.240.99.0/24')]);
/** Verdicts by line. */
const verdicts = (...lines: string[]) => judge(...lines).lines.map(({ line, verdict }) => [line, verdict]);
const only = (...lines: string[]) => judge(...lines).lines[0];

describe('a rule that permits', () => {
  it('is covered when watched senders publish all of it, also several together', () => {
    expect(only('54.240.1.0/24 permit')).toMatchObject({ verdict: 'covered', senders: ['big'] });
    expect(only('167.89.0.0/23 permit')).toMatchObject({ verdict: 'covered', senders: ['small'] });
  });

  it('is unwatched when one of the senders that publish it is not watched', () => {
    expect(only('185.199.108.7 permit')).toMatchObject({ verdict: 'unwatched', senders: ['hoster'] });
  });

  it('is of an unknown owner, not stale, when nothing says that it was a sender’s', () => {
    expect(only('192.0.32.0/24 permit')).toMatchObject({ verdict: 'unknown', senders: [] });
    expect(only('# Acme office', '192.0.32.0/24 permit')).toMatchObject({ verdict: 'unknown' });
    expect(only('167.89.0.0/16 permit')).toMatchObject({ verdict: 'unknown', senders: ['small'] });
  });

  it('may be stale when a sender publishes most of it, and the rest is named', () => {
    const line = only('54.240.0.0/16 permit');
    expect(line).toMatchObject({ verdict: 'perhaps-stale', senders: ['big'] });
    expect(line?.why).toBe(
      '50 % of it is in networks of big, no known sender publishes the rest: 54.240.128.0/17',
    );
  });

  it.each([
    ['# big (2019)', '192.0.32.0/24 permit'],
    ['192.0.32.0/24 permit # include:big.example'],
    ['# BIG', '167.89.0.0/16 permit'],
  ])('may be stale when a comment names a sender that does not publish it: %s', (...lines) => {
    expect(only(...lines)).toMatchObject({
      verdict: 'perhaps-stale',
      senders: expect.arrayContaining(['big']),
      why: expect.stringContaining('the comment names big; '),
    });
  });

  it('is never called stale when the sender has addresses that no list holds', () => {
    expect(only('# cloud', '192.0.32.0/24 permit')).toMatchObject({
      verdict: 'unknown',
      why: expect.stringContaining('no list has all that cloud sends from'),
    });
  });

  it('is not named by the page of a program, nor by a part of a word', () => {
    expect(only('# https://example.com/big/', '# bigger', '192.0.32.0/24 permit')).toMatchObject({
      verdict: 'unknown',
    });
  });

  it('stays with the operator where screenpass never opens', () => {
    expect(verdicts('10.0.0.0/8 permit', '54.240.99.0/25 permit')).toEqual([
      [1, 'never'],
      [2, 'never'],
    ]);
    expect(only('54.240.98.0/23 permit')).toMatchObject({ verdict: 'never', senders: ['big'] });
  });
});

describe('a rule among others', () => {
  it('is redundant when another says the same, before it or wider behind it', () => {
    expect(judge('54.240.1.7 permit', '54.240.1.0/24 permit', '54.240.1.128/25 permit').lines).toMatchObject([
      { verdict: 'redundant', why: 'the same as line 2' },
      { verdict: 'covered' },
      { verdict: 'redundant', why: 'the same as line 2' },
    ]);
  });

  it('is told when it speaks of everybody, whatever it says, and no setting stands in for it', () => {
    const report = judge('0.0.0.0/0 dunno', '::/0 permit');
    expect(report.lines.map(({ verdict }) => verdict)).toEqual(['everything', 'everything']);
    expect(report.settings.SCREENPASS_NEVER).toBeNull();
  });

  it('is unreachable when what stands before it says something else', () => {
    expect(judge('192.0.32.0/24 reject', '192.0.32.9 permit').lines).toMatchObject([
      { verdict: 'own' },
      { verdict: 'unreachable', why: 'all of its addresses are decided by line 1 before it' },
    ]);
  });

  it('is unreachable in an "if" that lets none of it in, and as IPv4 in IPv6 form', () => {
    expect(
      verdicts('if 10.0.0.0/8', '54.240.1.0/24 permit', 'endif', '::ffff:54.240.1.0/120 permit'),
    ).toEqual([
      [2, 'unreachable'],
      [4, 'unreachable'],
    ]);
  });

  it('is the operator’s own, or unknown to Postfix, when it does not permit', () => {
    expect(verdicts('192.0.32.0/24 reject', '192.0.33.0/24 dunno', '192.0.34.0/24 OK')).toEqual([
      [1, 'own'],
      [2, 'own'],
      [3, 'unknown-action'],
    ]);
  });
});

describe('a broken line', () => {
  it('counts for nothing, and says what was meant', () => {
    const report = judge('54.240.1.7/24 permit', '192.0.32.1/24 permit', 'nonsense');
    expect(report.senders).toEqual([]);
    expect(report.lines).toMatchObject([
      {
        verdict: 'broken',
        meant: '54.240.1.0/24',
        senders: ['big'],
        why: expect.stringMatching(/what was meant: big$/),
      },
      { verdict: 'broken', meant: '192.0.32.0/24', senders: [] },
      { verdict: 'broken', meant: null },
    ]);
  });
});

describe('a sender', () => {
  it('is covered wholly or in part, in networks and addresses', () => {
    const { senders } = judge('54.240.0.0/18 permit', '23.249.208.0/20 permit', '167.89.0.0/23 permit');
    expect(senders).toEqual([
      {
        sender: 'big',
        name: 'big',
        watched: true,
        unlistable: false,
        cover: 'part',
        networks: { total: 3, whole: 1, part: 1 },
        ipv4: { total: 36864, permitted: 20480 },
        ipv6: { total: 2 ** 96, permitted: 0 },
        asOf: '2026-11-24',
      },
      expect.objectContaining({
        sender: 'small',
        cover: 'all',
        // Adjacent ones are one.
        networks: { total: 1, whole: 1, part: 0 },
      }),
    ]);
  });

  it('is not covered by what an earlier rule rejects', () => {
    const { senders } = judge('167.89.0.0/24 reject', '167.89.0.0/23 permit');
    expect(senders).toMatchObject([{ sender: 'small', cover: 'part', ipv4: { permitted: 256 } }]);
  });
});

describe('the settings', () => {
  it('name who is to be watched, and who is allowed without a refusal until now', () => {
    expect(judge('54.240.1.0/24 permit', '185.199.108.0/22 permit', '192.0.32.0/24 permit').settings).toEqual(
      {
        SCREENPASS_SENDERS: '+hoster',
        SCREENPASS_PRESEED: 'big,hoster',
        SCREENPASS_NEVER: null,
      },
    );
  });

  it('keep screenpass away from what the list refuses of watched senders, if it is not kept away yet', () => {
    const { settings } = judge(
      '54.240.1.0/24 reject',
      '54.240.99.0/24 reject',
      '167.89.1.9 dunno',
      '192.0.32.0/24 reject',
      '185.199.108.0/24 reject',
    );
    expect(settings).toEqual({
      SCREENPASS_SENDERS: null,
      SCREENPASS_PRESEED: null,
      SCREENPASS_NEVER: '54.240.1.0/24,167.89.1.9/32',
    });
  });
});

describe('the file', () => {
  it('may have our own block, which is left out', () => {
    const entry = newEntry('big', 0, { scope: 'sender', networks: [], cause: null });
    const block = renderBlock([{ entry, networks: [network('54.240.0.0/17')] }]);
    const report = judge('192.0.32.0/24 permit', `${block}54.240.1.0/24 permit`);
    expect(report.block).toEqual({ first: 2, last: 6 });
    expect(report.lines.map(({ line, verdict }) => [line, verdict])).toEqual([
      [1, 'unknown'],
      [7, 'covered'],
    ]);
  });

  it('may be a list without actions, and may be empty', () => {
    expect(judge('54.240.1.0/24', '  167.89.0.0/24')).toMatchObject({
      bare: true,
      block: null,
      lines: [{ verdict: 'covered' }, { verdict: 'covered' }],
    });
    expect(judge('')).toMatchObject({ bare: false, senders: [], lines: [] });
  });
});

it('lines are named as runs, and a long list is cut', () => {
  expect(linesText([3])).toBe('line 3');
  expect(linesText([3, 5, 6, 7, 9])).toBe('lines 3, 5-7, 9');
  expect(linesText(Array.from({ length: 20 }, (_, i) => 2 * i))).toBe(
    'lines 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22 and 8 more',
  );
});

import { describe, expect, it } from 'vitest';
import { renderBlock } from '../../../src/core/table/managed-block.ts';
import { judgeTable } from '../../../src/core/table/table-check.ts';

/** Our block is lines 3 to 5. */
const TABLE = `198.51.100.0/24 reject\n1.2.3.4/24 permit\n${renderBlock([])}`;
const permit = { exitCode: 0, stdout: 'permit\n', stderr: '' };
const nothing = { exitCode: 1, stdout: '', stderr: '' };
const skipped = (line: number) => ({
  ...permit,
  stderr: `postmap: warning: cidr map /etc/screenpass/.t.tmp, line ${line}: non-null host address bits in "1.2.3.4/24": skipping this rule\n`,
});

describe('a table is good', () => {
  it('when a member is permitted and nothing is complained of', () => {
    expect(judgeTable(TABLE, [permit], 'members')).toEqual({ good: true, complaint: null });
  });

  it('when only an operator’s line is bad, which is named', () => {
    expect(judgeTable(TABLE, [skipped(2)], 'members')).toEqual({
      good: true,
      complaint: { line: 2, reason: expect.stringContaining('line 2: non-null host address bits') },
    });
  });

  it('when an operator’s rule answers for every member asked', () => {
    const reject = { ...permit, stdout: 'reject\n' };
    expect(judgeTable(TABLE, [reject, reject], 'members').good).toBe(true);
  });

  it('when main.cf is complained of, which is not the table', () => {
    const stderr =
      'postmap: warning: /etc/postfix/main.cf, line 9: overriding earlier entry: inet_protocols=all\n';
    expect(judgeTable(TABLE, [{ ...permit, stderr }], 'members')).toEqual({ good: true, complaint: null });
  });

  it('when the bad line is the last one of a table without a block of ours', () => {
    expect(
      judgeTable('# mine\n1.2.3.4/24 permit', [{ ...skipped(2), stdout: '' }], 'stranger'),
    ).toMatchObject({
      good: true,
      complaint: { line: 2 },
    });
  });

  it('when it has no rules and a stranger is not found', () => {
    expect(judgeTable(TABLE, [nothing], 'stranger').good).toBe(true);
  });
});

describe('a table is not good', () => {
  it('when no member is found: something above hides our rules', () => {
    expect(judgeTable(TABLE, [nothing, nothing], 'members')).toMatchObject({
      good: false,
      complaint: { line: null },
    });
  });

  it('when a line of ours is skipped', () => {
    expect(judgeTable(TABLE, [skipped(4)], 'members')).toMatchObject({ good: false, complaint: { line: 4 } });
  });

  it('when Postfix cannot open it', () => {
    const stderr = 'postmap: fatal: open /etc/screenpass/.t.tmp: No such file or directory\n';
    expect(judgeTable(TABLE, [{ exitCode: 1, stdout: '', stderr }], 'stranger')).toEqual({
      good: false,
      complaint: { line: null, reason: 'fatal: open /etc/screenpass/.t.tmp: No such file or directory' },
    });
  });
});

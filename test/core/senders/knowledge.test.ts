import { describe, expect, it } from 'vitest';
import { formatNetwork, network } from '../../../src/core/net/network.ts';
import {
  currentNetworks,
  freshness,
  GRACE_MS,
  isDue,
  type Knowledge,
  knowledgeOf,
  nextTry,
  withDoubt,
  withProof,
} from '../../../src/core/senders/knowledge.ts';
import { buildRoster, createRosters } from '../../../src/core/senders/roster.ts';
import { address } from '../../double/address.ts';
import { definition } from '../../double/definition.ts';

const NOW = Date.parse('2026-11-24T04:23:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const sender = definition();
const nothing = knowledgeOf(sender, {});

function asked(ago: number, kind?: 'failed' | 'suspicious'): Knowledge {
  const trouble = kind === undefined ? null : { kind, reason: '', acceptable: false, since: NOW - ago };
  return { ...nothing, askedAt: NOW - ago, trouble };
}

describe('it is time to ask a sender', () => {
  it.each([
    ['that was never asked', nothing, true],
    ['that was asked an hour ago', asked(HOUR), false],
    ['that was asked a day ago', asked(DAY), true],
    ['that did not answer an hour ago', asked(HOUR, 'failed'), true],
    ['that did not answer just now', asked(HOUR / 2 - 1, 'failed'), false],
    ['that is not believed since an hour', asked(HOUR, 'suspicious'), false],
    ['that was asked tomorrow, before the clock was set back', asked(-DAY), true],
  ] as const)('%s: %s', (_, known, due) => expect(isDue(known, NOW, DAY)).toBe(due));

  it('no more often than the schedule, when that is tight', () => {
    expect(isDue(asked(600_000, 'failed'), NOW, 600_000)).toBe(true);
    expect(isDue(asked(599_999, 'failed'), NOW, 600_000)).toBe(false);
  });
});

describe('a list is', () => {
  const listed = (ago: number) => ({
    ...nothing,
    listed: { networks: [], at: NOW - ago, unlistable: false },
  });
  it.each([
    ['bundled', nothing],
    ['bundled', asked(HOUR, 'failed')],
    ['fresh', listed(2 * DAY)],
    ['stale', listed(2 * DAY + 1)],
    ['stale', listed(-2 * DAY - 1)],
    ['fresh', { ...listed(0), trouble: asked(0, 'failed').trouble }],
    ['suspicious', { ...listed(0), trouble: asked(0, 'suspicious').trouble }],
  ] as const)('%s', (wanted, known) => expect(freshness(known, NOW, 2 * DAY)).toBe(wanted));
});

describe('an address that was proven', () => {
  const host = network('13.110.14.214');
  const known = withProof(nothing, host, 'spf', NOW);

  it('is the sender’s as long as nobody says no', () => {
    expect(currentNetworks(sender, known, NOW + 999 * DAY).map(formatNetwork)).toEqual(['13.110.14.214/32']);
  });

  it('stays for the grace period after a no, and is gone then', () => {
    const doubted = withDoubt(withDoubt(known, '13.110.14.214/32', NOW), '13.110.14.214/32', NOW + DAY);
    expect(currentNetworks(sender, doubted, NOW + GRACE_MS)).toHaveLength(1);
    expect(currentNetworks(sender, doubted, NOW + GRACE_MS + 1)).toEqual([]);
    expect(withDoubt(doubted, '13.110.14.214/32', NOW + GRACE_MS + 1).proven).toEqual([]);
  });

  it('is in no doubt any more when it is proven again, and stands once', () => {
    const again = withProof(withDoubt(known, '13.110.14.214/32', NOW), host, 'rdns', NOW + DAY);
    expect(again.proven).toEqual([{ network: '13.110.14.214/32', by: 'rdns', at: NOW + DAY, doubted: null }]);
  });

  it('leaves before the newest five hundred', () => {
    let many = known;
    for (let i = 0; i < 500; i += 1)
      many = withProof(many, network(`13.111.${i >> 8}.${i & 255}`), 'spf', NOW);
    expect(many.proven).toHaveLength(500);
    expect(many.proven.map((one) => one.network)).not.toContain('13.110.14.214/32');
  });

  it('is found in the roster, with its proof', () => {
    const roster = buildRoster([sender], { partner: known }, NOW);
    expect(roster.find(address('13.110.14.214'))).toMatchObject({
      evidence: 'spf',
      sender: { id: 'partner' },
    });
    expect(roster.find(address('13.110.14.215'))).toBeUndefined();
  });
});

describe('the roster', () => {
  it('names the senders of which addresses have to be proven: by their records, or by the catalogue until then', () => {
    const macro = definition({ id: 'macro', unlistable: true });
    const listed = { networks: [], at: NOW, unlistable: true };
    expect(buildRoster([sender, macro], {}, NOW).unlistable).toEqual([macro]);
    const learnt = {
      partner: { ...nothing, listed },
      macro: { ...knowledgeOf(macro, {}), listed: { ...listed, unlistable: false } },
    };
    expect(buildRoster([sender, macro], learnt, NOW).unlistable).toEqual([sender]);
  });

  it('is made anew when something was learnt, and each hour, but not for each line', () => {
    const at = createRosters([sender]);
    const empty = {};
    const first = at(empty, NOW);
    expect(at(empty, NOW + HOUR - 1)).toBe(first);
    expect(at({}, NOW)).not.toBe(first);
    const learnt = { partner: { ...nothing, leaving: [{ network: '54.240.0.0/18', since: NOW }] } };
    expect(at(learnt, NOW).find(address('54.240.1.1'))).toBeDefined();
    expect(at(learnt, NOW + GRACE_MS + HOUR).find(address('54.240.1.1'))).toBeUndefined();
  });
});

it('senders that did not answer are asked again by the next hourly look that is late enough, or with all', () => {
  const failed = { kind: 'failed', reason: 'no answer', acceptable: false, since: NOW } as const;
  const unanswered = [nothing, { ...nothing, askedAt: NOW, trouble: failed }];
  const minute = HOUR / 60;
  expect(nextTry(unanswered, { refresh: NOW + DAY, hourly: NOW + 54 * minute })).toBe(NOW + 54 * minute);
  expect(nextTry(unanswered, { refresh: NOW + DAY, hourly: NOW + 9 * minute })).toBe(NOW + 69 * minute);
  expect(nextTry(unanswered, { refresh: NOW + minute, hourly: NOW + 54 * minute })).toBe(NOW + minute);
  expect(nextTry(unanswered, { refresh: null, hourly: null })).toBeNull();
  expect(nextTry([nothing], { refresh: NOW + DAY, hourly: NOW + HOUR })).toBeNull();
  const [, { askedAt, trouble } = nothing] = unanswered;
  expect(isDue({ ...nothing, askedAt, trouble }, NOW + 54 * minute, DAY)).toBe(true);
  expect(isDue({ ...nothing, askedAt, trouble }, NOW + 9 * minute, DAY)).toBe(false);
});

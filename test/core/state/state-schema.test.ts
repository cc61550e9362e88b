import { describe, expect, it } from 'vitest';
import { refusalAlert } from '../../../src/core/alerts/alert.ts';
import { NO_COUNTS } from '../../../src/core/alerts/days.ts';
import { EMPTY_STATE, STATE_VERSION } from '../../../src/core/state/state.ts';
import { readState } from '../../../src/core/state/state-schema.ts';

describe('the saved state', () => {
  it('of version 1, before the senders were asked, is brought to the present version', () => {
    const { senders: _, questions: __, lastRefusal: ___, ...rest } = EMPTY_STATE;
    const early = {
      ...{ sender: 'google', scope: 'sender', networks: [], since: 1, lastSeen: 2 },
      ...{ cause: null, refusedAt: null, announced: true, inForce: null },
    };
    const before = { ...rest, version: 1, entries: [early] };
    const entries = [{ ...early, until: null, granted: null, reason: null }];
    expect(readState(JSON.stringify(before))).toEqual({ ok: true, state: { ...EMPTY_STATE, entries } });
  });

  it('of version 1 keeps what its later writers had added', () => {
    const entry = {
      ...{ sender: 'google', scope: 'sender', networks: [], since: 1, lastSeen: 2, until: 3, reason: 'why' },
      ...{ cause: null, refusedAt: null, announced: true, inForce: null, granted: null },
    } as const;
    const lastRefusal = { sender: 'google', client: '74.125.1.1', gate: 'dnsbl', at: 7 } as const;
    const state = { ...EMPTY_STATE, entries: [entry], lastRefusal };
    expect(readState(JSON.stringify({ ...state, version: 1 }))).toEqual({ ok: true, state });
  });

  it('of version 2, whose waiting refusals had no mark, is brought to the present version', () => {
    const event = { sender: 'google', client: '74.125.1.1', at: 7, gate: 'helo', code: 450 };
    const old = { ...event, enhanced: null, text: null };
    const burst = { key: 'google helo', since: 1, told: 1 };
    const { written: _, faults: __, ...rest } = EMPTY_STATE;
    const before = {
      ...{ ...rest, version: 2 },
      otherGates: [
        { ...burst, waiting: { first: old, last: old, count: 2 } },
        { ...burst, waiting: null },
      ],
    };
    const [marked, none] = [{ ...old, mark: '' }, null];
    expect(readState(JSON.stringify(before))).toMatchObject({
      ok: true,
      state: {
        otherGates: [{ waiting: { first: marked, last: marked, count: 2 } }, { waiting: none }],
        faults: [],
      },
    });
  });

  const FIELDS = {
    ...{ sender: 'google', client: '74.125.1.1', port: 4, gate: 'dnsbl', code: 550, enhanced: '5.7.1' },
    ...{ zones: ['zen.spamhaus.org'], evidence: 'spf', at: '2026-11-24T02:24:13.921Z' },
  };

  it.each([
    ['allow', 'the SPF record of the sender lets the address in (check_host passes)', 'spf'],
    [
      'keep',
      'it is in the table, and Postfix refused it all the same: does another list or rule stand above?',
      'still-refused',
    ],
    ['keep', 'words of a version in between', 'began-before'],
    ['wait', 'not yet refused SCREENPASS_THRESHOLD times within SCREENPASS_WINDOW', 'below-threshold'],
    ['refuse', 'SCREENPASS_NEVER or a network of the Engine holds it', 'never-listed'],
    ['refuse', 'words of a version in between', 'not-curable'],
  ])('of version 2 loses no refusal that waits to be reported: %s, %s', (decision, reason, key) => {
    const id = '0123456789ab [74.125.1.1]:4 2026-11-24T02:24:10.921Z';
    const alert = { id, fields: { ...FIELDS, decision, reason } };
    const waiting = { first: alert, last: alert, count: 9 };
    const burst = { key: 'google dnsbl', since: 7, told: 60 };
    const bursts = [
      { ...burst, waiting },
      { ...burst, waiting: null },
    ];
    const read = readState(JSON.stringify({ ...EMPTY_STATE, version: 2, bursts }));
    const [waits, none] = read.ok ? read.state.bursts : [];
    expect(none).toEqual({ ...burst, waiting: null });
    expect(waits?.waiting?.last.decision).toEqual({ kind: decision, reason: key });
    const [again, fields] = refusalAlert(waits?.waiting ?? expect.fail('it waits no more'));
    expect([again, fields]).toMatchObject([id, { ...FIELDS, decision, count: 9 }]);
  });

  it('of a later version is told from a damaged one', () => {
    const text = JSON.stringify({ version: STATE_VERSION + 1, whatever: true });
    expect(readState(text)).toMatchObject({ ok: false, kind: 'newer', version: STATE_VERSION + 1 });
  });

  it('reads back as it was', () => {
    const entry = {
      sender: 'amazon-ses',
      scope: 'network',
      networks: ['54.240.0.0/17'],
      since: 1,
      lastSeen: 2,
      until: 3,
      reason: 'a partner',
    } as const;
    const refused = {
      ...{ sender: 'google', container: 'c', evidence: 'network' },
      refusal: {
        ...{ ip: '74.125.1.1', port: 4, connectedAt: 6, at: 7, gate: 'dnsbl', code: 550, enhanced: '5.7.1' },
        zones: ['zen.spamhaus.org'],
      },
      decision: { kind: 'allow', reason: 'network' },
    };
    const later = {
      ...{ sender: 'google', client: '74.125.1.1', at: 7, gate: 'helo' },
      ...{ code: 450, enhanced: null, text: null, mark: '0123456789ab' },
    };
    const state = {
      ...EMPTY_STATE,
      cursor: {
        container: 'c',
        stdout: { stamp: '2026-11-24T02:24:10.921946642Z', count: 2 },
        stderr: null,
        trail: [],
      },
      entries: [{ ...entry, cause: 'dnsbl 550', refusedAt: null, announced: true, inForce: 4, granted: 9 }],
      refusals: { google: [1, 2] },
      gaveUp: { google: 3 },
      senders: {
        google: {
          spf: ['_spf.google.com'],
          askedAt: 4,
          listed: { networks: ['74.125.0.0/16'], at: 4, unlistable: false },
          leaving: [{ network: '35.190.247.0/24', since: 3 }],
          proven: [{ network: '13.110.14.214/32', by: 'spf', at: 2, doubted: null }],
          trouble: { kind: 'failed', reason: 'no answer', acceptable: false, since: 5 },
        },
      },
      questions: [
        {
          refusal: {
            ...{ ip: '13.110.14.214', port: 4000, connectedAt: null, at: 6, gate: 'dnsbl' },
            ...{ code: 550, enhanced: '5.7.1', zones: ['zen.spamhaus.org'] },
          },
          tries: 2,
          askedAt: 7,
        },
      ],
      vetoes: [{ address: '54.240.27.75', zone: 'drop.example.org', since: 1, askedAt: null }],
      cleared: { '54.240.27.76': 3 },
      vetoQuestions: [],
      lastRefusal: { sender: 'google', client: '74.125.1.1', gate: 'dnsbl', at: 7 } as const,
      bursts: [
        { key: 'google dnsbl', since: 7, told: 60, waiting: { first: refused, last: refused, count: 9 } },
      ],
      otherGates: [
        { key: 'google helo', since: 7, told: 1, waiting: { first: later, last: later, count: 2 } },
        { key: 'google spf', since: 8, told: 1, waiting: null },
      ],
      days: {
        '2026-11-24': {
          ...{ refusals: { google: { dnsbl: 3 } }, recovered: { google: 1 }, stillRefused: {} },
          ...{ zones: { 'zen.spamhaus.org': 3 }, strangers: 4 },
        },
      },
      digested: { at: 9, through: '2026-11-23' },
      loaded: 'abc',
      written: 'abd',
      faults: [
        {
          ...{
            kind: 'dnsbl-fault',
            subject: 'zen.spamhaus.org',
            reason: 'r',
            facts: { zone: 'z', n: 1, x: null },
          },
          ...{ blocking: false, since: 1, tries: 2, triedAt: 3, dueAt: 4, isOpen: true },
          ...{ reportedAt: 5, reportedReason: 'r', endedAt: null },
        },
      ],
    };
    expect(readState(JSON.stringify(state))).toEqual({ ok: true, state });
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{"version":2}',
    '{"version":3}',
    '{"version":0}',
    '{"version":1}',
    '{"version":1,"entries":[null]}',
    '{"version":"3"}',
    '{"version":2.5}',
    JSON.stringify({ ...EMPTY_STATE, entries: [{ sender: '../x' }] }),
    JSON.stringify({ ...EMPTY_STATE, gaveUp: { google: 1e300 } }),
    JSON.stringify({ ...EMPTY_STATE, senders: { google: { spf: [] } } }),
    JSON.stringify({ ...EMPTY_STATE, days: { today: NO_COUNTS } }),
    JSON.stringify({ ...EMPTY_STATE, bursts: [{ key: 'a', since: 1, told: 1 }] }),
    JSON.stringify({ ...EMPTY_STATE, questions: [{ ip: 'mail.example' }] }),
  ])('is refused with a reason: %s', (text) =>
    expect(readState(text)).toMatchObject({
      ok: false,
      kind: 'damaged',
      problem: expect.stringMatching(/./),
    }));
});

import { describe, expect, it } from 'vitest';
import {
  type Changed,
  type Failure,
  type Fault,
  type FaultKind,
  type Faults,
  lasting,
  standingFaults,
  withDue,
  withEnd,
  withFailure,
  withFreshStart,
} from '../../../src/core/watch/faults.ts';

const NOON = Date.parse('2026-11-24T12:00:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const failure = (more: Partial<Failure> = {}): Failure => ({
  ...{ kind: 'reload-failed', subject: '', reason: 'one', facts: { reason: 'one' } },
  ...more,
});
const fault = (more: Partial<Fault> = {}): Fault => ({
  ...failure(),
  ...{ blocking: false, since: NOON, tries: 1, triedAt: NOON, dueAt: NOON, isOpen: false },
  ...{ reportedAt: null, reportedReason: null, endedAt: null },
  ...more,
});
const reported = (more: Partial<Fault> = {}) =>
  fault({ isOpen: true, reportedAt: NOON, reportedReason: 'one', ...more });
const kindsOf = (faults: Faults) => faults.map(({ kind }) => kind);

/** Fails in steps of `at` and what fails; gives the last change. */
function after(faults: Faults, ...steps: readonly (readonly [number, Partial<Failure>])[]): Changed {
  return steps.reduce<Changed>((sum, [at, more]) => withFailure(sum.faults, failure(more), at), {
    faults,
    report: [],
  });
}

describe('a failure', () => {
  it('for the first time is a fault of now, and reported at once without a grace', () => {
    const { faults, report } = withFailure([], failure({ blocking: true }), NOON);
    expect(faults).toEqual([reported({ blocking: true })]);
    expect(report).toEqual(faults);
    expect(report[0]).toBe(faults[0]);
  });

  it('blocks nothing unless it is said to', () =>
    expect(withFailure([], failure(), NOON).faults).toEqual([reported()]));

  it('with a grace is reported when it has lasted that long, and not a moment sooner', () => {
    const steps = [
      [NOON, { graceMs: MINUTE }],
      [NOON + MINUTE - 1, { graceMs: MINUTE }],
    ] as const;
    const early = after([], ...steps);
    expect(early.faults).toEqual([fault({ tries: 2, triedAt: NOON + MINUTE - 1, dueAt: NOON + MINUTE })]);
    expect(early.report).toEqual([]);
    const late = withFailure(early.faults, failure({ graceMs: MINUTE }), NOON + MINUTE);
    expect(late.report).toMatchObject([{ since: NOON, tries: 3, isOpen: true, reportedAt: NOON + MINUTE }]);
  });

  it('again, with a shorter grace, is due as that says', () => {
    const { faults, report } = after([], [NOON, { graceMs: MINUTE }], [NOON + 1, { graceMs: 0 }]);
    expect(faults).toMatchObject([{ dueAt: NOON + 1, since: NOON }]);
    expect(report).toHaveLength(1);
  });

  it('again is due no later by a clock that was set back', () => {
    const { faults } = after([], [NOON, { graceMs: MINUTE }], [NOON - HOUR, { graceMs: MINUTE }]);
    expect(faults).toMatchObject([{ dueAt: NOON - HOUR + MINUTE }]);
  });

  it('that goes on for the same reason is reported once', () => {
    const { report } = after([], [NOON, {}], [NOON + HOUR, {}], [NOON + 2 * HOUR, {}]);
    expect(report).toEqual([]);
  });

  it('for another reason is reported again once a minute has passed since the last report', () => {
    const early = after([], [NOON, {}], [NOON + MINUTE - 1, { reason: 'other' }]);
    expect(early.faults).toMatchObject([{ reason: 'other', reportedReason: 'one', isOpen: true }]);
    expect(early.report).toEqual([]);
    const late = withFailure(early.faults, failure({ reason: 'other' }), NOON + MINUTE);
    expect(late.report).toMatchObject([
      { reason: 'other', reportedReason: 'other', since: NOON, reportedAt: NOON + MINUTE },
    ]);
  });

  it('for another reason after the clock was set back by a minute is reported again', () =>
    expect(after([], [NOON, {}], [NOON - MINUTE, { reason: 'other' }]).report).toHaveLength(1));

  it('of a kind that is reported hourly at most waits for the hour, also with another reason', () => {
    const zone = { kind: 'dnsbl-fault', subject: 'zone' } as const;
    const other = { ...zone, reason: 'other' };
    expect(after([], [NOON, zone], [NOON + HOUR - 1, other]).report).toEqual([]);
    expect(after([], [NOON, zone], [NOON + HOUR, other]).report).toHaveLength(1);
  });

  it.each([
    [HOUR - 1, 0],
    [HOUR, 1],
    [1 - HOUR, 0],
    [-HOUR, 1],
  ])('of such a kind that began again %i ms after the last report is reported %i times', (ms, times) => {
    const zone = { kind: 'dnsbl-fault', subject: 'zone' } as const;
    const first = withFailure([], failure(zone), NOON);
    const ended = withEnd(first.faults, 'dnsbl-fault', 'zone', NOON + 1);
    const { faults, report } = withFailure(ended.faults, failure({ ...zone, reason: 'other' }), NOON + ms);
    expect(report).toHaveLength(times);
    expect(faults).toMatchObject([
      { since: NOON + ms, tries: 1, endedAt: null, reportedAt: times === 1 ? NOON + ms : NOON },
    ]);
  });

  it('of another kind that began again is reported each time', () => {
    const first = withFailure([], failure(), NOON);
    const ended = withEnd(first.faults, 'reload-failed', '', NOON);
    expect(withFailure(ended.faults, failure(), NOON).report).toHaveLength(1);
  });

  it('leaves the others as they are', () => {
    const others = [fault({ subject: 'a' }), fault({ kind: 'not-wired' })];
    const { faults } = withFailure(others, failure(), NOON);
    expect(faults).toEqual([...others, reported()]);
    expect(withFailure(faults, failure({ subject: 'a' }), NOON).faults).toHaveLength(3);
  });
});

describe('the end of a fault', () => {
  it('that there is not changes nothing', () => {
    const faults = [fault({ subject: 'a' }), fault({ kind: 'not-wired' }), fault({ endedAt: NOON })];
    const changed = withEnd(faults, 'reload-failed', '', NOON);
    expect(changed.faults).toBe(faults);
    expect(changed.report).toEqual([]);
  });

  it('is reported where its beginning was, and the fault is forgotten', () => {
    const other = fault({ subject: 'a' });
    const one = reported();
    expect(withEnd([other, one], 'reload-failed', '', NOON)).toEqual({ faults: [other], report: [one] });
    const unreported = withEnd([fault(), other], 'reload-failed', '', NOON);
    expect(unreported).toEqual({ faults: [other], report: [] });
  });

  it('of an hourly kind keeps in mind that it was reported', () => {
    const one = reported({ kind: 'dnsbl-fault', subject: 'zone' });
    expect(withEnd([one], 'dnsbl-fault', 'zone', NOON + 5)).toEqual({
      faults: [{ ...one, isOpen: false, endedAt: NOON + 5 }],
      report: [one],
    });
    const silent = fault({ kind: 'dnsbl-fault', subject: 'zone' });
    expect(withEnd([silent], 'dnsbl-fault', 'zone', NOON)).toEqual({ faults: [], report: [] });
  });
});

describe('what is due', () => {
  it('is reported once: it lasts, it is not open, its grace is over', () => {
    const faults = [
      fault({ subject: 'due', dueAt: NOON }),
      fault({ subject: 'early', dueAt: NOON + 1 }),
      reported({ subject: 'open' }),
    ];
    const { faults: next, report } = withDue(faults, NOON);
    expect(report.map(({ subject }) => subject)).toEqual(['due']);
    expect(next).toEqual([reported({ subject: 'due' }), faults[1], faults[2]]);
    expect(withDue(next, NOON)).toEqual({ faults: next, report: [] });
    expect(withDue(next, NOON).faults).toBe(next);
  });

  it('is what waits for longer than any grace, since the clock was set back', () => {
    const waiting = (ms: number) => withDue([fault({ dueAt: NOON + ms })], NOON).report;
    expect(waiting(180_000)).toEqual([]);
    expect(waiting(180_001)).toHaveLength(1);
  });

  it('of an hourly kind waits for its hour', () => {
    const one = fault({ kind: 'clients-hidden', reportedAt: NOON, reportedReason: 'one' });
    expect(withDue([one], NOON + HOUR - 1).report).toEqual([]);
    expect(withDue([one], NOON + HOUR).report).toHaveLength(1);
  });

  it('drops what is over and was reported an hour ago', () => {
    const over = fault({ kind: 'dnsbl-fault', reportedAt: NOON, reportedReason: 'one', endedAt: NOON });
    const other = reported();
    const kept = [over, other];
    expect(withDue(kept, NOON + HOUR - 1).faults).toBe(kept);
    expect(withDue(kept, NOON + HOUR)).toEqual({ faults: [other], report: [] });
  });

  it('is not what is over, though it never was reported', () => {
    const over = fault({ kind: 'dnsbl-fault', endedAt: NOON });
    expect(withDue([over], NOON)).toEqual({ faults: [], report: [] });
  });
});

describe('a fresh start', () => {
  const kinds: readonly FaultKind[] = ['reload-failed', 'not-wired'];

  it('forgets what was not reported, and the tries of the rest', () => {
    const other = fault({ kind: 'table-invalid', tries: 3 });
    const over = fault({ kind: 'not-wired', endedAt: NOON, tries: 4 });
    const open = reported({ kind: 'not-wired', tries: 2 });
    expect(withFreshStart([fault(), open, other, over], kinds)).toEqual([{ ...open, tries: 0 }, other, over]);
  });

  it('changes nothing where there is nothing of these kinds', () => {
    const faults = [fault({ kind: 'table-invalid' }), fault({ endedAt: NOON })];
    expect(withFreshStart(faults, kinds)).toBe(faults);
  });
});

describe('the faults that count', () => {
  it('are those that last and are due, the blocking ones first', () => {
    const faults = [
      fault({ kind: 'clients-hidden' }),
      fault({ kind: 'reload-failed', blocking: true }),
      fault({ kind: 'dnsbl-fault', endedAt: NOON }),
      fault({ kind: 'table-invalid', dueAt: NOON + 1 }),
      fault({ kind: 'not-wired', blocking: true }),
    ];
    expect(kindsOf(standingFaults(faults, NOON))).toEqual(['reload-failed', 'not-wired', 'clients-hidden']);
  });

  it('are found by kind and subject', () => {
    const faults = [fault({ subject: 'a', endedAt: NOON }), fault({ subject: 'a', tries: 2 }), fault()];
    expect(lasting(faults, 'reload-failed', 'a')?.tries).toBe(2);
    expect(lasting(faults, 'reload-failed')).toBe(faults[2]);
    expect(lasting(faults, 'reload-failed', 'b')).toBeUndefined();
    expect(lasting(faults, 'not-wired', 'a')).toBeUndefined();
  });
});

describe('more faults than are kept', () => {
  const many = (count: number, more: (i: number) => Partial<Fault> = () => ({})): Faults =>
    Array.from({ length: count }, (_, i) => fault({ kind: 'dnsbl-fault', subject: `${i}`, ...more(i) }));

  it('drop the oldest that is over, and where none is, the oldest', () => {
    const isOver = (i: number) => (i === 3 || i === 7 ? { endedAt: NOON } : {});
    const one = failure({ kind: 'dnsbl-fault', subject: 'new' });
    expect(withFailure(many(499), one, NOON).faults).toHaveLength(500);
    const bounded = withFailure(many(500, isOver), one, NOON).faults;
    expect(bounded.map(({ subject }) => subject).filter((text) => Number(text) < 9)).toEqual([
      ...['0', '1', '2', '4', '5', '6', '7', '8'],
    ]);
    expect(bounded).toHaveLength(500);
    expect(withFailure(many(500), one, NOON).faults[0]?.subject).toBe('1');
  });
});

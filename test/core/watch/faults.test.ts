import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAULT_KINDS, type FaultKind, type Faults, standingFaults } from '../../../src/core/watch/faults.ts';
import { createFaultMonitor } from '../../../src/daemon/writer/fault-monitor.ts';
import { TestClock } from '../../double/clock.ts';
import { faultsOf } from '../../double/faults.ts';

const NOON = Date.parse('2026-11-24T12:00:00Z');
const HOUR = 3_600_000;
const HOURLY: ReadonlySet<FaultKind> = new Set(['clients-hidden', 'dnsbl-fault', 'sender-still-refused']);
/** Kinds whose end is an alert that others give. */
const ENDED_ELSEWHERE: ReadonlySet<FaultKind> = new Set(['mailserver-lost', 'sender-still-refused']);

type Step =
  | { readonly do: 'fail'; readonly reason: string; readonly graceMs: number }
  | { readonly do: 'end' | 'report' | 'restart' | 'run' }
  | { readonly do: 'pass'; readonly ms: number };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('fail' as const),
      reason: fc.constantFrom('one', 'another'),
      graceMs: fc.constantFrom(0, 15_000, 60_000),
    }),
    fc.record({ do: fc.constantFrom('end' as const, 'report' as const, 'restart' as const, 'run' as const) }),
    fc.record({
      do: fc.constant('pass' as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 90_000 }), fc.integer({ min: -30 * HOUR, max: 30 * HOUR })),
    }),
  ),
  { maxLength: 60 },
);

/** Plays the steps for one kind; gives each alert with the time of it. */
function play(kind: FaultKind, history: readonly Step[]) {
  const clock = new TestClock(NOON);
  const alerts: { kind: string; id: string; reason: unknown }[] = [];
  const report = {
    alert: (given: string, id: string, fields: object) =>
      void alerts.push({
        kind: given,
        id,
        reason: Object.entries(fields).find(([name]) => name === 'reason')?.[1],
      }),
  };
  let faults: Faults = [];
  const store = {
    read: () => faults,
    write: (next: Faults) => {
      faults = next;
    },
  };
  let monitor = createFaultMonitor(clock, report, store);
  const fail = (reason: string, graceMs: number) =>
    monitor.failed({ kind, subject: 's', reason, facts: { reason }, blocking: true, graceMs });
  for (const step of history) {
    if (step.do === 'fail') fail(step.reason, step.graceMs);
    if (step.do === 'end') monitor.ended(kind, 's');
    if (step.do === 'report') monitor.reportDue();
    if (step.do === 'run') monitor.reset([kind]);
    if (step.do === 'pass') clock.advance(step.ms);
    if (step.do === 'restart') {
      faults = JSON.parse(JSON.stringify(faults));
      monitor = createFaultMonitor(clock, report, store);
    }
  }
  return { clock, alerts, monitor, fail, faults: () => faults };
}

describe('a fault', () => {
  it.each(
    FAULT_KINDS,
  )('%s is reported where it begins and where it ends, under one id, whatever the clock does', (kind) => {
    fc.assert(
      fc.property(steps, (history) => {
        const { alerts, monitor } = play(kind, history);
        monitor.ended(kind, 's');
        let open: string | null = null;
        for (const alert of alerts) {
          const begins = alert.kind === kind;
          // Reported again, with another reason, it keeps its id.
          if (begins && open !== null && !ENDED_ELSEWHERE.has(kind)) expect(alert.id).toBe(open);
          if (!begins) expect(alert.id).toBe(open);
          open = begins ? alert.id : null;
        }
        if (!ENDED_ELSEWHERE.has(kind)) expect(open).toBeNull();
      }),
      { numRuns: 300 },
    );
  });

  it.each(FAULT_KINDS)('%s is reported when it lasts long enough, whatever was before', (kind) => {
    fc.assert(
      fc.property(steps, (history) => {
        const { clock, alerts, monitor, fail, faults } = play(kind, history);
        const before = alerts.length;
        const wasOpen = faults().some(({ isOpen }) => isOpen);
        for (let minute = 0; minute < 125; minute += 1) {
          fail('one', 60_000);
          clock.advance(60_000);
          monitor.reportDue();
        }
        expect(standingFaults(faults(), clock.now())).toMatchObject([{ kind, blocking: true, isOpen: true }]);
        const told = alerts.slice(before).length;
        expect(told).toBeLessThanOrEqual(1);
        expect(told === 1 || wasOpen).toBe(true);
        expect(alerts.findLast((alert) => alert.kind === kind)?.reason).toBe('one');
      }),
      { numRuns: 200 },
    );
  });

  it.each(FAULT_KINDS)('%s that flaps is reported hourly at most, where that is promised', (kind) => {
    const { clock, alerts, monitor, fail } = play(kind, []);
    for (let i = 0; i < 240; i += 1) {
      fail('one', 0);
      clock.advance(30_000);
      monitor.reportDue();
      monitor.ended(kind, 's');
      clock.advance(30_000);
      monitor.reportDue();
    }
    const begun = alerts.filter((alert) => alert.kind === kind);
    expect(begun.length).toBe(HOURLY.has(kind) ? 4 : 240);
  });

  it('that another run of the container may not have is forgotten before it was reported, and tried at once', () => {
    const clock = new TestClock(NOON);
    const alerts: string[] = [];
    const monitor = faultsOf(clock, { alert: (kind) => void alerts.push(kind) });
    const fail = (kind: FaultKind, graceMs: number) =>
      monitor.failed({ kind, subject: '', reason: 'r', facts: {}, graceMs });
    fail('reload-failed', 60_000);
    fail('not-wired', 0);
    monitor.reset(['reload-failed', 'not-wired']);
    expect(monitor.lasting('reload-failed')).toBeUndefined();
    expect(monitor.lasting('not-wired')).toMatchObject({ tries: 0, isOpen: true });
    clock.advance(120_000);
    monitor.reportDue();
    expect(alerts).toEqual(['not-wired']);
  });

  it('is kept in a bounded number, those that are over first to go', () => {
    const clock = new TestClock(NOON);
    const monitor = faultsOf(clock, { alert: () => {} });
    for (let i = 0; i < 2_000; i += 1) {
      monitor.failed({ kind: 'dnsbl-fault', subject: `${i}.example`, reason: 'r', facts: {} });
      if (i % 2 === 0) monitor.ended('dnsbl-fault', `${i}.example`);
    }
    expect(monitor.all().length).toBeLessThanOrEqual(500);
    expect(monitor.lasting('dnsbl-fault', '1999.example')).toBeDefined();
  });
});

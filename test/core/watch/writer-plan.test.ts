import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  nextStep,
  reloadIn,
  retryIn,
  type Situation,
  type Step,
} from '../../../src/core/watch/writer-plan.ts';

/** A round that has just begun, with a mail container and one entry that is not in the table yet. */
const BEGUN: Situation = {
  ...{ mode: 'enforce', retryMs: 0, hasContainer: true, postfix: 'unknown', table: 'unknown' },
  ...{ hasEntries: true, isUnannounced: true, isDirty: false, reloadMs: 0, hasFailed: false },
  ...{ isListBlocked: false, isListChecked: false, isDownReported: false, isOver: false },
};
const WRITTEN: Situation = { ...BEGUN, postfix: 'wired', table: 'in-place' };
const ANNOUNCED: Situation = { ...WRITTEN, isUnannounced: false };
const wait = (ms: number) => ({ kind: 'wait', ms });
const announce = (effect: string) => ({ kind: 'announce', effect });

describe('the next step', () => {
  it.each<[string, Situation, object]>([
    ['at the beginning asks whether Postfix is up', BEGUN, { kind: 'ask-postfix' }],
    ['waits until what failed may be tried again', { ...BEGUN, retryMs: 700, hasFailed: true }, wait(700)],
    ['without a mail container creates a table', { ...BEGUN, postfix: 'none' }, { kind: 'create-table' }],
    ['before Postfix is up creates a table', { ...BEGUN, postfix: 'down' }, { kind: 'create-table' }],
    ['with a Postfix writes the table', { ...BEGUN, postfix: 'wired' }, { kind: 'write-table' }],
    [
      'writes the table as well before the access list names it',
      { ...BEGUN, postfix: 'not-wired' },
      { kind: 'write-table' },
    ],
    [
      'waits for a mail container, and reports nothing',
      { ...BEGUN, hasContainer: false, postfix: 'none', table: 'waiting' },
      wait(10_000),
    ],
    [
      'reports no Postfix of a mail container that came after the round began',
      { ...BEGUN, postfix: 'none', table: 'waiting' },
      wait(10_000),
    ],
    [
      'reports no Postfix of a mail container that left meanwhile',
      { ...BEGUN, hasContainer: false, postfix: 'down', table: 'waiting' },
      wait(10_000),
    ],
    [
      'reports a Postfix that is down once an entry waits for it',
      { ...BEGUN, postfix: 'down', table: 'waiting' },
      { kind: 'report-down' },
    ],
    [
      'then looks for it every two seconds, whatever the wait after a failure is',
      { ...BEGUN, postfix: 'down', table: 'waiting', isDownReported: true, retryMs: 60_000 },
      wait(2_000),
    ],
    [
      'looks for a Postfix that no entry waits for without a report',
      { ...BEGUN, postfix: 'down', table: 'waiting', hasEntries: false },
      wait(2_000),
    ],
    ['with an invalid table waits', { ...WRITTEN, table: 'invalid', retryMs: 4_000 }, wait(4_000)],
    ['reports what was written', WRITTEN, announce('table-written')],
    [
      'reports what was written and is not consulted',
      { ...WRITTEN, postfix: 'not-wired' },
      announce('not-wired'),
    ],
    ['reports what another item hides', { ...WRITTEN, isListBlocked: true }, announce('not-wired')],
    ['reports first, then reloads', { ...WRITTEN, isDirty: true }, announce('table-written')],
    ['reloads what is not loaded', { ...ANNOUNCED, isDirty: true }, { kind: 'reload' }],
    ['waits for the reload interval', { ...ANNOUNCED, isDirty: true, reloadMs: 9_000 }, wait(9_000)],
    [
      'reloads no Postfix that does not consult the table',
      { ...ANNOUNCED, isDirty: true, postfix: 'not-wired' },
      wait(10_000),
    ],
    [
      'ends the fault of a reload that is not needed any more',
      { ...ANNOUNCED, hasFailed: true },
      { kind: 'end-failure' },
    ],
    [
      'keeps that fault while a reload is due',
      { ...ANNOUNCED, hasFailed: true, isDirty: true },
      { kind: 'reload' },
    ],
    ['checks the access list when all is loaded', ANNOUNCED, { kind: 'check-list' }],
    ['checks no list that does not name the table', { ...ANNOUNCED, postfix: 'not-wired' }, wait(10_000)],
    ['waits when all is done', { ...ANNOUNCED, isListChecked: true }, wait(10_000)],
    ['after a reload begins another round at once', { ...ANNOUNCED, isOver: true, retryMs: 1_000 }, wait(0)],
    ['in observe mode reports', { ...BEGUN, mode: 'observe' }, announce('observed')],
    ['in observe mode waits after that', { ...ANNOUNCED, mode: 'observe', isDirty: true }, wait(10_000)],
  ])('%s', (_, situation, step) => expect(nextStep(situation)).toEqual(step));
});

/** Where mail container, Postfix and table are, and how the steps change that. */
interface World {
  readonly mode: Situation['mode'];
  readonly postfix: 'none' | 'down' | 'not-wired' | 'wired';
  readonly isTableGood: boolean;
  readonly hasEntries: boolean;
  readonly isUnannounced: boolean;
  readonly isLoaded: boolean;
  readonly isReloadGood: boolean;
  readonly isListBlocked: boolean;
  /** The list was repaired on disk: a reload helps. */
  readonly isRereadNeeded: boolean;
  readonly hasFailed: boolean;
  readonly retryMs: number;
  readonly reloadMs: number;
}

const WORLD: fc.Arbitrary<World> = fc.record({
  mode: fc.constantFrom('enforce', 'observe'),
  postfix: fc.constantFrom('none', 'down', 'not-wired', 'wired'),
  ...{ isTableGood: fc.boolean(), hasEntries: fc.boolean(), isUnannounced: fc.boolean() },
  ...{ isLoaded: fc.boolean(), isReloadGood: fc.boolean(), isListBlocked: fc.boolean() },
  ...{ isRereadNeeded: fc.boolean(), hasFailed: fc.boolean() },
  ...{ retryMs: fc.constantFrom(0, 1_000), reloadMs: fc.constantFrom(0, 15_000) },
});

/** One round in that world: its steps, and the world after it. */
function round(before: World): {
  readonly steps: readonly Step['kind'][];
  readonly after: World;
  readonly ms: number;
} {
  let world = before;
  let known: Pick<Situation, 'postfix' | 'table' | 'isDownReported' | 'isListChecked' | 'isOver'> = {
    ...{ postfix: world.postfix === 'none' ? 'none' : 'unknown', table: 'unknown' },
    ...{ isDownReported: false, isListChecked: false, isOver: false },
  };
  const steps: Step['kind'][] = [];
  for (;;) {
    const { mode, hasEntries, isUnannounced, reloadMs, retryMs, hasFailed, isListBlocked } = world;
    const step = nextStep({
      ...{ ...known, mode, hasEntries, isUnannounced, reloadMs, retryMs, hasFailed, isListBlocked },
      ...{ hasContainer: world.postfix !== 'none', isDirty: !world.isLoaded },
    });
    steps.push(step.kind);
    if (step.kind === 'wait') return { steps, after: world, ms: step.ms };
    if (steps.length > 10) return { steps, after: world, ms: Number.NaN };
    const failed = { hasFailed: true, retryMs: 1_000 };
    switch (step.kind) {
      case 'ask-postfix':
        known = { ...known, postfix: world.postfix };
        break;
      case 'create-table':
        known = { ...known, table: 'waiting' };
        break;
      case 'write-table':
        known = { ...known, table: world.isTableGood ? 'in-place' : 'invalid' };
        if (!world.isTableGood) world = { ...world, retryMs: 1_000 };
        break;
      case 'announce':
        world = { ...world, isUnannounced: false };
        break;
      case 'report-down':
        known = { ...known, isDownReported: true };
        world = { ...world, ...failed };
        break;
      case 'reload':
        known = { ...known, isOver: true };
        world = world.isReloadGood ? { ...world, isLoaded: true, hasFailed: false } : { ...world, ...failed };
        break;
      case 'end-failure':
        world = { ...world, hasFailed: false };
        break;
      case 'check-list':
        known = { ...known, isListChecked: true, isOver: world.isRereadNeeded };
        if (world.isRereadNeeded) world = { ...world, isLoaded: false, isRereadNeeded: false };
        break;
    }
  }
}

/** The same after so long that everything may be tried. */
const later = (world: World): World => ({ ...world, retryMs: 0, reloadMs: 0 });

describe('a round, wherever it begins', () => {
  it('comes to a wait, and takes no step twice', () => {
    fc.assert(
      fc.property(WORLD, (world) => {
        const { steps, ms } = round(world);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(new Set(steps).size).toBe(steps.length);
      }),
    );
  });

  it('in observe mode does nothing but report', () => {
    fc.assert(
      fc.property(WORLD, (world) => {
        const { steps } = round({ ...world, mode: 'observe' });
        expect(steps.filter((kind) => kind !== 'announce')).toEqual(['wait']);
      }),
    );
  });

  it('asks nothing of Postfix and changes nothing before its time', () => {
    fc.assert(
      fc.property(WORLD, (world) => {
        const { steps } = round({ ...world, mode: 'enforce', retryMs: 1_000 });
        expect(steps).toEqual(['wait']);
      }),
    );
  });

  it('reloads only a table that it wrote, into a Postfix that consults it', () => {
    fc.assert(
      fc.property(WORLD, (world) => {
        const { steps } = round(world);
        if (!steps.includes('reload')) return;
        expect(world).toMatchObject({ mode: 'enforce', postfix: 'wired', isTableGood: true, reloadMs: 0 });
        expect(steps.indexOf('write-table')).toBeLessThan(steps.indexOf('reload'));
      }),
    );
  });

  it('is one of at most four until all is reported, loaded and quiet, where nothing fails', () => {
    fc.assert(
      fc.property(WORLD, (given) => {
        let world: World = {
          ...given,
          mode: 'enforce',
          postfix: 'wired',
          isTableGood: true,
          isReloadGood: true,
        };
        for (let rounds = 0; rounds < 4; rounds += 1) world = round(later(world)).after;
        expect(round(later(world)).steps).toEqual(['ask-postfix', 'write-table', 'check-list', 'wait']);
        expect(world).toMatchObject({ isUnannounced: false, isLoaded: true, hasFailed: false });
      }),
    );
  });
});

describe('a reload', () => {
  it('comes at once with the first change', () => expect(reloadIn(null, undefined, 0, 15_000)).toBe(0));

  it('waits for the rest of the interval after the last one', () => {
    expect(reloadIn(1_000, undefined, 5_000, 15_000)).toBe(11_000);
    expect(reloadIn(1_000, undefined, 16_000, 15_000)).toBe(0);
  });

  it('waits for the longer of the interval and the wait after a failure', () => {
    expect(reloadIn(0, { tries: 1, triedAt: 10_000 }, 10_000, 15_000)).toBe(5_000);
    expect(reloadIn(0, { tries: 4, triedAt: 10_000 }, 10_000, 15_000)).toBe(8_000);
  });

  it('is retried after doubled waits of at most a minute, without end', () => {
    const waits = Array.from({ length: 10 }, (_, i) => retryIn({ tries: i + 1, triedAt: 0 }, 0) / 1000);
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
    expect(retryIn({ tries: 5000, triedAt: 0 }, 0)).toBe(60_000);
  });

  it('that failed in an earlier run of the container only is tried at once', () =>
    expect(reloadIn(null, { tries: 0, triedAt: 0 }, 0, 15_000)).toBe(0));

  it('is not kept waiting by a clock that was set back', () =>
    expect(reloadIn(1e9, { tries: 1, triedAt: 1e9 }, 1_000, 15_000)).toBe(0));
});

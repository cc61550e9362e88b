import { describe, expect, it } from 'vitest';
import { planReload, retryIn } from '../../../src/core/watch/reload.ts';

const clean = { dirty: false, lastReloadAt: null, fault: undefined };
const dirty = { ...clean, dirty: true };

describe('a reload', () => {
  it('is not planned when Postfix uses the table', () =>
    expect(planReload(clean, 0, 15_000)).toEqual({ kind: 'idle' }));
  it('comes at once with the first change', () =>
    expect(planReload(dirty, 0, 15_000)).toEqual({ kind: 'now' }));

  it('waits for the rest of the interval after the last one', () => {
    expect(planReload({ ...dirty, lastReloadAt: 1_000 }, 5_000, 15_000)).toEqual({
      kind: 'wait',
      ms: 11_000,
    });
    expect(planReload({ ...dirty, lastReloadAt: 1_000 }, 16_000, 15_000)).toEqual({ kind: 'now' });
  });

  it('is tried again after doubled waits of at most a minute, for ever', () => {
    const waits = Array.from({ length: 10 }, (_, i) => retryIn({ tries: i + 1, triedAt: 0 }, 0) / 1000);
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
    expect(retryIn({ tries: 5000, triedAt: 0 }, 0)).toBe(60_000);
  });

  it('that failed in an earlier run of the container only is tried at once', () =>
    expect(planReload({ ...dirty, fault: { tries: 0, triedAt: 0 } }, 0, 15_000)).toEqual({ kind: 'now' }));

  it('is not kept waiting by a clock that was set back', () => {
    const later = { ...dirty, lastReloadAt: 1e9, fault: { tries: 1, triedAt: 1e9 } };
    expect(planReload(later, 1_000, 15_000)).toEqual({ kind: 'now' });
  });
});

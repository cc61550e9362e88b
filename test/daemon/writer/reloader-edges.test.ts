import { beforeEach, describe, expect, it } from 'vitest';
import type { ExecResult } from '../../../src/core/engine/mail-container.ts';
import { CROSSING_MS } from '../../../src/core/log/log-time.ts';
import type { FaultMonitor } from '../../../src/daemon/writer/fault-monitor.ts';
import { Reloader, reloadFailed } from '../../../src/daemon/writer/reloader.ts';
import { EngineError } from '../../../src/ports.ts';
import { TestClock } from '../../double/clock.ts';
import { faultsOf } from '../../double/faults.ts';

const NOON = Date.parse('2026-11-24T12:00:00Z');
const MINUTE = 60_000;
const SENDERS = ['amazon-ses'];

let clock: TestClock;
let alerts: { readonly kind: string; readonly id: string; readonly fields: object }[];
let faults: FaultMonitor;
let reloader: Reloader;
let stop: AbortController;
let result: ExecResult;
/** Comes while `postfix reload` runs. */
let meanwhile: () => void;
beforeEach(() => {
  clock = new TestClock(NOON);
  alerts = [];
  const report = {
    alert: (kind: string, id: string, fields: object) => void alerts.push({ kind, id, fields }),
  };
  faults = faultsOf(clock, report);
  reloader = new Reloader(clock, report, faults, 15_000);
  stop = new AbortController();
  result = { exitCode: 0, stdout: '', stderr: '' };
  meanwhile = () => {};
});

const postfix = {
  async reload() {
    meanwhile();
    return result;
  },
};
const load = () => reloader.load(postfix, 'digest', SENDERS, stop.signal);
const turn = () => new Promise((turned) => setImmediate(turned));

/** What came of a load by now; undefined: it still waits. */
async function outcomeOf(loading: Promise<number | null>): Promise<number | null | undefined> {
  for (let i = 0; i < 5; i += 1) await turn();
  return await Promise.race([loading, turn().then(() => undefined)]);
}

describe('a reload', () => {
  it('is proven by a line that came while it was asked for, with the time of the line', async () => {
    meanwhile = () => {
      clock.advance(300);
      reloader.reloaded(NOON + 200);
    };
    expect(await load()).toBe(NOON + 200);
    expect(alerts).toEqual([
      { kind: 'reload-done', id: 'digest', fields: { senders: SENDERS, ms: 300, attempts: 1 } },
    ]);
    expect(reloader.reloadedAt()).toBe(NOON + 300);
  });

  it('is proven by a line that crosses with the request, and by none from before that', async () => {
    meanwhile = () => void reloader.reloaded(NOON - CROSSING_MS);
    expect(await load()).toBe(NOON - CROSSING_MS);
    meanwhile = () => void reloader.reloaded(NOON - CROSSING_MS - 1);
    const loading = load();
    expect(await outcomeOf(loading)).toBeUndefined();
    reloader.reloaded(NOON);
    expect(await loading).toBe(NOON);
  });

  it('takes no time when the clock is set back meanwhile', async () => {
    meanwhile = () => {
      reloader.reloaded(NOON);
      clock.advance(-5_000);
    };
    await load();
    expect(alerts[0]?.fields).toMatchObject({ ms: 0 });
  });

  it('waits 15 s for its line, and no longer', async () => {
    const loading = load();
    await outcomeOf(loading);
    clock.advance(14_999);
    expect(await outcomeOf(loading)).toBeUndefined();
    clock.advance(1);
    expect(await outcomeOf(loading)).toBeNull();
    expect(faults.lasting('reload-failed')).toMatchObject({
      reason: expect.stringContaining('its log has no line about a reload'),
    });
    expect(reloader.reloadedAt()).toBeNull();
  });

  it('whose line comes as the last moment passes is proven', async () => {
    const loading = load();
    await outcomeOf(loading);
    clock.advance(15_000);
    reloader.reloaded(NOON + 15_000);
    expect(await outcomeOf(loading)).toBe(NOON + 15_000);
  });

  it('that waits ends at once when screenpass stops, and is no failure', async () => {
    const loading = load();
    expect(await outcomeOf(loading)).toBeUndefined();
    stop.abort();
    expect(await outcomeOf(loading)).toBeNull();
    expect(faults.all()).toEqual([]);
    expect(alerts).toEqual([]);
  });

  it('that is asked for while screenpass stops is no failure', async () => {
    stop.abort();
    expect(await outcomeOf(load())).toBeNull();
    expect(faults.all()).toEqual([]);
  });

  it('listens to the signal only as long as it lasts', async () => {
    const open: string[] = [];
    const { signal } = stop;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    Object.assign(signal, {
      addEventListener: (...given: Parameters<typeof add>) => {
        open.push(given[0]);
        add(...given);
      },
      removeEventListener: (...given: Parameters<typeof remove>) => {
        open.splice(open.indexOf(given[0]), open.includes(given[0]) ? 1 : 0);
        remove(...given);
      },
    });
    meanwhile = () => void reloader.reloaded(NOON);
    await load();
    meanwhile = () => {
      throw new Error('no Engine');
    };
    await expect(load()).rejects.toThrow('no Engine');
    expect(open).toEqual([]);
  });

  it('that the Engine refuses rejects, reports nothing, and leaves a line about a reload to others', async () => {
    meanwhile = () => {
      expect(reloader.reloaded(NOON)).toBe(true);
      throw new EngineError('unreachable', 'no answer');
    };
    await expect(load()).rejects.toThrow('no answer');
    expect(alerts).toEqual([]);
    expect(faults.all()).toEqual([]);
    expect(reloader.reloadedAt()).toBeNull();
    expect(reloader.reloaded(NOON)).toBe(false);
  });

  it('is not proven by the line of a try that the Engine refused', async () => {
    meanwhile = () => {
      throw new EngineError('failed', 'no');
    };
    await expect(load()).rejects.toThrow('no');
    reloader.reloaded(NOON);
    meanwhile = () => {};
    const loading = load();
    expect(await outcomeOf(loading)).toBeUndefined();
    reloader.reloaded(NOON);
    expect(await loading).toBe(NOON);
  });
});

describe('a reload that fails', () => {
  it.each([
    [{ stderr: 'postfix: warning\npostfix: more\npostfix: fatal: bad \n' }, 'postfix: fatal: bad'],
    [{ stderr: '\n' }, 'postfix reload ended with code 1'],
  ])('gives the last line of Postfix as the reason', async (output, reason) => {
    result = { exitCode: 1, stdout: '', ...output };
    expect(await load()).toBeNull();
    expect(faults.lasting('reload-failed')).toMatchObject({
      ...{ reason, blocking: true, tries: 1, dueAt: NOON + MINUTE },
      facts: { reason, retrySeconds: 1 },
    });
    expect(alerts).toEqual([]);
    expect(reloader.reloadedAt()).toBeNull();
  });

  it('counts its tries, says when the next one comes, and ends with the first that is proven', async () => {
    result = { exitCode: 1, stdout: '', stderr: 'no' };
    for (let tries = 1; tries <= 3; tries += 1) await load();
    expect(faults.lasting('reload-failed')).toMatchObject({ tries: 3, facts: { retrySeconds: 4 } });
    result = { ...result, exitCode: 0 };
    meanwhile = () => void reloader.reloaded(NOON);
    await load();
    expect(alerts.map(({ kind }) => kind)).toEqual(['reload-done']);
    expect(alerts[0]?.fields).toMatchObject({ attempts: 4 });
    expect(faults.all()).toEqual([]);
  });

  it('is due at once where nothing can be waited for', () => {
    reloadFailed(faults, 'denied', 0);
    expect(alerts).toMatchObject([{ kind: 'reload-failed', fields: { reason: 'denied', retrySeconds: 1 } }]);
  });
});

it('the next try follows the last reload and the last failure', async () => {
  expect(reloader.dueIn()).toBe(0);
  meanwhile = () => void reloader.reloaded(NOON);
  await load();
  expect(reloader.dueIn()).toBe(15_000);
  clock.advance(MINUTE);
  result = { exitCode: 1, stdout: '', stderr: 'no' };
  await load();
  expect(reloader.dueIn()).toBe(1_000);
  clock.advance(1_000);
  expect(reloader.dueIn()).toBe(0);
});

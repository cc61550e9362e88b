import { beforeEach, describe, expect, it } from 'vitest';
import type { MailContainer } from '../../../src/core/engine/mail-container.ts';
import type { FaultMonitor } from '../../../src/daemon/writer/fault-monitor.ts';
import { WiringWatch } from '../../../src/daemon/writer/wiring-watch.ts';
import { EngineError } from '../../../src/ports.ts';
import type { Postfix } from '../../../src/postfix/postfix-commands.ts';
import { TestClock } from '../../double/clock.ts';
import { faultsOf } from '../../double/faults.ts';

const TABLE = '/etc/screenpass/t.cidr';
const NOON = Date.parse('2026-11-24T12:00:00Z');
const MINUTE = 60_000;
const CONTAINER: MailContainer = {
  ...{ id: 'c1', run: 'c1 first', tty: false, logDriver: 'json-file' },
  ...{ networks: [], gateways: [], mounts: [] },
};
const WIRED = `permit_mynetworks, cidr:${TABLE}`;

let clock: TestClock;
let alerts: { readonly kind: string; readonly fields: object }[];
let faults: FaultMonitor;
let watch: WiringWatch;
let isUp: boolean;
let accessList: string;
let asked: string[];
beforeEach(() => {
  clock = new TestClock(NOON);
  alerts = [];
  const report = { alert: (kind: string, _: string, fields: object) => void alerts.push({ kind, fields }) };
  faults = faultsOf(clock, report);
  watch = new WiringWatch(clock, faults, TABLE);
  isUp = true;
  accessList = WIRED;
  asked = [];
});

const fail = () => Promise.reject(new Error('not asked for'));
const postfix: Postfix = {
  ...{ checkTable: fail, reload: fail, settings: fail, ask: fail },
  async running() {
    asked.push('running');
    return isUp;
  },
  async configuration() {
    asked.push('configuration');
    const services = 'smtp inet n - n - 1 postscreen\n';
    return { accessList, mynetworks: '', overrides: '', services };
  },
};
const look = (container = CONTAINER) => watch.check(postfix, container);

describe('the wiring', () => {
  it('is unknown before Postfix is up, whose configuration is not final then', async () => {
    isUp = false;
    expect(watch.result()).toBe('unknown');
    expect(watch.configuration()).toBeNull();
    expect(await look()).toBe('down');
    expect(await look()).toBe('down');
    expect(asked).toEqual(['running', 'running']);
    expect(watch.result()).toBe('unknown');
    isUp = true;
    expect(await look()).toBe('wired');
    expect(watch.result()).toBe('wired');
    expect(watch.configuration()).toMatchObject({ accessList: WIRED });
    expect(faults.all()).toEqual([]);
  });

  it('is looked at each ten minutes, and whether Postfix is up only once a run', async () => {
    await look();
    clock.advance(10 * MINUTE - 1);
    await look();
    expect(asked).toEqual(['running', 'configuration']);
    clock.advance(1);
    await look();
    expect(asked).toEqual(['running', 'configuration', 'configuration']);
  });

  it.each([10 * MINUTE, -10 * MINUTE])('is looked at again when the clock jumps by %i ms', async (ms) => {
    await look();
    clock.advance(ms);
    await look();
    expect(asked).toEqual(['running', 'configuration', 'configuration']);
  });

  it('is looked at again in another run of the container, when Postfix is up in it', async () => {
    await look();
    isUp = false;
    expect(await look({ ...CONTAINER, run: 'c1 second' })).toBe('down');
    isUp = true;
    await look({ ...CONTAINER, run: 'c1 second' });
    expect(asked).toEqual(['running', 'configuration', 'running', 'running', 'configuration']);
  });

  it('is looked at again when it may be another one', async () => {
    await look();
    watch.checkAgain();
    await look();
    await look();
    expect(asked).toEqual(['running', 'configuration', 'configuration']);
  });

  it('that is missing is looked at each time until it has lasted a minute and is reported, then each ten', async () => {
    accessList = 'permit_mynetworks';
    expect(await look()).toBe('not-wired');
    expect(watch.result()).toBe('not-wired');
    expect(faults.lasting('not-wired')).toMatchObject({ blocking: true, dueAt: NOON + MINUTE });
    clock.advance(MINUTE - 1);
    await look();
    expect(alerts).toEqual([]);
    clock.advance(1);
    await look();
    expect(alerts.map(({ kind }) => kind)).toEqual(['not-wired']);
    expect(alerts[0]?.fields).toEqual({
      reason: 'postscreen_access_list does not name it',
      line: `postscreen_access_list = permit_mynetworks, cidr:${TABLE}`,
      remedy: expect.stringMatching(
        /^Put this line into config\/postfix-main\.cf: postscreen_access_list = \S+ \S+ Then /,
      ),
    });
    const before = asked.length;
    expect(await look()).toBe('not-wired');
    expect(asked.length).toBe(before);
    accessList = WIRED;
    clock.advance(10 * MINUTE);
    expect(await look()).toBe('wired');
    expect(alerts.map(({ kind }) => kind)).toEqual(['not-wired', 'wired']);
    expect(watch.result()).toBe('wired');
  });

  it('to a table that is a mount of its own is none', async () => {
    expect(await look({ ...CONTAINER, mounts: [TABLE] })).toBe('not-wired');
    expect(faults.lasting('not-wired')?.reason).toContain('single file');
  });

  it('is what it was while the Engine does not answer', async () => {
    await look();
    watch.checkAgain();
    const mute = {
      ...postfix,
      configuration: () => Promise.reject(new EngineError('unreachable', 'no answer')),
    };
    await expect(watch.check(mute, CONTAINER)).rejects.toThrow('no answer');
    expect(watch.result()).toBe('wired');
    await look();
    expect(asked).toEqual(['running', 'configuration', 'configuration']);
  });
});

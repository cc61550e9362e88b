import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { network } from '../../../src/core/net/network.ts';
import { renderBlock } from '../../../src/core/table/managed-block.ts';
import type { TableCheck } from '../../../src/core/table/table-check.ts';
import type { FaultMonitor } from '../../../src/daemon/writer/fault-monitor.ts';
import { TableKeeper } from '../../../src/daemon/writer/table-keeper.ts';
import { createTableFile } from '../../../src/edge/file.ts';
import type { TableFile } from '../../../src/ports.ts';
import type { Postfix } from '../../../src/postfix/postfix-commands.ts';
import { TestClock } from '../../double/clock.ts';
import { faultsOf } from '../../double/faults.ts';
import { FaultyFiles } from '../../double/file-system.ts';

const GOOD: TableCheck = { good: true, complaint: null };
const BAD: TableCheck = { good: false, complaint: { reason: 'fatal: no', line: null } };
const MEMBERS = [network('54.240.0.0/17')];
const entry = { sender: 'amazon-ses', scope: 'sender', networks: [], since: 0, lastSeen: 0 } as const;
const rest = {
  until: null,
  reason: null,
  cause: null,
  refusedAt: null,
  announced: true,
  inForce: null,
  granted: null,
};
const BLOCK = renderBlock([{ entry: { ...entry, ...rest }, networks: MEMBERS }]);

let folder: string;
let alerts: string[];
let clock: TestClock;
let faults: FaultMonitor;
let keeper: TableKeeper;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'screenpass-keeper-'));
  alerts = [];
  clock = new TestClock(0);
  keeper = keeperOf(createTableFile(table()));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function keeperOf(file: TableFile): TableKeeper {
  const report = { alert: (kind: string) => void alerts.push(kind), error: () => {} };
  faults = faultsOf(clock, report);
  return new TableKeeper(file, report, faults, '/etc/screenpass/table.cidr', []);
}

const table = () => join(folder, 'table.cidr');
const read = () => readFile(table(), 'utf8');
const put = (postfix: Postfix, ready = async () => {}) =>
  keeper.put({ block: BLOCK, members: MEMBERS, postfix, ready });

/** Postfix as the keeper asks it: `check` sees the path in the container and the text. */
function postfix(check: (path: string, text: string) => TableCheck | Promise<TableCheck>): Postfix {
  return {
    checkTable: async (path, text) => check(path, text),
    reload: fail,
    running: fail,
    configuration: fail,
    settings: fail,
    ask: fail,
  };
}

function fail(): never {
  throw new Error('not asked for');
}

describe('the table', () => {
  it('is looked at by Postfix under another name before it takes the place of the old one', async () => {
    await writeFile(table(), '# mine\n');
    const seen: string[] = [];
    const done = await put(
      postfix(async (path, text) => {
        seen.push(path, text, await read());
        return GOOD;
      }),
    );
    expect(done).toBe('in-place');
    expect(seen).toEqual(['/etc/screenpass/.table.cidr.tmp', `# mine\n${BLOCK}`, '# mine\n']);
    expect(await read()).toBe(`# mine\n${BLOCK}`);
    expect(await readdir(folder)).toEqual(['table.cidr']);
  });

  it('stays as it was when Postfix does not take the new one, and nothing is left beside it', async () => {
    await writeFile(table(), '# mine\n');
    expect(await put(postfix(() => BAD))).toBe('invalid');
    expect(await read()).toBe('# mine\n');
    expect(await readdir(folder)).toEqual(['table.cidr']);
    clock.advance(60_000);
    expect(await put(postfix(() => BAD))).toBe('invalid');
    expect(alerts).toEqual(['table-invalid']);
    expect(faults.lasting('table-invalid')).toMatchObject({ reason: BAD.complaint?.reason, blocking: true });
    expect(await put(postfix(() => GOOD))).toBe('in-place');
    expect(alerts).toEqual(['table-invalid', 'table-valid']);
    expect(faults.lasting('table-invalid')).toBeUndefined();
  });

  it('stays as it was until it may change, though Postfix has looked at the new one', async () => {
    await writeFile(table(), '# mine\n');
    let asked = 0;
    const good = postfix(() => {
      asked += 1;
      return GOOD;
    });
    const inTheWay = async () => {
      expect([asked, await read()]).toEqual([1, '# mine\n']);
      throw new Error('the state is not saved');
    };
    await expect(put(good, inTheWay)).rejects.toThrow('not saved');
    expect(await read()).toBe('# mine\n');
    expect(await readdir(folder)).toEqual(['table.cidr']);
  });

  it('keeps what the operator writes while Postfix is asked', async () => {
    await writeFile(table(), '# old\n');
    let asked = 0;
    await put(
      postfix(async () => {
        asked += 1;
        if (asked === 1) await writeFile(table(), '198.51.100.7 reject\n');
        return GOOD;
      }),
    );
    expect(asked).toBe(2);
    expect(await read()).toBe(`198.51.100.7 reject\n${BLOCK}`);
  });

  it('is asked about once, and again when somebody changed it or the mail container is another', async () => {
    let asked = 0;
    const good = postfix(() => {
      asked += 1;
      return GOOD;
    });
    for (let i = 0; i < 3; i += 1) await put(good);
    expect(asked).toBe(1);
    await writeFile(table(), `# new\n${BLOCK}`);
    for (let i = 0; i < 3; i += 1) await put(good);
    expect(asked).toBe(2);
    keeper.checkAgain();
    for (let i = 0; i < 3; i += 1) await put(good);
    expect(asked).toBe(3);
  });

  it('that somebody changes each time is left alone after three tries, with one alert, until it is left in peace', async () => {
    let asked = 0;
    let isBusy = true;
    const busy = postfix(async () => {
      asked += 1;
      if (isBusy) await writeFile(table(), `198.51.100.${asked} reject\n`);
      return GOOD;
    });
    for (let round = 1; round <= 5; round += 1) {
      expect(await put(busy)).toBe('invalid');
      expect(asked).toBe(3 * round);
      expect(faults.lasting('table-invalid')?.reason).toContain('another program keeps changing the table');
    }
    expect(alerts).toEqual(['table-invalid']);
    expect(await read()).toBe('198.51.100.15 reject\n');
    isBusy = false;
    expect(await put(busy)).toBe('in-place');
    expect(alerts).toEqual(['table-invalid', 'table-valid']);
    expect(await read()).toBe(`198.51.100.15 reject\n${BLOCK}`);
    expect(await readdir(folder)).toEqual(['table.cidr']);
  });

  it('that Postfix takes but that cannot be put in place makes one alert, and one when it can be', async () => {
    const files = new FaultyFiles();
    keeper = keeperOf(createTableFile(table(), files.files));
    for (let i = 0; i < 3; i += 1) {
      files.fault = null;
      const readOnly = postfix(() => {
        files.fault = { call: /^(?:rename|rm) /, code: 'EROFS' };
        return GOOD;
      });
      expect(await put(readOnly)).toBe('invalid');
    }
    expect(faults.lasting('table-invalid')?.reason).toContain('mount its directory writable (EROFS)');
    expect(alerts).toEqual(['table-invalid']);
    files.fault = null;
    expect(await put(postfix(() => GOOD))).toBe('in-place');
    expect(alerts).toEqual(['table-invalid', 'table-valid']);
  });

  it('with a second block of ours is reported once, as it is, and keeps it', async () => {
    const second = BLOCK.replace('54.240', '54.241');
    await writeFile(table(), `${BLOCK}# mine\n${second}`);
    for (let i = 0; i < 3; i += 1) expect(await put(postfix(() => GOOD))).toBe('in-place');
    expect(alerts).toEqual(['table-invalid']);
    expect(faults.lasting('table-invalid')).toBeUndefined();
    expect(faults.all()).toMatchObject([{ blocking: false }]);
    expect(await read()).toBe(`${BLOCK}# mine\n${second}`);
    await writeFile(table(), `${BLOCK}# mine\n`);
    expect(await put(postfix(() => GOOD))).toBe('in-place');
    expect(alerts).toEqual(['table-invalid', 'table-valid']);
  });
});

import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { network } from '../../../src/core/net/network.ts';
import { renderBlock } from '../../../src/core/table/managed-block.ts';
import type { TableCheck } from '../../../src/core/table/table-check.ts';
import { digestOf } from '../../../src/daemon/writer/desired-table.ts';
import type { FaultMonitor } from '../../../src/daemon/writer/fault-monitor.ts';
import { TableKeeper } from '../../../src/daemon/writer/table-keeper.ts';
import { FileError, type TableFile } from '../../../src/ports.ts';
import type { Postfix } from '../../../src/postfix/postfix-commands.ts';
import { TestClock } from '../../double/clock.ts';
import { faultsOf } from '../../double/faults.ts';
import { entry } from '../../double/writer-bench.ts';

const GOOD: TableCheck = { good: true, complaint: null };
const BAD: TableCheck = { good: false, complaint: { reason: 'fatal: no', line: null } };
const THEIRS: TableCheck = { good: true, complaint: { reason: 'line 1: bad', line: 1 } };
const MEMBERS = [network('54.240.0.0/17')];
const BLOCK = renderBlock([{ entry: entry('amazon-ses'), networks: MEMBERS }]);
const OLD = renderBlock([]);

let alerts: { readonly kind: string; readonly id: string; readonly fields: object }[];
let errors: string[];
let faults: FaultMonitor;
let table: string | undefined;
let discarded: number;
let onCommit: () => void;
let onDiscard: () => void;
let checked: string[];
let answer: TableCheck;
let keeper: TableKeeper;

const file: TableFile = {
  read: async () => table,
  stage: async (text) => ({
    name: 'new',
    async commit(expected) {
      onCommit();
      if (table !== expected) return false;
      table = text;
      return true;
    },
    async discard() {
      discarded += 1;
      onDiscard();
    },
  }),
};
const fail = () => Promise.reject(new Error('not asked for'));
const postfix: Postfix = {
  ...{ reload: fail, running: fail, configuration: fail, settings: fail, ask: fail },
  async checkTable(path, text) {
    checked.push(`${path}: ${text}`);
    return answer;
  },
};
const put = () => keeper.put({ block: BLOCK, members: MEMBERS, postfix, ready: async () => {} });

function keep(...blocks: readonly string[]): void {
  const report = {
    alert: (kind: string, id: string, fields: object) => void alerts.push({ kind, id, fields }),
    error: (message: string) => void errors.push(message),
  };
  faults = faultsOf(new TestClock(0), report);
  keeper = new TableKeeper(file, report, faults, '/etc/screenpass/t.cidr', blocks.map(digestOf));
}

beforeEach(() => {
  alerts = [];
  errors = [];
  checked = [];
  table = undefined;
  discarded = 0;
  onCommit = () => {};
  onDiscard = () => {};
  answer = GOOD;
  keep();
});

it('the digest of a block is the SHA-256 of its bytes', () => {
  const bytes = Buffer.from([0x23, 0xe9, 0x0a]);
  expect(digestOf(bytes.toString('latin1'))).toBe(createHash('sha256').update(bytes).digest('hex'));
});

describe('without a Postfix', () => {
  it('an empty table is created where there is none, and nothing else is done', async () => {
    expect(await keeper.create()).toBe('waiting');
    expect([table, discarded]).toEqual([OLD, 1]);
    expect(await keeper.create()).toBe('waiting');
    expect([table, discarded]).toEqual([OLD, 1]);
    expect(alerts).toEqual([]);
  });

  it('what could not be put in place is removed, and is a fault that holds back', async () => {
    onCommit = () => {
      throw new FileError('read-only');
    };
    expect(await keeper.create()).toBe('invalid');
    expect([table, discarded]).toEqual([undefined, 1]);
    expect(faults.lasting('table-invalid')).toMatchObject({
      ...{ reason: 'read-only', blocking: true },
      facts: { reason: 'read-only', line: null },
    });
  });
});

describe('a table that is missing', () => {
  it('becomes our block alone', async () => {
    expect(await put()).toBe('in-place');
    expect(table).toBe(BLOCK);
    expect(checked).toEqual([`/etc/screenpass/new: ${BLOCK}`]);
    expect([discarded, alerts]).toEqual([1, []]);
  });

  it('is restored, with an alert, when one of our blocks was in it', async () => {
    keep(OLD);
    expect(await put()).toBe('restored');
    expect(alerts).toEqual([{ kind: 'table-restored', id: digestOf(BLOCK), fields: { reason: 'missing' } }]);
  });
});

describe('a block', () => {
  it('that an earlier process left is replaced without an alert, whichever of the two it is', async () => {
    for (const left of [OLD, renderBlock([{ entry: entry('mailgun'), networks: [] }])]) {
      keep(OLD, renderBlock([{ entry: entry('mailgun'), networks: [] }]));
      table = left;
      expect(await put()).toBe('in-place');
    }
    expect(alerts).toEqual([]);
  });

  it('that nobody knows of is replaced without an alert when nothing is known', async () => {
    table = OLD;
    expect(await put()).toBe('in-place');
    expect(alerts).toEqual([]);
  });

  it.each([
    ['found in the table', BLOCK],
    ['put there', ''],
  ])('that was %s and is altered later is restored, with an alert', async (_, before) => {
    table = before;
    expect(await put()).toBe('in-place');
    table = OLD;
    expect(await put()).toBe('restored');
    expect(table).toBe(BLOCK);
    expect(alerts.map(({ fields }) => fields)).toEqual([{ reason: 'altered' }]);
    expect(await put()).toBe('in-place');
  });

  it('in place that Postfix does not read is a fault, and asked about each time', async () => {
    table = BLOCK;
    answer = BAD;
    expect(await put()).toBe('invalid');
    expect(await put()).toBe('invalid');
    expect(checked).toHaveLength(2);
    expect(faults.lasting('table-invalid')).toMatchObject({ blocking: true, dueAt: 60_000 });
    answer = GOOD;
    expect(await put()).toBe('in-place');
    expect(faults.all()).toEqual([]);
    await put();
    expect(checked).toHaveLength(3);
  });

  it('beside a line of the operator that Postfix skips is in place, with one alert about that line', async () => {
    table = `nonsense\n${BLOCK}`;
    answer = THEIRS;
    expect(await put()).toBe('in-place');
    expect(faults.lasting('table-invalid')).toMatchObject({ blocking: false });
    expect(alerts).toEqual([
      {
        ...{ kind: 'table-invalid', id: expect.any(String) },
        fields: {
          reason: 'line 1: bad',
          line: 1,
          remedy: expect.stringMatching(/^Correct or remove that line/),
        },
      },
    ]);
  });

  it('that somebody keeps changing while Postfix is asked is a fault that holds back', async () => {
    let writes = 0;
    onCommit = () => {
      writes += 1;
      table = `# ${writes}\n`;
    };
    expect(await put()).toBe('invalid');
    expect(writes).toBe(3);
    expect(faults.lasting('table-invalid')).toMatchObject({ blocking: true, facts: { line: null } });
  });
});

describe('a new version that cannot be removed', () => {
  it('is named in the log, and changes nothing about what came of it', async () => {
    onDiscard = () => {
      throw new FileError('busy');
    };
    expect(await put()).toBe('in-place');
    expect(errors).toEqual([expect.stringMatching(/could not be removed: busy$/)]);
  });

  it('by a bug ends the work', async () => {
    onDiscard = () => {
      throw new TypeError('a bug');
    };
    await expect(put()).rejects.toThrow('a bug');
  });
});

it('a mark of ours outside the block is a fault that holds nothing back, until it is removed', async () => {
  table = `${BLOCK}# >>> screenpass\n`;
  expect(await put()).toBe('in-place');
  expect(faults.lasting('table-invalid', 'marks')).toMatchObject({ blocking: false });
  table = BLOCK;
  expect(await put()).toBe('in-place');
  expect(faults.all()).toEqual([]);
});

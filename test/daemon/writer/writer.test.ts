import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { network } from '../../../src/core/net/network.ts';
import { entryOf } from '../../../src/core/policy/entry.ts';
import { EMPTY_STATE, type State } from '../../../src/core/state/state.ts';
import { renderBlock } from '../../../src/core/table/managed-block.ts';
import { digestOf } from '../../../src/daemon/writer/desired-table.ts';
import { EngineError } from '../../../src/ports.ts';
import { CONTAINER, entry, NOON, TABLE, WriterBench } from '../../double/writer-bench.ts';

const SES = entry('amazon-ses');
const MAILGUN = entry('mailgun');
const NETWORKS = { 'amazon-ses': [network('54.240.0.0/17')], mailgun: [network('69.72.32.0/20')] };
const SES_BLOCK = renderBlock([{ entry: SES, networks: NETWORKS['amazon-ses'] }]);
const ASK_SES = 'postmap -q 54.240.0.0 cidr:/etc/screenpass/.table.tmp';
const EMPTY_BLOCK = renderBlock([]);

let bench: WriterBench;
beforeEach(() => {
  bench = new WriterBench();
});
afterEach(() => bench.stop());

/** Another one in place of the bench. */
function other(...given: ConstructorParameters<typeof WriterBench>): WriterBench {
  bench = new WriterBench(...given);
  return bench;
}

describe('an entry', () => {
  it('is saved, written, reported, loaded and saved again, in this order', async () => {
    await bench.serve();
    bench.steps.length = 0;
    await bench.open(SES);
    expect(bench.steps).toEqual([
      'save',
      ASK_SES,
      'save',
      'table',
      'postfix reload',
      'save',
      'save',
      `postmap -q 54.240.0.0 cidr:${TABLE}`,
      'save',
    ]);
    expect(bench.table).toBe(SES_BLOCK);
    expect(bench.kinds()).toEqual(['sender-allowed', 'reload-done']);
    expect(bench.alerts[0]).toEqual({
      kind: 'sender-allowed',
      id: 'amazon-ses 2026-11-24T12:00:00.000Z',
      fields: {
        ...{ sender: 'amazon-ses', networks: 1, cause: 'dnsbl 550', effect: 'table-written' },
        since: '2026-11-24T12:00:00.000Z',
      },
    });
    expect(bench.fieldsOf('reload-done')).toEqual({ senders: ['amazon-ses'], ms: 0, attempts: 1 });
    const last = bench.saved.at(-1);
    expect(last).toMatchObject({ written: digestOf(SES_BLOCK), loaded: digestOf(SES_BLOCK) });
    expect(last?.entries).toEqual([{ ...SES, announced: true, inForce: NOON }]);
  });

  it('is on disk with the digest of its table before the table has it', async () => {
    await bench.serve();
    const tables: (string | undefined)[] = [];
    bench.onSave = (state) => {
      if (state.written === digestOf(SES_BLOCK)) tables.push(bench.table);
    };
    await bench.open(SES);
    expect(tables[0]).not.toBe(SES_BLOCK);
    expect(bench.table).toBe(SES_BLOCK);
  });

  it('is shown to Postfix while it is saved, and gets into the table after that', async () => {
    await bench.serve();
    let release = () => {};
    bench.onSave = () =>
      new Promise((released) => {
        release = released;
      });
    await bench.open(SES);
    const shown = [bench.count(ASK_SES), bench.table];
    bench.onSave = () => {};
    release();
    await bench.settled();
    expect(shown).toEqual([1, EMPTY_BLOCK]);
    expect(bench.table).toBe(SES_BLOCK);
  });

  it('of SCREENPASS_PRESEED is reported as one', async () => {
    other({ entries: [entry('amazon-ses', { cause: null })] });
    await bench.serve();
    expect(bench.fieldsOf('sender-allowed')).toMatchObject({ cause: 'preseed' });
  });

  it('that is new is what Postfix is asked about; without a new one, one of the others', async () => {
    other({ entries: [{ ...SES, announced: true }] });
    await bench.serve();
    expect(bench.count(ASK_SES)).toBe(1);
    await bench.open({ ...SES, announced: true }, MAILGUN);
    expect(bench.count(ASK_SES)).toBe(1);
    expect(bench.count('postmap -q 69.72.32.0 cidr:/etc/screenpass/.table.tmp')).toBe(1);
    expect(bench.kinds().filter((kind) => kind === 'sender-allowed')).toHaveLength(1);
  });

  it('that grew while it was loaded is not in force, and is reported when all of it is', async () => {
    other({}, { networksOf: ({ networks }) => networks.map(network) });
    await bench.serve();
    const grown = entry('amazon-ses', { scope: 'network', networks: ['54.240.0.0/17', '199.255.192.0/22'] });
    let isFirst = true;
    bench.onExec = (command) => {
      if (command.startsWith('postmap') && isFirst) {
        isFirst = false;
        bench.writer.update({ ...bench.writer.state, entries: [grown] });
      }
      return undefined;
    };
    await bench.open(entry('amazon-ses', { scope: 'network', networks: ['54.240.0.0/17'] }));
    expect(bench.count('table')).toBe(3);
    expect(bench.kinds().filter((kind) => kind === 'sender-allowed')).toHaveLength(1);
    expect(bench.writer.state.entries).toEqual([{ ...grown, announced: true }]);
    await bench.pass(15_000);
    expect(bench.writer.state.entries).toEqual([{ ...grown, announced: true, inForce: NOON + 15_000 }]);
  });

  it.each([
    ['the administrator allowed more of', { granted: NOON + 60_000 }, null],
    ['only was seen', { lastSeen: NOON + 1 }, NOON],
  ])('that %s while Postfix reloads', async (_, change, inForce) => {
    await bench.serve();
    bench.onExec = (command) => {
      if (command === 'postfix reload' && entryOf(bench.writer.state, 'amazon-ses')?.lastSeen === NOON) {
        const entries = [{ ...SES, announced: true, ...change }];
        bench.onExec = () => undefined;
        bench.logsReload = true;
        bench.writer.update({ ...bench.writer.state, entries });
      }
      return undefined;
    };
    bench.writer.update({ ...bench.writer.state, entries: [SES] });
    await bench.settled();
    expect(entryOf(bench.writer.state, 'amazon-ses')?.inForce).toBe(inForce);
  });

  it('that was granted before the table was written and is still, is in force', async () => {
    await bench.serve();
    await bench.open({ ...SES, granted: NOON + 60_000 });
    expect(entryOf(bench.writer.state, 'amazon-ses')?.inForce).toBe(NOON);
  });

  it('keeps the time from which it is in force when others are loaded', async () => {
    await bench.serve();
    await bench.open(SES);
    await bench.pass(60_000);
    await bench.open(...bench.writer.state.entries, MAILGUN);
    expect(bench.writer.state.entries.map(({ inForce }) => inForce)).toEqual([NOON, NOON + 60_000]);
  });

  it('that lost its time in force, though it opens the same, is proven again', async () => {
    await bench.serve();
    await bench.open(SES);
    await bench.pass(15_000);
    await bench.open(...bench.writer.state.entries, MAILGUN);
    const [ses, mailgun] = bench.writer.state.entries;
    await bench.open({ ...SES, announced: true }, mailgun ?? MAILGUN);
    expect(bench.writer.status().reload).toBe('pending');
    await bench.pass(15_000);
    expect(ses).toMatchObject({ inForce: NOON });
    expect(bench.writer.state.entries).toEqual([{ ...ses, inForce: NOON + 30_000 }, mailgun]);
    expect(bench.writer.status().reload).toBe('done');
    await bench.pass(15_000);
    expect(bench.count('postfix reload')).toBe(3);
    expect(bench.count('table')).toBe(3);
  });

  it('that left while Postfix reloads stays away', async () => {
    await bench.serve();
    bench.onExec = (command) => {
      if (command === 'postfix reload') bench.writer.update({ ...bench.writer.state, entries: [] });
      return undefined;
    };
    await bench.open(SES);
    expect(bench.writer.state.entries).toEqual([]);
    await bench.pass(15_000);
    expect(bench.table).toBe(EMPTY_BLOCK);
    expect(bench.count('postfix reload')).toBe(2);
  });
});

describe('without a mail container', () => {
  it('an empty table is created, no entry is written or reported, and the table is looked at each ten seconds', async () => {
    await bench.start();
    expect(bench.table).toBe(EMPTY_BLOCK);
    await bench.open(SES);
    expect(bench.table).toBe(EMPTY_BLOCK);
    expect(bench.alerts).toEqual([]);
    const reads = bench.tableReads;
    await bench.pass(9_999);
    expect(bench.tableReads).toBe(reads);
    await bench.pass(1);
    expect(bench.tableReads).toBe(reads + 1);
    expect(bench.count('post')).toBe(0);
  });

  it('the state is saved before the table is looked at, since a mail container may come meanwhile', async () => {
    bench.onSave = async () => {
      await new Promise((turned) => setImmediate(turned));
      if (bench.writer.status().following === null) bench.writer.serve(CONTAINER);
    };
    await bench.start();
    expect(bench.steps.slice(0, 2)).toEqual(['save', 'postfix status']);
  });

  it('one that leaves is asked nothing more', async () => {
    await bench.serve();
    await bench.serve(null);
    expect(bench.writer.status().following).toBeNull();
    const commands = bench.count('post');
    await bench.open(SES);
    await bench.pass(60_000);
    expect(bench.count('post')).toBe(commands);
    expect(bench.faults.all()).toEqual([]);
  });
});

describe('a mail container that starts', () => {
  it('is asked each two seconds whether Postfix is up, and nothing else, and its table is left alone', async () => {
    bench.postfixRuns = false;
    await bench.serve();
    await bench.open(SES);
    const asked = bench.count('postfix status');
    await bench.pass(1_999);
    expect(bench.count('postfix status')).toBe(asked);
    await bench.pass(1);
    expect(bench.count('postfix status')).toBe(asked + 1);
    expect(bench.steps.filter((step) => step.startsWith('post') && step !== 'postfix status')).toEqual([]);
    expect(bench.table).toBe(EMPTY_BLOCK);
  });

  it('may take three minutes, and is a fault then when an entry waits for it', async () => {
    bench.postfixRuns = false;
    await bench.serve();
    for (let second = 0; second < 400; second += 2) await bench.pass(2_000);
    expect(bench.alerts).toEqual([]);
    expect(bench.faults.all()).toEqual([]);
    await bench.open(SES);
    for (let second = 0; second < 179; second += 1) await bench.pass(1_000);
    expect(bench.alerts).toEqual([]);
    expect(bench.faults.lasting('reload-failed')?.since).toBe(NOON + 400_000);
    for (let second = 0; second < 62; second += 1) await bench.pass(1_000);
    expect(bench.kinds()).toEqual(['reload-failed']);
    expect(bench.fieldsOf('reload-failed')).toMatchObject({
      reason: 'Postfix does not run in the mail container',
    });
  });

  it('is no fault when Postfix comes up within that time', async () => {
    bench.postfixRuns = false;
    await bench.serve();
    await bench.open(SES);
    await bench.pass(10_000);
    bench.postfixRuns = true;
    bench.writer.reloaded(bench.clock.now());
    await bench.settled();
    expect(bench.kinds()).toEqual(['sender-allowed', 'reload-done']);
    expect(bench.faults.all()).toEqual([]);
  });
});

describe('a postscreen that does not use the table', () => {
  it('gets the entry written, reported as not wired, and is not reloaded', async () => {
    bench.accessList = 'permit_mynetworks';
    await bench.serve();
    await bench.open(SES);
    expect(bench.table).toBe(SES_BLOCK);
    expect(bench.fieldsOf('sender-allowed')).toMatchObject({ effect: 'not-wired' });
    expect(bench.count('postfix reload')).toBe(0);
    expect(bench.writer.status()).toMatchObject({ wiring: 'not-wired', reload: 'pending' });
    await bench.open();
    expect(bench.faults.all()).toMatchObject([{ kind: 'not-wired', subject: '' }]);
    expect(bench.count(`postmap -q 54.240.0.0 cidr:${TABLE}`)).toBe(0);
  });

  it('is not asked about its list', async () => {
    other({ entries: [{ ...SES, announced: true, inForce: NOON }], loaded: digestOf(SES_BLOCK) });
    bench.table = SES_BLOCK;
    bench.accessList = 'permit_mynetworks';
    await bench.serve();
    // What is asked is the table alone.
    expect(bench.count(`postmap -q 54.240.0.0 cidr:${TABLE}`)).toBe(1);
    expect(bench.faults.all()).toMatchObject([{ kind: 'not-wired', subject: '' }]);
  });

  it('is reloaded once it does, after a line of the log about a reload', async () => {
    bench.accessList = 'permit_mynetworks';
    await bench.serve();
    await bench.open(SES);
    bench.accessList = `cidr:${TABLE}`;
    bench.writer.reloaded(bench.clock.now());
    await bench.settled();
    expect(bench.count('postfix reload')).toBe(1);
    expect(bench.writer.status()).toMatchObject({ wiring: 'wired', reload: 'done' });
  });
});

describe('a reload', () => {
  it('is not needed for a table that never had an entry, nor for one that is loaded', async () => {
    await bench.serve();
    expect(bench.count('postfix reload')).toBe(0);
    await bench.open(SES);
    await bench.pass(10_000);
    await bench.pass(10_000);
    expect(bench.count('postfix reload')).toBe(1);
    await bench.open();
    await bench.pass(10_000);
    expect(bench.count('postfix reload')).toBe(2);
    expect(bench.writer.state.loaded).toBe(digestOf(EMPTY_BLOCK));
  });

  it('comes once for what changed within the interval after the last one', async () => {
    await bench.serve();
    await bench.open(SES);
    await bench.pass(5_000);
    await bench.open(...bench.writer.state.entries, MAILGUN);
    await bench.pass(9_999);
    expect(bench.count('postfix reload')).toBe(1);
    await bench.pass(1);
    expect(bench.count('postfix reload')).toBe(2);
    expect(bench.writer.status().reloadedAt).toBe(NOON + 15_000);
  });

  it('that fails is tried again after 1, 2 and 4 s, and no sooner, and is reported after a minute', async () => {
    await bench.serve();
    bench.onExec = (command) =>
      command === 'postfix reload' ? { exitCode: 1, stdout: '', stderr: 'no\n' } : undefined;
    await bench.open(SES);
    for (const [wait, tries] of [
      [999, 1],
      [1, 2],
      [1_999, 2],
      [1, 3],
      [3_999, 3],
      [1, 4],
    ] as const) {
      await bench.pass(wait);
      expect(bench.count('postfix reload')).toBe(tries);
    }
    expect(bench.writer.status().reload).toBe('failing');
    expect(bench.kinds()).toEqual(['sender-allowed']);
    for (let second = 7; second < 63; second += 1) await bench.pass(1_000);
    expect(bench.kinds()).toEqual(['sender-allowed', 'reload-failed']);
    bench.onExec = () => undefined;
    await bench.pass(60_000);
    expect(bench.kinds().slice(2)).toEqual(['reload-done', 'reload-recovered']);
    expect(bench.writer.status().reload).toBe('done');
  });

  it('that is not needed any more ends the fault of the one that failed', async () => {
    await bench.serve();
    bench.onExec = (command) =>
      command === 'postfix reload' ? { exitCode: 1, stdout: '', stderr: 'no\n' } : undefined;
    await bench.open(SES);
    expect(bench.faults.lasting('reload-failed')).toBeDefined();
    await bench.open();
    await bench.pass(1_000);
    expect(bench.faults.lasting('reload-failed')).toBeUndefined();
    expect(bench.writer.status().reload).toBe('done');
  });

  it('proven by a line of the log while it is asked for does not have the wiring looked at again', async () => {
    await bench.serve();
    const looks = bench.count('postconf -M');
    await bench.open(SES);
    expect(bench.count('postconf -M')).toBe(looks);
    bench.writer.reloaded(bench.clock.now());
    await bench.settled();
    expect(bench.count('postconf -M')).toBe(looks + 1);
  });
});

describe('an Engine that fails', () => {
  const failing = (kind: 'failed' | 'unreachable' | 'denied') => {
    bench.onExec = () => Promise.reject(new EngineError(kind, 'the Engine says no'));
  };

  it('is no fault for a minute, and is tried again after 1 and 2 s', async () => {
    await bench.serve();
    await bench.pass(10_000);
    failing('unreachable');
    await bench.open(SES);
    expect(bench.count(ASK_SES)).toBe(1);
    await bench.pass(999);
    expect(bench.count(ASK_SES)).toBe(1);
    await bench.pass(1);
    expect(bench.count(ASK_SES)).toBe(2);
    await bench.pass(2_000);
    expect(bench.count(ASK_SES)).toBe(3);
    expect(bench.alerts).toEqual([]);
    expect(bench.writer.status().reload).toBe('failing');
    for (let second = 0; second < 60; second += 1) await bench.pass(1_000);
    expect(bench.kinds()).toEqual(['reload-failed']);
    expect(bench.fieldsOf('reload-failed')).toMatchObject({ reason: 'the Engine says no' });
    bench.onExec = () => undefined;
    await bench.pass(60_000);
    expect(bench.kinds().slice(1)).toEqual(['sender-allowed', 'reload-done', 'reload-recovered']);
  });

  it('by its own refusal is reported at once, with what to do', async () => {
    failing('denied');
    await bench.serve();
    expect(bench.kinds()).toEqual(['reload-failed']);
    expect(bench.fieldsOf('reload-failed')).toMatchObject({
      reason: expect.stringMatching(/^the Engine says no\. .*socket proxy/),
    });
  });

  describe('in the middle of a reload', () => {
    const failingReload = (kind: 'unreachable' | 'denied') => {
      bench.onExec = (command) =>
        command === 'postfix reload' ? Promise.reject(new EngineError(kind, 'cut')) : undefined;
    };

    it('leaves the table written and reported, the entry not in force, and the reload due after 1 s', async () => {
      await bench.serve();
      failingReload('unreachable');
      await bench.open(SES);
      expect([bench.table, bench.kinds()]).toEqual([SES_BLOCK, ['sender-allowed']]);
      expect(bench.writer.state).toMatchObject({ loaded: null, entries: [{ inForce: null }] });
      expect(bench.faults.lasting('reload-failed')).toMatchObject({ reason: 'cut', tries: 1 });
      expect(bench.writer.status()).toMatchObject({ reload: 'failing', reloadedAt: null });
      await bench.pass(999);
      expect(bench.count('postfix reload')).toBe(1);
      bench.onExec = () => undefined;
      await bench.pass(1);
      expect(bench.count('postfix reload')).toBe(2);
      expect(bench.fieldsOf('reload-done')).toMatchObject({ attempts: 2 });
      expect(bench.writer.state.entries).toMatchObject([{ inForce: NOON + 1_000 }]);
      expect(bench.faults.all()).toEqual([]);
    });

    it('that Postfix did all the same is done again: its line of the log proves no later try', async () => {
      await bench.serve();
      failingReload('unreachable');
      await bench.open(SES);
      bench.onExec = () => undefined;
      const looks = bench.count('postconf -M');
      bench.writer.reloaded(bench.clock.now());
      await bench.settled();
      expect(bench.count('postconf -M')).toBe(looks + 1);
      expect(bench.count('postfix reload')).toBe(2);
      expect(bench.writer.status().reload).toBe('done');
    });

    it('that is refused is reported at once, and nothing is written in vain', async () => {
      await bench.serve();
      failingReload('denied');
      await bench.open(SES);
      expect(bench.kinds()).toEqual(['sender-allowed', 'reload-failed']);
      const tables = bench.count('table');
      await bench.pass(60_000);
      expect(bench.count('table')).toBe(tables);
      expect(bench.kinds()).toHaveLength(2);
    });
  });

  it('when screenpass stops is no fault', async () => {
    await bench.serve();
    let stopped: Promise<void> = Promise.resolve();
    bench.onExec = () => {
      stopped = bench.stop();
      return Promise.reject(new EngineError('unreachable', 'aborted'));
    };
    await bench.open(SES);
    await stopped;
    expect(bench.saved.at(-1)?.faults).toEqual([]);
  });

  it('is tried at once when the mail container is another one, or Postfix starts', async () => {
    failing('failed');
    await bench.serve();
    bench.steps.length = 0;
    await bench.serve({ ...CONTAINER });
    expect(bench.count('postfix status')).toBe(0);
    await bench.serve({ ...CONTAINER, run: 'c1 second' });
    expect(bench.count('postfix status')).toBe(1);
    bench.writer.reloaded(bench.clock.now());
    await bench.settled();
    expect(bench.count('postfix status')).toBe(2);
  });

  it('while the state cannot be saved leaves the save no unhandled promise, and both faults last', async () => {
    bench.saveFailure = 'no space';
    failing('failed');
    await bench.serve();
    expect(bench.faults.all().map(({ kind }) => kind)).toEqual(['reload-failed', 'state-unsaved']);
  });
});

describe('a table', () => {
  it('that cannot be replaced is tried again after 1 and 2 s, and is reported at once', async () => {
    await bench.serve();
    bench.tableFailure = 'read-only';
    await bench.open(SES);
    expect(bench.kinds()).toEqual(['table-invalid']);
    expect(bench.writer.status().reload).toBe('failing');
    const reads = bench.tableReads;
    await bench.pass(999);
    expect(bench.tableReads).toBe(reads);
    await bench.pass(1);
    expect(bench.tableReads).toBe(reads + 1);
    await bench.pass(1_999);
    expect(bench.tableReads).toBe(reads + 1);
    bench.tableFailure = null;
    await bench.pass(1);
    expect(bench.table).toBe(SES_BLOCK);
    expect(bench.kinds()).toEqual(['table-invalid', 'table-valid', 'sender-allowed', 'reload-done']);
  });

  it('with a bad line of the operator is a fault that holds nothing back', async () => {
    await bench.serve();
    bench.onExec = (command) => {
      if (!command.startsWith('postmap')) return undefined;
      const stderr = 'postmap: warning: cidr map /t, line 1: bad net/mask pattern: skipping this rule\n';
      return { exitCode: 0, stdout: 'permit\n', stderr };
    };
    bench.table = `nonsense\n${EMPTY_BLOCK}`;
    await bench.open(SES);
    expect(bench.kinds()).toEqual(['table-invalid', 'sender-allowed', 'reload-done']);
    expect(bench.writer.status().reload).toBe('done');
    const reads = bench.tableReads;
    await bench.pass(10_000);
    expect(bench.tableReads).toBe(reads + 1);
  });

  it('that somebody altered is restored and loaded, and forgets what was known of the entries', async () => {
    await bench.serve();
    await bench.open(SES);
    bench.faults.failed({
      kind: 'sender-still-refused',
      subject: 'amazon-ses',
      reason: '',
      facts: {},
      graceMs: 60_000,
    });
    bench.table = SES_BLOCK.replace('54.240.0.0/17 permit\n', '');
    bench.logsReload = false;
    await bench.pass(20_000);
    expect(bench.table).toBe(SES_BLOCK);
    expect(bench.fieldsOf('table-restored')).toEqual({ reason: 'altered' });
    expect(bench.writer.state).toMatchObject({ loaded: null, entries: [{ inForce: null }] });
    expect(bench.faults.all()).toEqual([]);
    bench.writer.reloaded(bench.clock.now());
    await bench.settled();
    expect(bench.writer.state).toMatchObject({
      loaded: digestOf(SES_BLOCK),
      entries: [{ inForce: NOON + 20_000 }],
    });
  });

  it('that an earlier process left, loaded or only written, is no alteration', async () => {
    for (const known of ['loaded', 'written'] as const) {
      other({ entries: [{ ...SES, announced: true, inForce: NOON }, MAILGUN], [known]: digestOf(SES_BLOCK) });
      bench.table = SES_BLOCK;
      await bench.serve();
      expect(bench.kinds()).toEqual(['sender-allowed', 'reload-done']);
      await bench.stop();
    }
  });

  it('that is another than the one an earlier process left is restored', async () => {
    other({ entries: [{ ...SES, announced: true, inForce: NOON }], loaded: digestOf(SES_BLOCK) });
    bench.table = '198.51.100.7 reject\n';
    await bench.serve();
    expect(bench.fieldsOf('table-restored')).toEqual({ reason: 'missing' });
  });

  it('is looked at by Postfix again in another run of the mail container, and not in the same', async () => {
    other({ entries: [{ ...SES, announced: true, inForce: NOON }], loaded: digestOf(SES_BLOCK) });
    bench.table = SES_BLOCK;
    await bench.serve();
    // The table, and a sample of the list.
    expect(bench.count('postmap')).toBe(2);
    await bench.serve({ ...CONTAINER });
    expect(bench.count('postmap')).toBe(2);
    await bench.serve({ ...CONTAINER, run: 'c1 second' });
    expect(bench.count('postmap')).toBe(3);
  });
});

describe('an item in front of the table', () => {
  const BROKEN = 'cidr:/etc/mine.cidr';
  const FATAL = {
    exitCode: 1,
    stdout: '',
    stderr: 'postmap: fatal: open /etc/mine.cidr: Permission denied\n',
  };
  beforeEach(async () => {
    bench.accessList = `${BROKEN}, cidr:${TABLE}`;
    bench.onExec = (command) => (command.endsWith(BROKEN) ? FATAL : undefined);
    await bench.serve();
    await bench.open(SES);
  });

  it('that Postfix cannot read is a fault of the wiring, and the next entry is reported as not wired', async () => {
    expect(bench.writer.status()).toMatchObject({ wiring: 'not-wired', reload: 'done' });
    await bench.open(...bench.writer.state.entries, MAILGUN);
    expect(bench.fieldsOf('sender-allowed')).toMatchObject({ sender: 'mailgun', effect: 'not-wired' });
  });

  it('that is repaired has Postfix read its tables again', async () => {
    bench.onExec = (command) => (command.endsWith(BROKEN) ? { ...FATAL, stderr: '' } : undefined);
    await bench.pass(10_000);
    expect(bench.writer.status()).toMatchObject({ wiring: 'wired', reload: 'pending' });
    await bench.pass(5_000);
    expect(bench.count('postfix reload')).toBe(2);
    expect(bench.writer.state.entries).toMatchObject([{ inForce: NOON + 15_000 }]);
  });

  it('that postscreen warns of is looked into at once, and once for the same warning', async () => {
    await bench.pass(60_000);
    const asked = () => bench.count(`postmap -q 54.240.0.0 ${BROKEN}`);
    const before = asked();
    bench.writer.warned('a warning about something else');
    await bench.settled();
    expect(asked()).toBe(before);
    const warning = `postscreen_access_list: ${BROKEN}: table lookup error -- ignoring the remainder of this access list`;
    bench.writer.warned(warning);
    await bench.settled();
    const after = asked();
    expect(after).toBeGreaterThan(before);
    bench.writer.warned(warning);
    await bench.settled();
    expect(asked()).toBe(after);
  });
});

describe('the state', () => {
  it('that cannot be saved is a fault until it is, and a lost one until the first save', async () => {
    bench.faults.failed({ kind: 'state-lost', subject: '', reason: 'missing', facts: {} });
    bench.saveFailure = 'no space';
    await bench.serve();
    expect(bench.kinds()).toEqual(['state-lost', 'state-unsaved']);
    expect(bench.fieldsOf('state-unsaved')).toMatchObject({ reason: 'no space' });
    expect(bench.faults.lasting('state-unsaved')?.blocking).toBe(true);
    await bench.open(SES);
    expect(bench.table).toBe(SES_BLOCK);
    bench.saveFailure = null;
    await bench.writer.save();
    expect(bench.faults.all()).toEqual([]);
    expect(bench.kinds().slice(-2)).toEqual(['state-saved', 'state-saved']);
  });

  it('is saved each ten seconds, and by nothing but what the table or a list needs sooner', async () => {
    await bench.serve();
    const saves = bench.count('save');
    bench.writer.update({ ...bench.writer.state, refusals: { mailgun: [NOON] } });
    await bench.pass(9_999);
    expect(bench.count('save')).toBe(saves);
    await bench.pass(1);
    expect(bench.count('save')).toBeGreaterThan(saves);
    expect(bench.saved.at(-1)?.refusals).toEqual({ mailgun: [NOON] });
  });

  it.each([
    ['entries', { entries: [SES] }],
    ['senders', { senders: {} }],
    ['vetoes', { vetoes: [] }],
  ] as [string, Partial<State>][])('with other %s is saved at once', async (_, change) => {
    await bench.serve();
    const saves = bench.count('save');
    bench.writer.update({ ...bench.writer.state, ...change });
    await bench.settled();
    expect(bench.count('save')).toBeGreaterThan(saves);
  });

  it('is saved as it is when screenpass stops', async () => {
    await bench.serve();
    bench.writer.update({ ...bench.writer.state, gaveUp: { mailgun: NOON } });
    await bench.stop();
    expect(bench.saved.at(-1)?.gaveUp).toEqual({ mailgun: NOON });
  });

  it('that a command of the administrator saves is that of now', async () => {
    await bench.writer.save();
    expect(bench.saved).toEqual([EMPTY_STATE]);
  });
});

describe('in observe mode', () => {
  it('an entry is reported as what would be, and neither table nor Postfix is touched', async () => {
    other({ entries: [SES] }, { mode: 'observe' });
    await bench.serve();
    expect(bench.fieldsOf('sender-allowed')).toMatchObject({ effect: 'observed' });
    expect(bench.writer.state.entries[0]?.announced).toBe(true);
    await bench.pass(10_000);
    expect(bench.kinds()).toEqual(['sender-allowed']);
    expect(bench.steps.filter((step) => step !== 'save')).toEqual([]);
    expect(bench.tableReads).toBe(0);
    expect(bench.writer.status().reload).toBe('observing');
    const saves = bench.count('save');
    await bench.pass(9_999);
    expect(bench.count('save')).toBe(saves);
    await bench.pass(1);
    expect(bench.count('save')).toBeGreaterThan(saves);
  });
});

describe('the status', () => {
  it('counts rules, names the container, and is done where nothing is to be loaded', async () => {
    expect(bench.writer.status()).toEqual({
      ...{ following: null, wiring: 'unknown', reload: 'done', rules: 0, reloadedAt: null },
    });
    bench.logsReload = false;
    await bench.serve();
    await bench.open(SES, MAILGUN);
    expect(bench.writer.status()).toEqual({
      ...{ following: 'c1', wiring: 'wired', reload: 'pending', rules: 2, reloadedAt: null },
    });
    bench.writer.reloaded(NOON);
    await bench.settled();
    expect(bench.writer.status()).toMatchObject({ reload: 'done', reloadedAt: NOON });
    expect(bench.writer.sections().map(({ networks }) => networks)).toEqual([
      NETWORKS['amazon-ses'],
      NETWORKS.mailgun,
    ]);
  });
});

describe('a bug', () => {
  it('ends the work, also one of the save, and no other error is taken for a fault', async () => {
    await bench.serve();
    bench.onExec = () => Promise.reject(new TypeError('a bug'));
    bench.writer.update({ ...bench.writer.state, entries: [SES] });
    await bench.settled();
    await expect(bench.stop()).rejects.toThrow('a bug');
    expect(bench.faults.all()).toEqual([]);
    other();
    await bench.serve();
    bench.onSave = () => Promise.reject(new TypeError('a bug of the save'));
    await bench.open(SES);
    await expect(bench.stop()).rejects.toThrow('a bug of the save');
    bench = new WriterBench();
  });

  it('of the table does not leave a save to go on by itself', async () => {
    await bench.serve();
    let saves = 0;
    bench.onExec = () => Promise.reject(new TypeError('a bug'));
    bench.onSave = async () => {
      for (let turn = 0; turn < 5; turn += 1) await new Promise((turned) => setImmediate(turned));
      saves += 1;
    };
    const savesAtEnd = bench.ended.catch(() => saves);
    await bench.open(SES);
    expect(await savesAtEnd).toBe(1);
    bench = new WriterBench();
  });
});

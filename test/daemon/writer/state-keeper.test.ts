import { describe, expect, it } from 'vitest';
import { EMPTY_STATE, STATE_VERSION } from '../../../src/core/state/state.ts';
import { createStateKeeper } from '../../../src/daemon/writer/state-keeper.ts';
import { FileError } from '../../../src/ports.ts';
import { TestClock } from '../../double/clock.ts';

const NOON = Date.parse('2026-11-24T12:00:00Z');
const NEXT = { ...EMPTY_STATE, gaveUp: { mailgun: NOON } };

/** A file of which each call can fail. */
class StateFile {
  text: string | undefined;
  readonly asides = new Map<string, string>();
  writes = 0;
  failing: { readonly call: 'read' | 'write' | 'setAside'; readonly error: Error } | null = null;

  constructor(text?: string) {
    this.text = text;
  }

  readonly file = {
    read: async () => {
      this.#refuse('read');
      return this.text;
    },
    write: async (text: string) => {
      this.writes += 1;
      this.#refuse('write');
      this.text = text;
    },
    setAside: async (suffix: string) => {
      this.#refuse('setAside');
      this.asides.set(suffix, this.text ?? '');
      this.text = undefined;
      return `/var/lib/screenpass/state.json.${suffix}`;
    },
  };

  keeper() {
    const quiet = () => {};
    const report = { alert: quiet, error: quiet, info: quiet, debug: quiet, flushed: async () => {} };
    return createStateKeeper({ state: this.file, clock: new TestClock(NOON), report });
  }

  #refuse(call: 'read' | 'write' | 'setAside') {
    if (this.failing?.call === call) throw this.failing.error;
  }
}

const REFUSED = new FileError('read-only');
const BUG = new TypeError('a bug');

describe('the saved state', () => {
  it('is found missing, or as it was saved', async () => {
    const files = new StateFile();
    expect(await files.keeper().find()).toEqual({ kind: 'missing' });
    expect(await files.keeper().save(NEXT)).toBeNull();
    expect(await files.keeper().find()).toEqual({ kind: 'there', state: NEXT });
    expect(files.text?.endsWith('}\n')).toBe(true);
  });

  it('is written only when it is another one than was saved last', async () => {
    const files = new StateFile();
    const keeper = files.keeper();
    await keeper.save(EMPTY_STATE);
    await keeper.save({ ...EMPTY_STATE });
    expect(files.writes).toBe(1);
    await keeper.save(NEXT);
    await keeper.save(EMPTY_STATE);
    expect(files.writes).toBe(3);
  });

  it('that was not saved is written by the next save, also when it is the same', async () => {
    const files = new StateFile();
    const keeper = files.keeper();
    files.failing = { call: 'write', error: REFUSED };
    expect(await keeper.save(NEXT)).toBe(REFUSED);
    files.failing = null;
    expect(await keeper.save(NEXT)).toBeNull();
    expect(await files.keeper().find()).toEqual({ kind: 'there', state: NEXT });
  });

  it.each([
    ['{', 'damaged', 'damaged-2026-11-24T12:00:00.000Z'],
    [`{"version":${STATE_VERSION + 1}}`, 'newer', `version-${STATE_VERSION + 1}-2026-11-24T12:00:00.000Z`],
  ])('%s is put aside under a name that says why and when', async (text, kind, suffix) => {
    const files = new StateFile(text);
    expect(await files.keeper().find()).toMatchObject({
      ...{ kind: 'unusable', why: { kind } },
      aside: `/var/lib/screenpass/state.json.${suffix}`,
    });
    expect([...files.asides]).toEqual([[suffix, text]]);
  });

  it('that cannot be put aside is never written over, and put aside once by the first save that can', async () => {
    const files = new StateFile('{');
    const keeper = files.keeper();
    files.failing = { call: 'setAside', error: REFUSED };
    expect(await keeper.find()).toMatchObject({ kind: 'unusable', aside: null });
    expect(await keeper.save(NEXT)).toBe(REFUSED);
    expect([files.text, files.writes]).toEqual(['{', 0]);
    files.failing = null;
    expect(await keeper.save(NEXT)).toBeNull();
    expect([...files.asides]).toEqual([['damaged-2026-11-24T12:00:00.000Z', '{']]);
    await keeper.save(EMPTY_STATE);
    expect(files.asides.size).toBe(1);
  });

  it('that cannot be opened, and a bug, are no missing state and no failed save', async () => {
    for (const error of [REFUSED, BUG]) {
      const files = new StateFile();
      files.failing = { call: 'read', error };
      await expect(files.keeper().find()).rejects.toBe(error);
    }
    const files = new StateFile('{');
    files.failing = { call: 'setAside', error: BUG };
    await expect(files.keeper().find()).rejects.toBe(BUG);
    files.failing = { call: 'write', error: BUG };
    await expect(files.keeper().save(NEXT)).rejects.toBe(BUG);
  });
});

import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { missing } from '../../src/core/base/system-error.ts';
import type { State } from '../../src/core/state/state.ts';
import { readState } from '../../src/core/state/state-schema.ts';
import { splitTable } from '../../src/core/table/managed-block.ts';
import { createTableFile, createWholeFile } from '../../src/edge/file.ts';
import { DyingProcess, Killed } from '../double/file-system.ts';
import { World } from '../double/world.ts';

const SETTINGS = { SCREENPASS_THRESHOLD: '2' };
const OPERATORS = '192.0.2.7 reject\n';
/** Google was refused once, so that counting that twice would open its door. */
const REFUSED = ['54.240.27.75', '54.240.27.76', '74.125.82.41'];

async function stateOf(world: World): Promise<State | undefined> {
  const text = await readFile(world.stateFile, 'latin1').catch(missing);
  if (text === undefined) return undefined;
  const read = readState(text);
  if (!read.ok) throw new Error(`after the kill the state is ${read.kind}: ${read.problem}\n${text}`);
  return read.state;
}

/** Handled to the end, on disk, and used by Postfix. */
async function settled(world: World): Promise<boolean> {
  const { loaded = null, entries = [], refusals = {} } = (await stateOf(world)) ?? {};
  const { google } = refusals;
  const opened = entries.length > 0 && entries.every(({ inForce }) => inForce !== null);
  return loaded !== null && opened && (google !== undefined || entries.length > 1);
}

/** Runs a daemon that is killed before its change no. `last`, then another one, and says what the first one did. */
async function killAt(last: number): Promise<DyingProcess> {
  await using world = await World.create();
  await world.writeTable(OPERATORS);
  for (const ip of REFUSED) expect(await world.connect(ip)).toBe('rejected');
  const first = new DyingProcess(last);
  const state = createWholeFile(world.stateFile, first.files);
  world.start(SETTINGS, { state, table: createTableFile(world.table, first.files) });
  await world.until('it is killed or has done all', async () => first.dead || (await settled(world)));
  await world.stop().catch((error) => {
    if (!(error instanceof Killed)) throw error;
  });

  await stateOf(world);
  const { before, block, after } = splitTable(await world.readTable());
  expect([before, after]).toEqual([OPERATORS, '']);
  if (block !== null)
    expect(block).toMatch(/^# >>> screenpass\n(?:# .*\n|[\da-f.:]+\/\d+ permit\n)*# <<< screenpass\n$/);

  world.start(SETTINGS);
  await world.eventually('all is done', () => settled(world));
  await nothingLostOrDoubled(world);
  return first;
}

async function nothingLostOrDoubled(world: World): Promise<void> {
  const told = world.told('sender-refused');
  const clientById = new Map(told.map(({ id, client }) => [id, client]));
  expect([...clientById.values()]).toEqual(REFUSED);
  // Told again by the second process at most, and then under the same id.
  for (const one of clientById.keys()) {
    expect(told.filter(({ id }) => id === one).length).toBeLessThanOrEqual(2);
  }
  const { entries, refusals } = (await stateOf(world)) ?? {};
  expect(entries?.map(({ sender }) => sender)).toEqual(['amazon-ses']);
  expect(refusals).toEqual({ google: [expect.any(Number)] });
  expect(await world.connect('54.240.27.77')).toBe('allowlisted');
  expect(await world.connect('74.125.82.42')).toBe('rejected');
  await world.until('google is allowed', () =>
    world.told('sender-allowed').some(({ sender }) => sender === 'google'),
  );
}

describe('a daemon that is killed', () => {
  it('before any of its changes on disk leaves them whole, and the next one loses and doubles nothing', async () => {
    const { calls, dead } = await killAt(Number.POSITIVE_INFINITY);
    expect(dead).toBe(false);

    expect(calls).toContain('rename .state.json.tmp state.json');
    expect(calls).toContain('rename .postscreen_access.cidr.tmp postscreen_access.cidr');
    for (const last of calls.keys()) {
      await killAt(last).catch((error) => {
        throw new Error(`killed before no. ${last}: ${calls[last]}`, { cause: error });
      });
    }
  });
});

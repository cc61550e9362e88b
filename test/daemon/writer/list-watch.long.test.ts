// What the daemon says of an access list that names the table and does not let opened senders in.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Status, unhealthy } from '../../../src/core/monitor/status-report.ts';
import { World } from '../../double/world.ts';

const OURS = 'cidr:/etc/screenpass/postscreen_access.cidr';
const FRONT = 'cidr:/etc/screenpass/front.cidr';
const SES = '54.240.27.75';

/** One in which the daemon has opened Amazon SES, behind a table of the operator's with this text; null: it is missing. */
async function behind(front: string | null, list = `permit_mynetworks, ${FRONT}, ${OURS}`): Promise<World> {
  const world = await World.create();
  if (front !== null) await writeFront(world, front);
  world.mail.accessList = list;
  world.mail.idle();
  world.start({ SCREENPASS_PRESEED: 'amazon-ses' });
  await world.eventually('it is loaded', () => world.told('reload-done').length === 1);
  return world;
}

function writeFront(world: World, text: string): Promise<void> {
  return writeFile(join(world.folder, 'front.cidr'), text);
}

async function statusOf(world: World): Promise<Status> {
  const reply = await world.ask('status');
  return (reply as { readonly result: unknown }).result as Status;
}

/** The operator's reload. */
function reload(world: World) {
  return world.mail.exec(['postfix', 'reload']);
}

describe('a list in which something is in the way of the table', () => {
  it.each([
    ['is missing', null, undefined, `${FRONT}: open /etc/screenpass/front.cidr: No such file or directory`],
    [
      'is of another type and missing',
      '',
      `hash:/etc/own, ${OURS}`,
      'hash:/etc/own: open database /etc/own.db',
    ],
    ['has an unknown result', '54.240.0.0/16 OK\n', undefined, `${FRONT}: unknown command: OK`],
    ['rejects everybody', '0.0.0.0/0 reject\n', undefined, `${FRONT} rejects `],
    ['is a word', '', `reject, ${OURS}`, '"reject" answers for '],
  ])('because a table that %s is a fault until it is repaired and loaded', async (_, front, list, reason) => {
    await using world = await behind(front, list);
    expect(await world.connect(SES)).not.toBe('allowlisted');
    const alert = await world.alertLater('not-wired');
    expect(alert.reason.startsWith(reason)).toBe(true);
    expect(alert.remedy).not.toContain('\n');
    const status = await statusOf(world);
    expect(status.wiring).toBe('not-wired');
    expect(unhealthy(status)).toContain(reason);

    await writeFront(world, '198.51.100.0/24 reject\n');
    world.mail.accessList = `permit_mynetworks, ${FRONT}, ${OURS}`;
    await reload(world);
    expect(await world.alertLater('wired')).toMatchObject({ id: alert.id });
    expect(unhealthy(await statusOf(world))).toBeNull();
    expect(await world.connect(SES)).toBe('allowlisted');
    // The operator's reload was enough.
    expect(world.told('reload-done')).toHaveLength(1);
    expect(world.told('not-wired')).toHaveLength(1);
  });

  it('is loaded by screenpass when it was repaired on the disk alone', async () => {
    await using world = await behind('54.240.0.0/16 OK\n');
    await world.alertLater('not-wired');
    await writeFront(world, '54.240.0.0/16 dunno\n');
    world.clock.advance(600_000);
    await world.alertLater('wired');
    await world.alertLater('reload-done', 2);
    expect(await world.connect(SES)).toBe('allowlisted');
  });

  it('is found at each opened network in turn, and stays a fault when others have their turn', async () => {
    await using world = await behind('');
    await world.pass(1_000);
    const last = (await world.readTable()).match(/^\S+(?=\/\d+ permit$)/gm)?.at(-1) ?? '';
    await writeFront(world, `${last} OK\n`);
    for (let round = 0; round < 3; round += 1) {
      world.clock.advance(600_000);
      await world.pass(1_000);
    }
    expect(await world.alertLater('not-wired')).toMatchObject({ reason: expect.stringContaining(last) });
    for (let round = 0; round < 3; round += 1) {
      world.clock.advance(600_000);
      await world.pass(1_000);
    }
    expect(world.told('wired')).toEqual([]);
  });

  it('may have a rule of the operator for a few addresses', async () => {
    await using world = await behind('54.240.0.0/24 reject\n54.240.1.0/24 dunno\n');
    world.clock.advance(600_000);
    await world.pass(90_000);
    expect(world.told('not-wired')).toEqual([]);
  });
});

describe('what postscreen logs of its access list', () => {
  it('is cured by one reload when the tables on the disk are in order', async () => {
    await using world = await behind('');
    await world.pass(1_000);
    await rm(join(world.folder, 'front.cidr'));
    world.mail.idle();
    await writeFront(world, '');
    expect(await world.connect(SES)).not.toBe('allowlisted');
    await world.eventually('it is loaded', () => world.told('reload-done').length === 2);
    expect(await world.connect(SES)).toBe('allowlisted');
    await world.pass(90_000);
    expect(world.told('not-wired')).toEqual([]);
  });

  it('is a fault when the reload does not help, and no reason for more of them', async () => {
    await using world = await behind('');
    const complain = () =>
      world.mail.log(
        'postscreen',
        911,
        `warning: postscreen_access_list: ${FRONT}: table lookup error -- ignoring the remainder of this access list`,
      );
    for (let time = 0; time < 40; time += 1) {
      complain();
      await world.pass(2_000);
    }
    expect(await world.alertLater('not-wired')).toMatchObject({
      reason: `${FRONT}: table lookup error; postscreen logs that it ignores the remainder of the list`,
      remedy: expect.stringContaining('docker exec mailserver postfix reload'),
    });
    expect(world.told('reload-done')).toHaveLength(2);
    world.clock.advance(700_000);
    await world.alertLater('wired');
  });

  it('is reported once where no opened sender is concerned', async () => {
    await using world = await behind('203.0.113.0/24 OK\n');
    await world.connect('203.0.113.9');
    expect(await world.alertLater('list-ignored')).toMatchObject({
      item: FRONT,
      reason: 'unknown command: OK',
    });
    await world.connect('203.0.113.9');
    await world.pass(90_000);
    expect(world.told('list-ignored')).toHaveLength(1);
    expect(world.told('not-wired')).toEqual([]);
    expect(unhealthy(await statusOf(world))).toBeNull();
  });
});

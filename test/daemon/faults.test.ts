// What is wrong, and what alerts, status and health say of it: the daemon over the doubles.
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type Status, unhealthy } from '../../src/core/monitor/status-report.ts';
import { readState } from '../../src/core/state/state-schema.ts';
import { createTableFile } from '../../src/edge/file.ts';
import { World } from '../double/world.ts';

async function status(world: World): Promise<Status> {
  const reply = await world.ask('status');
  if (!reply.ok) throw new Error(reply.problem);
  return reply.result as Status;
}

describe('a reload', () => {
  it.each([
    'fails',
    'unlogged',
  ] as const)('that is wanted while the container stops (%s) is no error, and comes when it is back', async (mode) => {
    await using world = await World.following();
    world.mail.reload = mode;
    await world.connect('54.240.27.75');
    await world.pass(26_000);
    world.engine.stop();
    await world.pass(20_000);
    world.engine.start();
    await world.pass(20_000);
    world.mail.reload = 'works';
    world.mail.boot();
    await world.alertLater('reload-done');
    expect([...world.told('reload-failed'), ...world.told('reload-recovered')]).toEqual([]);
  });
});

describe('a first install', () => {
  it('beside the old container, which stops without line and mount, gives no error', async () => {
    await using world = await World.create();
    world.mail.wiring = 'not-wired';
    world.mail.tableDenied = true;
    world.start({ SCREENPASS_PRESEED: 'amazon-ses' });
    await world.pass(25_000);
    world.mail.wiring = 'wired';
    world.mail.tableDenied = false;
    world.engine.recreate();
    world.mail.boot();
    await world.alertLater('reload-done');
    await world.pass(120_000);
    const kinds = new Set(world.alerts.map(({ alert }) => alert));
    for (const kind of ['not-wired', 'table-invalid', 'reload-failed'] as const)
      expect(kinds).not.toContain(kind);
  });
});

describe('each new run of the mail container', () => {
  it('is one mailserver-back with the seconds it was away, however fast it was', async () => {
    await using world = await World.following();
    for (const seconds of [0, 0.3, 5, 40]) {
      await world.pass(1000);
      const before = world.told('mailserver-back').length;
      world.engine.stop();
      if (seconds > 0) await world.pass(seconds * 1000);
      world.engine.start();
      const { seconds: away } = await world.alertLater('mailserver-back', before + 1);
      expect(Math.abs(away - seconds)).toBeLessThanOrEqual(16);
    }
    await world.pass(60_000);
    expect(world.told('mailserver-back')).toHaveLength(4);
    expect(new Set(world.told('mailserver-back').map(({ id }) => id)).size).toBe(4);
  });

  it('is not a stream that was cut', async () => {
    await using world = await World.following();
    for (let i = 0; i < 3; i += 1) {
      world.engine.cutStreams();
      await world.pass(20_000);
    }
    expect(world.told('mailserver-back')).toEqual([]);
  });
});

describe('after a kill', () => {
  it('a fault keeps its id, and is not reported again', async () => {
    await using world = await World.following();
    const line = 'addr 198.51.100.7 listed by domain zen.spamhaus.org as 127.255.255.254';
    world.mail.log('dnsblog', 912, line);
    const { id } = await world.alert('dnsbl-fault');
    await world.pass(20_000);
    await world.stop();
    world.start();
    await world.until('it started', () => world.told('started').length === 2);
    world.mail.log('dnsblog', 912, line);
    await world.pass(120_000);
    expect(world.told('dnsbl-fault')).toHaveLength(1);
    world.clock.advance(3_600_001);
    world.clock.runJob('* * * * *');
    expect(await world.alert('dnsbl-recovered')).toMatchObject({ id, zone: 'zen.spamhaus.org' });
  });

  it('between table and state, nobody is said to have altered the table', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    await world.pass(20_000);
    const before = await readFile(world.stateFile, 'utf8');
    await world.connect('74.125.82.41');
    await world.alertLater('sender-allowed', 2);
    await world.stop();
    const after = readState(await readFile(world.stateFile, 'utf8'));
    const read = readState(before);
    if (!read.ok || !after.ok) throw new Error('the state cannot be read');
    // What is on disk when the kill comes between the two: the old state, and what was about to be written.
    const { written } = after.state;
    await world.writeState(`${JSON.stringify({ ...read.state, written })}\n`);
    world.start();
    await world.pass(60_000);
    expect(world.told('table-restored')).toEqual([]);
  });
});

describe('an entry that does not help', () => {
  it('is not blamed for refusals while the table was away', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    world.clock.advance(10_000);
    await world.writeTable('# emptied by somebody\n');
    world.mail.idle();
    await world.connect('54.240.27.76');
    await world.alertLater('table-restored');
    await world.pass(60_000);
    expect(world.told('sender-refused').length).toBe(2);
    expect(world.told('sender-still-refused')).toEqual([]);
    expect(unhealthy(await status(world))).toBeNull();
  });

  it('makes health fail until the sender gets through, which is told as recovered', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    await world.connect('54.240.27.76');
    await world.alert('sender-recovered');
    world.clock.advance(10_000);
    world.mail.wiring = 'not-wired';
    world.mail.idle();
    await world.connect('54.240.27.76');
    await world.alertLater('sender-still-refused');
    const { faults } = await status(world);
    expect(faults.find(({ kind }) => kind === 'sender-still-refused')).toMatchObject({ blocking: true });
    expect(unhealthy(await status(world))).not.toBeNull();
    world.mail.wiring = 'wired';
    world.mail.idle();
    await world.connect('54.240.27.76');
    await world.alert('sender-recovered', 2);
    expect(unhealthy(await status(world))).toBeNull();
  });

  it('is over when the entry is revoked', async () => {
    await using world = await World.openedInVain();
    await world.connect('54.240.27.76');
    await world.alertLater('sender-still-refused');
    await world.ask('revoke', { target: 'amazon-ses' });
    world.clock.runJob('* * * * *');
    expect((await status(world)).faults.map(({ kind }) => kind)).not.toContain('sender-still-refused');
  });
});

describe('in observe mode', () => {
  it('a second refusal is not said to be in the table', async () => {
    await using world = await World.following({ SCREENPASS_MODE: 'observe' });
    await world.connect('54.240.27.75');
    await world.connect('54.240.27.76');
    const { reason } = await world.alert('sender-refused', 2);
    expect(reason).toContain('would already be in the table');
  });
});

describe('two refusals by another gate', () => {
  it('at the same moment have two ids', async () => {
    await using world = await World.following();
    const line = (to: string) =>
      `NOQUEUE: reject: RCPT from unknown[54.240.27.75]: 450 4.7.25 Client host rejected: cannot find your hostname, [54.240.27.75]; from=<a@amazonses.com> to=<${to}> proto=ESMTP helo=<a.example>`;
    world.mail.log('smtpd', 1073, line('u@example.test'));
    world.mail.log('smtpd', 1073, line('v@example.test'));
    await world.alert('other-gate');
    await world.stop();
    const ids = world.told('other-gate').map(({ id }) => id);
    expect([ids.length, new Set(ids).size]).toEqual([2, 2]);
  });
});

describe('a table that hangs', () => {
  it('does not keep status from an answer', async () => {
    await using world = await World.create();
    const table = createTableFile(world.table);
    let hangs = false;
    const read = () => (hangs ? new Promise<never>(() => {}) : table.read());
    world.start({}, { table: { ...table, read } });
    await world.until('the log is followed', () => world.engine.followers > 0);
    hangs = true;
    let answer: Status | undefined;
    void status(world).then((given) => {
      answer = given;
    });
    await world.eventually('it answers', () => answer !== undefined);
    expect(answer).toMatchObject({ rulesInTable: null });
    // The writer may be in the same read; it is not waited for any more.
    world.abandon();
  });
});

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type Status, unhealthy } from '../../src/core/monitor/status-report.ts';
import { EngineError } from '../../src/ports.ts';
import { World } from '../double/world.ts';

const RULE = '54.240.0.0/17 permit';

describe('a cloud sender that postscreen refuses', () => {
  it('gets through at the next try, from another address, and all of it is told', async () => {
    await using world = await World.following();
    expect(await world.connect('54.240.27.75')).toBe('rejected');
    await world.alert('reload-done');
    world.clock.advance(42_000);
    expect(await world.connect('54.240.10.219')).toBe('allowlisted');
    await world.alert('sender-recovered');
    expect(world.alerts).toMatchObject([
      { alert: 'started', mode: 'enforce', entries: 0 },
      {
        alert: 'sender-refused',
        sender: 'amazon-ses',
        client: '54.240.27.75',
        gate: 'dnsbl',
        code: 550,
        zones: ['zen.spamhaus.org'],
        decision: 'allow',
      },
      {
        alert: 'sender-allowed',
        sender: 'amazon-ses',
        effect: 'table-written',
        cause: 'dnsbl 550 zen.spamhaus.org',
      },
      { alert: 'reload-done', senders: ['amazon-ses'], attempts: 1 },
      { alert: 'sender-recovered', client: '54.240.10.219', seconds: 42 },
    ]);
    expect(await world.readTable()).toContain(`\n${RULE}\n`);
  });

  it('is allowed once for a burst from its pool, with one write and one reload', async () => {
    await using world = await World.following();
    for (let i = 1; i <= 50; i += 1) {
      await world.connect(`54.240.27.${i}`);
      await world.connect(`167.89.93.${i}`, { helo: 'o1.sg.example', from: 'b@sendgrid.net' });
    }
    await world.until('100 refusals are told', () => world.told('sender-refused').length === 100);
    await world.eventually('both are allowed', () => world.told('sender-allowed').length === 2);
    await world.eventually(
      'the second is loaded',
      () => world.told('reload-done').at(-1)?.senders.length === 2,
    );
    expect(new Set(world.told('sender-refused').map(({ id }) => id)).size).toBe(100);
    expect(world.told('reload-done').length).toBeLessThanOrEqual(2);
    const reloads = world.engine.requests.filter(
      (request) => request.includes('/exec/') && request.includes('start'),
    );
    expect(reloads.length).toBeLessThan(30);
  });

  it('may be refused once more by a session that began before, which is told and changes nothing', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    const before = await world.readTable();
    world.mail.log('postscreen', 911, 'DNSBL rank 3 for [54.240.27.76]:5');
    world.mail.log('postscreen', 911, 'DISCONNECT [54.240.27.76]:5');
    expect(await world.alert('sender-refused', 2)).toMatchObject({
      decision: 'keep',
      reason: expect.stringContaining('began before'),
    });
    expect(await world.readTable()).toBe(before);
  });

  it('that is refused again by a session that saw the table is told as such', async () => {
    await using world = await World.openedInVain();
    await world.connect('54.240.27.76');
    expect(await world.alert('sender-refused', 2)).toMatchObject({
      decision: 'keep',
      reason: expect.stringContaining('but Postfix refused it'),
    });
  });

  it('is only waited for while the threshold is not reached', async () => {
    await using world = await World.following({ SCREENPASS_THRESHOLD: '2' });
    await world.connect('54.240.27.75');
    expect(await world.alert('sender-refused')).toMatchObject({ decision: 'wait' });
    await world.connect('54.240.27.76');
    expect(await world.alert('sender-refused', 2)).toMatchObject({ decision: 'allow' });
    await world.alert('reload-done');
  });

  it('is turned away by the greet wait when it hangs up there twice', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75', { quitBefore: 'greeting', listed: [] });
    await world.connect('54.240.27.76', { quitBefore: 'greeting', listed: [] });
    expect(await world.alert('sender-refused')).toMatchObject({ gate: 'greet-wait', client: '54.240.27.76' });
    await world.alert('sender-allowed');
  });
});

describe('a watched sender that another gate refuses', () => {
  const refuse = (world: World, client = '54.240.27.75', id = '') =>
    world.mail.log(
      'smtpd',
      1073,
      `NOQUEUE: reject: RCPT from unknown[${client}]: 450 4.7.25 Client host rejected: cannot find your hostname, [${client}]; from=<a${id}@amazonses.com> to=<u@example.test> proto=ESMTP helo=<a27-75.smtp-out.us-west-2.amazonses.com>`,
    );

  it('is told with the gate and the setting to look at, and the table stays as it is', async () => {
    await using world = await World.following();
    await world.eventually(
      'the table is there',
      async () => (await world.readTable().catch(() => '')) !== '',
    );
    const before = await world.readTable();
    refuse(world, '203.0.113.9');
    refuse(world);
    expect(await world.alert('other-gate')).toEqual({
      alert: 'other-gate',
      id: expect.stringMatching(/^amazon-ses client-hostname 2026-11-24T\S+ [0-9a-f]{12}$/),
      sender: 'amazon-ses',
      client: '54.240.27.75',
      gate: 'client-hostname',
      code: 450,
      enhanced: '4.7.25',
      text: 'Client host rejected',
      recipient: null,
      count: 1,
      remedy: expect.stringContaining('POSTFIX_REJECT_UNKNOWN_CLIENT_HOSTNAME=0'),
      docs: 'config/environment/#postfix_reject_unknown_client_hostname',
    });
    await world.stop();
    expect(await world.readTable()).toBe(before);
    expect(world.told('other-gate')).toHaveLength(1);
    expect([...world.told('sender-refused'), ...world.told('sender-allowed')]).toEqual([]);
  });

  it('for an address that does not exist is reported with that address, which is not saved', async () => {
    await using world = await World.following();
    world.mail.log(
      'smtpd',
      1073,
      'NOQUEUE: reject: RCPT from a27-75.smtp-out.us-west-2.amazonses.com[54.240.27.75]: 550 5.1.1 <gone\u202e@example.test>: Recipient address rejected: User unknown in virtual mailbox table; from=<a@amazonses.com> to=<gone\u202e@example.test> proto=ESMTP helo=<a27-75.smtp-out.us-west-2.amazonses.com>',
    );
    const { gate, recipient } = await world.alert('other-gate');
    expect([gate, recipient]).toEqual([
      'unknown-user',
      expect.stringMatching(/^gone[\x20-\x7e]*@example\.test$/),
    ]);
    await world.stop();
    expect(await readFile(world.stateFile, 'utf8')).not.toContain('gone');
  });

  it('500 times within an hour is told twice: at the first, and with the number of the others', async () => {
    await using world = await World.following();
    for (let i = 1; i <= 500; i += 1) {
      refuse(world, `54.240.27.${i % 250}`, String(i));
      world.clock.advance(7_000);
    }
    await world.alert('other-gate');
    world.clock.advance(200_000);
    world.mail.log('smtpd', 1038, 'connect from unknown[203.0.113.9]');
    expect(await world.alert('other-gate', 2)).toMatchObject({ count: 499, client: '54.240.27.0' });
    await world.stop();
    expect(world.told('other-gate').map(({ count }) => count)).toEqual([1, 499]);
  });

  it('is told in full when the log falls silent, and when screenpass stops', async () => {
    await using world = await World.following();
    refuse(world);
    refuse(world, '54.240.27.76');
    await world.alert('other-gate');
    await world.connect('8.8.8.8', { listed: [] });
    await world.connect('54.240.1.1');
    await world.alert('sender-refused');
    world.clock.advance(3_600_000);
    world.clock.runJob('17 * * * *');
    expect(world.told('other-gate')).toMatchObject([{ count: 1 }, { count: 1, client: '54.240.27.76' }]);
    refuse(world, '54.240.27.77');
    await world.connect('54.240.27.78');
    await world.alert('sender-refused', 2);
    expect(world.told('other-gate')).toHaveLength(2);
    await world.stop();
    expect(world.told('other-gate')[2]).toMatchObject({ count: 1, client: '54.240.27.77' });
  });

  it('counts each line once when supervisord prints all of them twice', async () => {
    await using world = await World.following();
    const line =
      '2026-11-24T02:00:00.000001+00:00 mail postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[54.240.27.75]: 554 5.7.1 <z@elsewhere.example>: Relay access denied; from=<a@b> to=<z@elsewhere.example> proto=ESMTP helo=<c>';
    world.engine.say('stdout', line);
    world.engine.say('stdout', `2026-11-24 02:00:00,000 DEBG 'mailserver' stdout output: ${line}`);
    refuse(world);
    await world.alert('other-gate', 2);
    await world.stop();
    expect(world.told('other-gate').map(({ gate }) => gate)).toEqual(['relay-denied', 'client-hostname']);
  });
});

describe('nobody else gets in', () => {
  it('by claiming a name', async () => {
    await using world = await World.following();
    const forged = '"x>, to=<y>, proto=ESMTP, helo=<a.amazonses.com"@amazonses.com';
    await world.connect('203.0.113.9', { helo: 'a8-1.smtp-out.amazonses.com', from: forged });
    await world.connect('198.51.100.7', { pregreet: true });
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    expect(world.told('sender-refused').map(({ client }) => client)).toEqual(['54.240.27.75']);
    expect(await world.readTable()).not.toMatch(/203\.0|198\.51|helo|proto/);
  });

  it('by a line that did not come through the mail host’s syslog', async () => {
    await using world = await World.following();
    const line =
      'postfix/postscreen[1]: NOQUEUE: reject: RCPT from [54.240.27.75]:5: 550 5.7.1 Service unavailable; client [54.240.27.75] blocked using z; from=<a@b>, to=<c@d>, proto=ESMTP, helo=<e>';
    world.engine.say('stdout', `mail ${line}`);
    world.engine.say('stdout', `2026-11-24T02:00:00.000000+00:00 mail dovecot: user=<${line}`);
    await world.connect('167.89.93.77');
    expect(await world.alert('sender-refused')).toMatchObject({ sender: 'sendgrid' });
    expect(world.told('sender-refused')).toHaveLength(1);
  });

  it('when the administrator said never', async () => {
    await using world = await World.following({ SCREENPASS_NEVER: '54.240.27.0/24' });
    await world.connect('54.240.27.75');
    expect(await world.alert('sender-refused')).toMatchObject({ decision: 'refuse' });
    await world.connect('54.240.28.75');
    await world.alert('reload-done');
    expect(await world.connect('54.240.27.75')).toBe('rejected');
    expect(await world.connect('54.240.28.75')).toBe('allowlisted');
  });
});

describe('observe mode', () => {
  it('tells the same decisions, writes nothing and executes nothing', async () => {
    await using world = await World.following({ SCREENPASS_MODE: 'observe' });
    await world.connect('54.240.27.75');
    expect(await world.alert('sender-refused')).toMatchObject({ decision: 'allow' });
    expect(await world.alert('sender-allowed')).toMatchObject({ sender: 'amazon-ses', effect: 'observed' });
    await expect(world.readTable()).rejects.toThrow('ENOENT');
    await world.stop();
    expect(world.engine.requests.filter((request) => request.includes('exec'))).toEqual([]);
  });
});

describe('the table', () => {
  it('is made when it is missing, also while the mail server is down', async () => {
    await using world = await World.create();
    world.engine.stop();
    world.start();
    await world.alert('mailserver-lost');
    await world.eventually(
      'the table is there',
      async () => (await world.readTable().catch(() => '')) !== '',
    );
    expect(await world.readTable()).toMatch(/^# >>> screenpass\n#[^\n]*\n# <<< screenpass\n$/);
  });

  it('keeps the operator’s bytes around our block', async () => {
    const above = '# mine \xff\r\n198.51.100.7 reject\n';
    const below = '# below, without an end';
    await using world = await World.create();
    await world.writeTable(`${above}# >>> screenpass\n# <<< screenpass\n${below}`);
    world.start();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    const table = await world.readTable();
    expect(table.startsWith(`${above}# >>> screenpass\n`)).toBe(true);
    expect(table.endsWith(`# <<< screenpass\n${below}`)).toBe(true);
    expect(table).toContain(RULE);
  });

  it('with a bad line of the operator’s is told, and the line stays', async () => {
    await using world = await World.create();
    await world.writeTable('198.51.100.7/24 reject\n');
    world.start();
    await world.connect('54.240.27.75');
    expect(await world.alert('table-invalid')).toMatchObject({
      line: 1,
      reason: expect.stringContaining('host'),
    });
    await world.alert('reload-done');
    expect(await world.readTable()).toMatch(/^198\.51\.100\.7\/24 reject\n# >>> screenpass\n/);
    expect(world.told('table-invalid')).toHaveLength(1);
    expect(await world.connect('54.240.27.75')).toBe('allowlisted');
    await world.writeTable((await world.readTable()).replace('198.51.100.7/24', '198.51.100.0/24'));
    const { id } = await world.alertLater('table-valid');
    expect([id, world.told('table-restored')]).toEqual([world.told('table-invalid')[0]?.id, []]);
  });

  it('is not replaced by one that Postfix cannot see', async () => {
    await using world = await World.create();
    world.start({ SCREENPASS_TABLE_IN_CONTAINER: '/elsewhere/postscreen_access.cidr' });
    expect(await world.alertLater('not-wired')).toMatchObject({
      reason: expect.stringContaining('does not name it'),
    });
    await world.connect('54.240.27.75');
    await world.alert('sender-refused');
    expect(await world.alertLater('table-invalid')).toMatchObject({
      reason: expect.stringContaining('No such file'),
    });
    await world.pass(10_000);
    expect(world.told('sender-allowed')).toEqual([]);
    expect(await world.readTable().catch(() => '')).not.toContain(RULE);
  });

  it('is made whole when somebody alters or deletes it, and Postfix reads it again', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    await world.writeTable((await world.readTable()).replace(`${RULE}\n`, ''));
    await world.eventually('it is restored', () => world.told('table-restored').length === 1);
    expect(await world.readTable()).toContain(RULE);
    await rm(world.table);
    await world.eventually('it is restored again', () => world.told('table-restored').length === 2);
    expect(world.told('table-restored').map(({ reason }) => reason)).toEqual(['altered', 'missing']);
    expect(await world.readTable()).toContain(RULE);
    await world.eventually('it is loaded', () => world.told('reload-done').length >= 2);
  });

  it('that is a directory ends the daemon with advice', async () => {
    await using world = await World.create();
    await mkdir(world.table);
    world.start();
    await expect(world.ended()).rejects.toThrow(/is a directory.*mount the directory/);
  });

  it('that does not change is not written or loaded again', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    const execs = () =>
      world.engine.requests.filter((request) => /\/containers\/.*\/exec$/.test(request)).length;
    // Six until the reload was proven, then one for each of eight samples of what the access list makes of the sender.
    await world.until('the list is asked', () => execs() === 14);
    const before = execs();
    for (let i = 0; i < 20; i += 1) {
      world.clock.advance(10_000);
      await world.connect('54.240.27.76');
    }
    await world.alert('sender-recovered');
    await world.stop();
    expect(execs()).toBe(before);
    expect(world.told('reload-done')).toHaveLength(1);
  });
});

describe('a reload', () => {
  it('that fails is tried until it is done, and told twice: that it fails and that it is done', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    world.mail.reload = 'fails';
    await world.connect('167.89.93.77');
    await world.eventually('it fails', () => world.told('reload-failed').length === 1);
    expect(world.told('reload-failed')[0]?.reason).toContain('not running');
    await world.pass(40_000);
    world.mail.reload = 'works';
    await world.eventually('it is done', () => world.told('reload-done').length === 2);
    expect(world.told('reload-failed')).toHaveLength(1);
    expect(world.told('reload-done')[1]?.attempts).toBeGreaterThan(3);
    expect(await world.connect('167.89.93.78')).toBe('allowlisted');
  });

  it('that cannot come because Postfix stays down in its running container is told in the end', async () => {
    await using world = await World.create();
    world.mail.reload = 'fails';
    world.start();
    await world.connect('54.240.27.75');
    await world.alert('sender-refused');
    await world.pass(60_000);
    expect(world.told('reload-failed')).toEqual([]);
    await world.eventually('it is told', () => world.told('reload-failed').length === 1);
    expect(world.told('reload-failed')).toMatchObject([
      { reason: 'Postfix does not run in the mail container' },
    ]);
    world.mail.reload = 'works';
    await world.eventually('it is done', () => world.told('reload-done').length === 1);
  });

  it('that Postfix does not confirm in its log is not believed', async () => {
    await using world = await World.following();
    world.mail.reload = 'unlogged';
    await world.connect('54.240.27.75');
    await world.eventually('it is told', () => world.told('reload-failed').length === 1);
    expect(world.told('reload-failed')[0]?.reason).toContain('no line about a reload');
    expect(world.told('reload-done')).toEqual([]);
    world.mail.reload = 'works';
    await world.eventually('it is done', () => world.told('reload-done').length === 1);
  });

  it('comes at once for the first change and after the interval for the next', async () => {
    await using world = await World.following({ SCREENPASS_RELOAD_INTERVAL: '60s' });
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    await world.connect('167.89.93.77');
    await world.alert('sender-allowed', 2);
    world.clock.advance(55_000);
    await world.connect('54.240.27.76');
    await world.alert('sender-recovered');
    expect(world.told('reload-done')).toHaveLength(1);
    world.clock.advance(6_000);
    expect(await world.alert('reload-done', 2)).toMatchObject({ senders: ['amazon-ses', 'sendgrid'] });
  });
});

describe('when postscreen does not use the table', () => {
  it.each([
    ['not-wired', 'postscreen_access_list = permit_mynetworks, cidr:/etc/screenpass/postscreen_access.cidr'],
    [
      'overridden',
      'smtp/inet/postscreen_access_list=permit_mynetworks,cidr:/etc/screenpass/postscreen_access.cidr',
    ],
  ] as const)('(%s) the alert has the exact line, and no success is told', async (wiring, line) => {
    await using world = await World.create();
    world.mail.wiring = wiring;
    world.start();
    const { line: told, remedy } = await world.alertLater('not-wired');
    expect([told, remedy]).toEqual([line, expect.stringMatching(/^Put this line into [^\n]*cidr[^\n]*$/)]);
    await world.connect('54.240.27.75');
    expect(await world.alert('sender-allowed')).toMatchObject({ effect: 'not-wired' });
    await world.pass(20_000);
    await world.stop();
    expect(world.told('reload-done')).toEqual([]);
  });

  it('it is noticed while Postfix runs, at somebody else’s reload', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    world.mail.wiring = 'not-wired';
    world.mail.log('master', 905, 'reload -- version 3.10.13, configuration /etc/postfix');
    await world.eventually('it is told', () => world.told('not-wired').length === 1);
  });

  it('it is noticed when the re-created container does, and what was missing is done', async () => {
    await using world = await World.create();
    world.mail.wiring = 'not-wired';
    world.start();
    const { id } = await world.alertLater('not-wired');
    await world.connect('54.240.27.75');
    await world.alert('sender-allowed');
    world.mail.wiring = 'wired';
    world.engine.recreate();
    world.mail.boot();
    await world.eventually('it is loaded', () => world.told('reload-done').length === 1);
    expect(await world.connect('54.240.27.75')).toBe('allowlisted');
    expect(world.told('not-wired')).toHaveLength(1);
    expect(world.told('wired')).toMatchObject([{ id }]);
  });
});

describe('the mail container', () => {
  it('may stop, start and be made anew: the log is followed again and nothing is lost or told twice', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    world.engine.stop();
    await world.eventually('it is lost', () => world.told('mailserver-lost').length === 1);
    world.engine.start();
    world.mail.boot();
    await world.eventually('it is back', () => world.told('mailserver-back').length === 1);
    await world.connect('167.89.93.77');
    await world.eventually('the next is seen', () => world.told('sender-refused').length === 2);
    world.engine.recreate();
    await world.connect('74.125.1.1');
    await world.eventually('the next is seen', () => world.told('sender-refused').length === 3);
    await world.eventually('all is loaded', () => world.told('reload-done').at(-1)?.senders.length === 3);
    expect(world.told('sender-refused').map(({ sender }) => sender)).toEqual([
      'amazon-ses',
      'sendgrid',
      'google',
    ]);
    expect(await world.connect('54.240.27.99')).toBe('allowlisted');
  });

  it('whose log stream is cut now and then makes no alert, loses no line and doubles none', async () => {
    await using world = await World.following();
    world.mail.reload = 'unlogged';
    for (let i = 1; i <= 60; i += 1) {
      await world.connect(`54.240.27.${i}`);
      if (i % 3 === 0) world.engine.cutStreams();
      if (i % 5 === 0) await world.pass(500);
    }
    await world.eventually('all are told', () => world.told('sender-refused').length >= 60);
    await world.pass(5_000);
    const clients = world.told('sender-refused').map(({ client }) => client);
    expect(clients).toEqual(Array.from({ length: 60 }, (_, i) => `54.240.27.${i + 1}`));
    expect([...world.told('mailserver-lost'), ...world.told('mailserver-back')]).toEqual([]);
  });

  it('whose log driver cannot be read is told by the name of the driver, once', async () => {
    await using world = await World.create();
    world.engine.logDriver('syslog');
    world.start();
    expect(await world.alert('mailserver-lost')).toMatchObject({
      remedy: expect.stringContaining('"syslog"'),
    });
    await world.pass(60_000);
    expect(world.told('mailserver-lost')).toHaveLength(1);
    expect(world.told('mailserver-back')).toEqual([]);
  });

  it('behind an Engine that is not there is waited for', async () => {
    await using world = await World.create();
    await world.engine.close();
    world.start();
    expect(await world.alert('mailserver-lost')).toMatchObject({
      reason: expect.stringContaining(world.engine.host),
    });
    await world.engine.listen();
    await world.eventually('it is back', () => world.told('mailserver-back').length === 1);
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
  });

  it('in which nothing may be executed is not called well, even while nothing is due', async () => {
    await using world = await World.create();
    world.engine.behindProxy('CONTAINERS');
    world.start();
    await world.eventually('it is told', () => world.told('reload-failed').length === 1);
    const status = async () => ((await world.ask('status')) as { result: Status }).result;
    expect(unhealthy(await status())).toContain('refused the call');
    world.engine.behindProxy('CONTAINERS', 'EXEC', 'POST');
    await world.eventually('all is well', async () => unhealthy(await status()) === null);
    expect(world.told('reload-failed')).toHaveLength(1);
  });

  it('in which nothing may be executed is observed, and that is told', async () => {
    await using world = await World.create();
    world.engine.refuseExec(403);
    world.start();
    await world.connect('54.240.27.75');
    expect(await world.alert('sender-refused')).toMatchObject({ decision: 'allow' });
    await world.eventually('it is told', () => world.told('reload-failed').length === 1);
    const { reason } = await world.alert('reload-failed');
    expect(reason).toContain('refused the call');
    expect(reason).toContain('does not change the table. Give screenpass access to the Engine socket');
    expect(world.told('sender-allowed')).toEqual([]);
    await expect(world.readTable()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('after a restart of screenpass', () => {
  it('a refusal that was handled is not handled again, one of the meantime is', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    await world.stop();
    await world.connect('167.89.93.77');
    world.clock.advance(300_000);
    world.start();
    await world.alert('sender-refused', 2);
    await world.eventually('it is loaded', () => world.told('reload-done').length === 2);
    expect(world.told('sender-refused').map(({ sender }) => sender)).toEqual(['amazon-ses', 'sendgrid']);
    await world.stop();
    world.start();
    await world.until('it follows', () => world.engine.followers > 0);
    await world.connect('54.240.1.1');
    await world.alert('sender-recovered');
    expect(world.told('sender-refused')).toHaveLength(2);
    expect(world.told('sender-allowed')).toHaveLength(2);
    expect(world.told('reload-done')).toHaveLength(2);
  });

  it('a session that was open is still known', async () => {
    await using world = await World.following();
    const session = '[54.240.27.75]:4000';
    world.mail.log('postscreen', 910, `CONNECT from ${session} to [192.0.2.25]:25`);
    world.mail.log('postscreen', 910, `PREGREET 9 after 0 from ${session}: EHLO x`);
    await world.connect('8.8.8.8', { listed: [] });
    await world.until('the lines are handled', async () => world.engine.followers > 0);
    world.clock.advance(10_000);
    await world.stop();
    world.start();
    world.mail.log('postscreen', 910, `DISCONNECT ${session}`);
    expect(await world.alert('sender-refused')).toMatchObject({ gate: 'pregreet', client: '54.240.27.75' });
    expect((await world.alert('sender-refused')).id).toContain('2026-11-24T02:00:00.000Z');
  });

  it('without its state the entries come from the table', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    const before = await world.readTable();
    await world.stop();
    await rm(world.stateFile);
    world.clock.advance(2 * 86_400_000);
    world.start();
    await world.alert('started', 2);
    expect(world.told('started')[1]).toMatchObject({ entries: 1 });
    expect(world.told('state-lost')).toMatchObject([{ reason: 'missing', entries: 1, aside: null }]);
    await world.eventually('it is loaded', () => world.told('reload-done').length === 2);
    expect(await world.readTable()).toBe(before);
  });

  it('with a state that cannot be read it says so, keeps it aside and goes on', async () => {
    await using world = await World.following();
    await world.stop();
    await writeFile(world.stateFile, '{"version":1,');
    world.start();
    await world.alert('started', 2);
    const { aside } = await world.alert('state-lost');
    expect(world.told('state-lost')).toMatchObject([{ reason: 'damaged', entries: 0 }]);
    expect(await readFile(aside ?? '', 'utf8')).toBe('{"version":1,');
    await world.until('there is a new one', async () => (await readdir(world.folder)).includes('state.json'));
  });
});

describe('entries', () => {
  it('leave when their sender was not seen for the whole time', async () => {
    await using world = await World.following({ SCREENPASS_TTL: '1h' });
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    world.quiet(3_000_000);
    await world.connect('54.240.27.76');
    await world.alert('sender-recovered');
    world.quiet(3_000_000);
    expect(world.told('entry-expired')).toEqual([]);
    world.quiet(700_000);
    await world.alert('entry-expired');
    await world.eventually('it is loaded', () => world.told('reload-done').length === 2);
    expect(await world.readTable()).not.toContain('permit');
    expect(await world.connect('54.240.27.77')).toBe('rejected');
  });

  it('of senders that are not watched any more leave at the next start', async () => {
    await using world = await World.following();
    await world.connect('54.240.27.75');
    await world.alert('reload-done');
    await world.stop();
    world.start({ SCREENPASS_SENDERS: '-amazon-ses' });
    await world.eventually('it is loaded', () => world.told('reload-done').length === 2);
    expect(world.told('started')[1]).toMatchObject({ entries: 0 });
    expect(await world.readTable()).not.toContain('permit');
  });

  it('of SCREENPASS_PRESEED are there from the start and stay', async () => {
    await using world = await World.following({ SCREENPASS_PRESEED: 'amazon-ses', SCREENPASS_TTL: '1h' });
    await world.alert('reload-done');
    expect(await world.connect('54.240.27.75')).toBe('allowlisted');
    world.quiet(86_400_000);
    expect(world.told('entry-expired')).toEqual([]);
    expect(world.told('sender-recovered')).toEqual([]);
  });
});

describe('the daemon', () => {
  it('ends loudly on a bug instead of going on', async () => {
    await using world = await World.create();
    world.start({}, { engine: { ...NO_ENGINE, inspect: () => Promise.reject(new TypeError('bug')) } });
    await expect(world.ended()).rejects.toThrow('bug');
  });

  it('goes on when the Engine fails in every way', async () => {
    await using world = await World.create();
    const fail = () => Promise.reject(new EngineError('failed', 'no'));
    world.start({}, { engine: { ...NO_ENGINE, inspect: fail, exec: fail } });
    await world.alert('mailserver-lost');
    world.clock.advance(1000);
    await world.stop();
    expect(world.told('stopping')).toHaveLength(1);
  });
});

function never(): never {
  throw new Error('not called');
}

const NO_ENGINE = { inspect: never, follow: never, lastLines: never, exec: never };

// The whole of it, with real Postfix as the judge. Each step stands on the one before it.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controlClients, controlSteps, isUnwell, isWell } from './control-steps.ts';
import { askingSteps, dnsClients, identitySteps, refreshSteps, zone } from './dns-steps.ts';
import { dnsblFaultSteps, gateClients, gateListed, gateSteps, hostnameSteps } from './gates-steps.ts';
import { type Client, Stack, TABLE, WIRING } from './harness.ts';
import { blocked, createSteps, stepTime } from './steps.ts';

const ses = '54.240.27.75';
// A pool sends the retry from another address.
const sesRetry = '54.240.27.76';
const sesUnwanted = '54.240.27.77';
const sendgrid = '167.89.93.77';
const stranger = '203.0.113.9';

// The first run also builds the images.
const buildTime = 900_000;

const refused = [ses, sesRetry, sendgrid, stranger, ...dnsClients, ...controlClients];
const clients = [...refused, sesUnwanted, ...gateClients];
const listed = [...refused, ...gateListed];

function sesClient(from: string): Client {
  const [, , , last] = from.split('.');
  const helo = `a27-${last}.smtp-out.us-west-2.amazonses.com`;
  return { from, helo, sender: '0101018f2a@us-west-2.amazonses.com' };
}

const sendgridClient: Client = {
  from: sendgrid,
  helo: 'o1.sg.example.com',
  sender: 'bounces@sg.example.com',
};
const boaster: Client = { from: stranger, helo: 'a8-1.smtp-out.amazonses.com', sender: 'x@amazonses.com' };

describe('screenpass beside a mail container that reads its table', () => {
  const stack = new Stack({ wired: true, clients, listed, zone });
  const steps = createSteps(stack);
  const { step, passes, isRefused } = steps;
  const operatorsLine = `${sesUnwanted}/32 reject\n`;

  beforeAll(() => stack.up(), buildTime);
  afterAll(() => stack.remove(), stepTime);

  step('starts and finds the table wired', async () => {
    await stack.alert('started');
    expect((await stack.alerts()).map(({ alert }) => alert)).not.toContain('not-wired');
  });

  askingSteps(steps);
  hostnameSteps(steps);

  step('opens the door for all of Amazon SES when postscreen refuses one of its addresses', async () => {
    await isRefused(sesClient(ses), blocked(ses));

    const refusal = await stack.alert('sender-refused', { client: ses });
    expect(refusal).toMatchObject({
      sender: 'amazon-ses',
      gate: 'dnsbl',
      decision: 'allow',
      zones: ['zen.spamhaus.org'],
    });
    await stack.alert('sender-allowed', { sender: 'amazon-ses' });
    await stack.alert('reload-done');
    expect(stack.readTable().split('\n')).toContain('54.240.0.0/17 permit');
  });

  step('leaves a table that Postfix itself reads as a permit', async () => {
    expect(await stack.inMail('postmap', '-q', sesRetry, `cidr:${TABLE}`)).toBe('permit\n');
  });

  step('lets the retry through from another address of the pool, though it is listed as well', async () => {
    await passes(sesClient(sesRetry));
    const recovered = await stack.alert('sender-recovered', { sender: 'amazon-ses' });
    expect(recovered.seconds).toBeGreaterThanOrEqual(0);
  });

  gateSteps(steps, sesClient(ses));

  step('opens nothing for a stranger who calls himself Amazon SES', async () => {
    const table = stack.readTable();
    await isRefused(boaster, blocked(stranger));
    await stack.logged('mailserver', /DISCONNECT \[203\.0\.113\.9\]/);
    // Time to do the wrong thing in.
    await sleep(2000);
    expect(stack.readTable()).toBe(table);
    expect((await stack.alerts()).filter(({ client }) => client === stranger)).toEqual([]);
  });

  identitySteps(steps);

  step('leaves standing what the operator refuses above our block, and says that it does', async () => {
    const told = (await stack.alerts()).length;
    const table = stack.readTable().replace('# >>> screenpass', `${operatorsLine}# >>> screenpass`);
    expect(table).toContain(operatorsLine);
    stack.writeTable(table);
    await stack.inMail('postfix', 'reload');

    await isRefused(sesClient(sesUnwanted), '550 5.3.2 Service currently unavailable');
    const alert = await stack.alert('sender-still-refused', { client: sesUnwanted }, told);
    expect(alert).toMatchObject({
      level: 'error',
      gate: 'operator-reject',
      why: expect.stringContaining('a reject rule of yours comes before the rules of screenpass'),
    });
    await passes(sesClient(sesRetry));
    expect(stack.readTable()).toBe(table);
    const decisions = (await stack.alerts()).filter(({ client }) => client === sesUnwanted);
    expect(decisions.map(({ decision }) => decision)).not.toContain('allow');
  });

  controlSteps(steps);
  dnsblFaultSteps(steps);

  step('says that the mail container went and came back, and follows it again', async () => {
    const told = (await stack.alerts()).length;
    const before = (await stack.log('mailserver')).length;
    await stack.engine('stop', 'mailserver');
    await stack.alert('mailserver-lost', {}, told);
    await isUnwell(stack);
    await stack.engine('start', 'mailserver');
    await stack.alert('mailserver-back', {}, told);
    await stack.logged('mailserver', /daemon started/, before);
    await passes(sesClient(ses));
    await isWell(stack);
  });

  step('goes on over a restart of the mail container, however quick', async () => {
    const before = (await stack.log('mailserver')).length;
    await stack.engine('restart', 'mailserver');
    await stack.logged('mailserver', /daemon started/, before);
    await passes(sesClient(ses));
  });

  step('replays the whole log to the refusals that it told of', async () => {
    const container = (await stack.inspect('mailserver', '{{.Id}}')).slice(0, 12);
    const told: Record<string, number> = {};
    for (const { alert, id, sender = '' } of await stack.alerts())
      if (alert === 'sender-refused' && id.startsWith(container)) told[sender] = (told[sender] ?? 0) + 1;
    expect(Object.keys(told).length).toBeGreaterThan(1);
    const { senders } = await stack.replay();
    const refused = senders.filter(({ refused }) => refused.total > 0);
    expect(Object.fromEntries(refused.map(({ sender, refused }) => [sender, refused.total]))).toEqual(told);
  });

  step('serves a mail container that is made anew, with what it knew before', async () => {
    const old = await stack.inspect('mailserver', '{{.Id}}');
    const told = (await stack.alerts()).length;
    await stack.compose('rm', '--stop', '--force', 'mailserver');
    await stack.compose('up', '-d', 'mailserver');
    await stack.logged('mailserver', /daemon started/);
    await stack.alert('mailserver-back', {}, told);
    expect(await stack.inspect('mailserver', '{{.Id}}')).not.toBe(old);
    await passes(sesClient(ses));
  });

  step("sees the next sender refused in the new container, and keeps the operator's line", async () => {
    const told = (await stack.alerts()).length;
    await isRefused(sendgridClient, blocked(sendgrid));
    await stack.alert('sender-refused', { client: sendgrid, sender: 'sendgrid', decision: 'allow' }, told);
    await stack.alert('reload-done', {}, told);
    await passes(sendgridClient);
    expect(stack.readTable().startsWith(operatorsLine)).toBe(true);
    expect((await stack.alerts()).filter(({ client }) => client === stranger)).toEqual([]);
  });

  refreshSteps(steps, [sesClient(ses), sendgridClient]);

  step('says that it stops with what it had kept for the hour, and ends well', async () => {
    const told = (await stack.alerts()).length;
    await stack.compose('stop', 'screenpass');
    expect(await stack.inspect('screenpass', '{{.State.ExitCode}}')).toBe('0');
    await stack.alert('stopping', {}, told);
    const rest = (await stack.alerts()).slice(told).map(({ alert, gate }) => gate ?? alert);
    expect(rest).toEqual(['client-hostname', 'stopping']);
  });
});

describe('screenpass beside a mail container that does not read its table', () => {
  const stack = new Stack({ wired: false, clients, listed, zone });

  beforeAll(() => stack.up(), buildTime);
  afterAll(() => stack.remove(), stepTime);

  it(
    'says which line the operator has to add',
    async () => {
      const { msg } = await stack.alert('not-wired');
      expect(msg).toContain(WIRING);
    },
    stepTime,
  );

  it(
    'refuses a table that is mounted as a single file, or is a directory, and says what to mount',
    async () => {
      for (const mount of [join(import.meta.dirname, 'mail', 'main.cf'), import.meta.dirname]) {
        const { code, stderr } = await stack.screenpassWith(mount);
        expect([code, stderr]).toEqual([3, expect.stringContaining('mount the directory /etc/screenpass')]);
      }
    },
    stepTime,
  );
});

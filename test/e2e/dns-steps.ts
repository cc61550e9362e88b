// What the senders publish, and what becomes of it: the steps in which DNS has the leading part.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { RefreshSummary } from '../../src/core/senders/list-judgement.ts';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import type { Zone } from '../double/dns-zone.ts';
import { SALESFORCE_ADDRESS, SALESFORCE_ZONE } from '../double/salesforce-zone.ts';
import { sendersZone } from '../double/senders-zone.ts';
import { type Client, TABLE } from './harness.ts';
import { blocked, type Steps } from './steps.ts';

const senders = readCatalogue(catalogue);
const asked = senders.filter((sender) => sender.default && sender.spf.length > 0).map(({ id }) => id);

const salesforce: Client = {
  from: SALESFORCE_ADDRESS,
  helo: 'smtp14-ia4-sp3.mta.salesforce.com',
  sender: 'a@example-7.bnc.salesforce.com',
};
/** Says to be Salesforce in every way that is his to choose; his name leads to somebody else's address. */
const impostor: Client = {
  from: '1.2.3.4',
  helo: 'smtp15-ia4-sp3.mta.salesforce.com',
  sender: 'b@example-7.bnc.salesforce.com',
};
/** In the network that SendGrid takes into use. */
const sendgrid: Client = {
  from: '208.117.80.80',
  helo: 'o2.sg.example.com',
  sender: 'bounces@sg.example.com',
};
const taken = '208.117.80.0/24';

export const dnsClients = [salesforce, impostor, sendgrid].map(({ from }) => from);

/** Each sender lists what the catalogue has. */
export const zone: Zone = {
  ...sendersZone(senders),
  ...SALESFORCE_ZONE,
  '4.3.2.1.in-addr.arpa': { PTR: [impostor.helo] },
  [impostor.helo]: { A: ['13.110.14.215'] },
};

/** The same, after SendGrid took another network into use. */
const grown: Zone = {
  ...zone,
  'sendgrid.net': { TXT: [`v=spf1 ip4:${taken} include:more.sendgrid.net -all`] },
  'more.sendgrid.net': zone['sendgrid.net'] ?? {},
};

/** Has the daemon ask the senders now. */
function refresh({ stack }: Steps): Promise<{ code: number; answer: RefreshSummary }> {
  return stack.answer('refresh');
}

function check({ stack }: Steps, address: string): Promise<{ code: number; answer: object }> {
  return stack.answer('check', address);
}

const nothingNew = { asked, added: {}, removed: {}, failed: [], suspicious: [] };
const refreshAlerts = ['senders-refreshed', 'refresh-failed', 'sender-suspicious'];

/** At the start: everybody answers as expected. */
export function askingSteps(steps: Steps): void {
  const { stack, step } = steps;

  step('asks all senders at the start and when it is told to, and finds nothing new', async () => {
    expect(await refresh(steps)).toEqual({ code: 0, answer: nothingNew });
    const kinds = (await stack.alerts()).map(({ alert }) => alert);
    expect(kinds.filter((kind) => refreshAlerts.includes(kind))).toEqual([]);
  });

  step('shows what it knows of the senders', async () => {
    const { code, stdout } = await stack.screenpass('senders');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^salesforce +Salesforce .* yes +7\+ +fresh/m)]);
    const { stdout: json } = await stack.screenpass('senders', '--json');
    const watched = JSON.parse(json).filter(({ id }: { id: string }) => asked.includes(id));
    expect(watched.length).toBe(asked.length);
    for (const one of watched)
      expect(one).toMatchObject({ watched: true, freshness: 'fresh', trouble: null });
  });
}

/** Addresses that are in no list. */
export function identitySteps(steps: Steps): void {
  const { stack, step, passes, isRefused } = steps;

  step('tells by SPF whose an address in no list is, before anybody refuses it', async () => {
    const claims = ['--sender', 'a@_spf.salesforce.com', '--helo', salesforce.helo];
    const spf = (ip: string) => stack.screenpass('spf', '--ip', ip, ...claims);
    expect(await spf(salesforce.from)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^pass: /) });
    expect(await spf(impostor.from)).toMatchObject({ code: 1, stdout: expect.stringMatching(/^fail: /) });

    const proven = { sender: 'salesforce', evidence: 'spf', network: `${salesforce.from}/32` };
    expect(await check(steps, salesforce.from)).toMatchObject({
      code: 0,
      answer: { ...proven, allowed: false, decision: 'allow' },
    });
    expect(await check(steps, impostor.from)).toMatchObject({
      code: 1,
      answer: { sender: null, evidence: null, network: null, allowed: false, decision: 'refuse' },
    });
  });

  step('opens nothing for an impostor whose name says Salesforce and leads elsewhere', async () => {
    const table = stack.readTable();
    const before = (await stack.log('dns')).length;
    await isRefused(impostor, blocked(impostor.from));
    await stack.logged('dns', /config 1\.2\.3\.4\._spf\.mta\.salesforce\.com is NXDOMAIN/, before);
    // Time to do the wrong thing in.
    await sleep(2000);
    expect(stack.readTable()).toBe(table);
    expect((await stack.alerts()).filter(({ client }) => client === impostor.from)).toEqual([]);
  });

  step('opens the door for an address of Salesforce that only SPF knows', async () => {
    const told = (await stack.alerts()).length;
    await isRefused(salesforce, blocked(salesforce.from));
    const refusal = await stack.alert('sender-refused', { client: salesforce.from }, told);
    expect(refusal).toMatchObject({
      sender: 'salesforce',
      gate: 'dnsbl',
      evidence: 'spf',
      decision: 'allow',
    });
    await stack.alert('sender-allowed', { sender: 'salesforce' }, told);
    expect(await stack.alert('reload-done', {}, told)).toMatchObject({
      senders: expect.arrayContaining(['salesforce']),
    });
    expect(await stack.inMail('postmap', '-q', salesforce.from, `cidr:${TABLE}`)).toBe('permit\n');

    await passes(salesforce);
    await stack.alert('sender-recovered', { sender: 'salesforce' }, told);
    expect(await check(steps, salesforce.from)).toMatchObject({
      code: 0,
      answer: { sender: 'salesforce', evidence: 'spf', allowed: true, decision: 'keep' },
    });
  });
}

/** At the end, when SendGrid has an entry. `known`: clients that the table lets in. */
export function refreshSteps(steps: Steps, known: readonly Client[]): void {
  const { stack, step, passes } = steps;

  step('keeps what it knows while DNS is silent, and says who could not be asked', async () => {
    const table = stack.readTable();
    const told = (await stack.alerts()).length;
    await stack.engine('stop', 'dns');

    const [{ code, answer }, unanswered] = await Promise.all([refresh(steps), check(steps, impostor.from)]);
    expect([code, answer.failed.map(({ sender }) => sender)]).toEqual([3, asked]);
    expect(answer).toMatchObject({ added: {}, removed: {}, suspicious: [] });
    const alert = await stack.alert('refresh-failed', {}, told);
    expect(alert).toMatchObject({ senders: asked, count: asked.length });
    expect(unanswered).toMatchObject({
      code: 3,
      answer: { sender: null, allowed: false, decision: 'refuse' },
    });

    expect(stack.readTable()).toBe(table);
    for (const client of [...known, salesforce]) await passes(client);
  });

  step('says that they answer again', async () => {
    const table = stack.readTable();
    const told = (await stack.alerts()).length;
    await stack.engine('start', 'dns');
    expect(await refresh(steps)).toEqual({ code: 0, answer: nothingNew });
    const alert = await stack.alert('senders-refreshed', {}, told);
    expect(alert).toMatchObject({ added: {}, removed: {}, recovered: asked });
    expect(stack.readTable()).toBe(table);
  });

  step('opens the door for a network that a sender takes into use, with one reload', async () => {
    const told = (await stack.alerts()).length;
    const before = (await stack.log('mailserver')).length;
    await stack.publish(grown);

    const added = { sendgrid: [taken] };
    expect(await refresh(steps)).toEqual({ code: 0, answer: { ...nothingNew, added } });
    expect(await stack.alert('senders-refreshed', {}, told)).toMatchObject({
      added,
      removed: {},
      recovered: [],
    });
    await stack.alert('reload-done', {}, told);
    expect(stack.readTable().split('\n')).toContain(`${taken} permit`);
    expect(await stack.inMail('postmap', '-q', sendgrid.from, `cidr:${TABLE}`)).toBe('permit\n');
    await passes(sendgrid);

    // Longer than SCREENPASS_RELOAD_INTERVAL: a second reload would have come.
    await sleep(4000);
    const reloads = (await stack.log('mailserver'))
      .slice(before)
      .filter((line) => line.includes('reload -- version'));
    expect(reloads.length).toBe(1);
    const kinds = (await stack.alerts()).slice(told).map(({ alert }) => alert);
    expect(kinds).toEqual(['senders-refreshed', 'reload-done']);
  });
}

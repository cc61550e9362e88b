// What probe says of a sender, and what a real postscreen does with it.
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { ProbeReport } from '../../src/core/probe/judgement.ts';
import { zone } from './dns-steps.ts';
import { type Client, Stack } from './harness.ts';
import { blocked, createSteps, stepTime } from './steps.ts';

/** The first usable address of Amazon SES, which is always in the sample. */
const ses: Client = { from: '23.249.208.1', helo: 'a.smtp-out.amazonses.com', sender: 'x@amazonses.com' };
// The first run also builds the images.
const buildTime = 900_000;

describe('probe', () => {
  const listed = { '1.208.249.23.zen.spamhaus.org': { A: ['127.0.0.2'] } };
  const options = { wired: true, clients: [ses.from], listed: [ses.from], zone: { ...zone, ...listed } };
  const stack = new Stack(options);
  const { step, passes, isRefused } = createSteps(stack);

  beforeAll(() => stack.up(), buildTime);
  afterAll(() => stack.remove(), stepTime);

  const probe = () => stack.answer<ProbeReport>('probe', 'amazon-ses');

  step('tells the one sender that is listed from others, before anybody was refused', async () => {
    await stack.alert('started');
    // Not all senders: some hundred commands take a minute on a small machine.
    const settings = { SCREENPASS_SENDERS: 'amazon-ses,sendgrid,postmark' };
    const { code, stdout } = await stack.screenpassAs(settings, 'probe', '--json');
    expect(code).toBe(1);
    const { senders, ...by } = JSON.parse(stdout) as ProbeReport;
    expect(by).toEqual({ service: 'smtp', action: 'enforce', threshold: 3, zones: ['zen.spamhaus.org'] });
    const verdicts = Object.fromEntries(senders.map(({ sender, verdict }) => [sender, verdict]));
    expect(verdicts).toEqual({ 'amazon-ses': 'refused', sendgrid: 'passes', postmark: 'passes' });
  });

  step('says that a listed sender would be refused, until it is allowed, as postscreen does', async () => {
    const { stdout } = await stack.screenpass('probe', 'amazon-ses');
    expect(stdout).toMatch(
      / refused +23\.249\.208\.1: zen\.spamhaus\.org 127\.0\.0\.2; score 3, threshold 3$/m,
    );

    expect(await stack.answer('allow', 'amazon-ses')).toMatchObject({ code: 0 });
    await stack.alert('reload-done');
    const { code, answer } = await probe();
    expect(code).toBe(0);
    expect(answer.senders).toMatchObject([{ verdict: 'passes', why: 'the access list permits it' }]);
    const verdicts = answer.senders[0]?.addresses.map(({ verdict }) => verdict);
    expect(new Set(verdicts)).toEqual(new Set(['permitted']));
    await passes(ses);

    const told = (await stack.alerts()).length;
    expect(await stack.answer('revoke', 'amazon-ses')).toMatchObject({ code: 0 });
    await stack.alert('reload-done', {}, told);
    expect(await probe()).toMatchObject({ code: 1 });
    await isRefused(ses, blocked(ses.from));
  });
});

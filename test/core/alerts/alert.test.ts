import { describe, expect, it } from 'vitest';
import { type AlertFields, alertText } from '../../../src/core/alerts/alert.ts';

const REFUSED: AlertFields['sender-refused'] = {
  ...{
    sender: 'amazon-ses',
    client: '54.240.27.75',
    port: 58839,
    gate: 'dnsbl',
    code: 450,
    enhanced: '4.7.1',
  },
  ...{ zones: ['zen.spamhaus.org'], evidence: 'network', decision: 'allow' },
  ...{ reason: 'the address is in a network of the sender', at: '2026-11-24T10:00:00.000Z' },
};

describe('the text of a refusal', () => {
  it('says what happened, what screenpass did, and that the sender retries', () => {
    expect(alertText('sender-refused', REFUSED)).toBe(
      'postscreen refused 54.240.27.75 (amazon-ses, DNSBL zen.spamhaus.org). screenpass decided to allow the sender: ' +
        'the address is in a network of the sender. The sender will retry within minutes.',
    );
  });

  it.each([
    [550, /The sender must send the message again\.$/],
    [450, /The sender will retry within minutes\.$/],
    [null, /The sender will retry within minutes\.$/],
  ])('says what becomes of the message after a reply of %s', (code, text) => {
    expect(alertText('sender-refused', { ...REFUSED, code })).toMatch(text);
  });

  it.each([
    ['keep', 'screenpass changed nothing: because.'],
    ['wait', 'screenpass waits: because.'],
    ['refuse', 'screenpass did not allow it: because.'],
  ] as const)('promises no retry after %s', (decision, end) => {
    const text = alertText('sender-refused', { ...REFUSED, decision, reason: 'because', zones: [] });
    expect(text).toBe(`postscreen refused 54.240.27.75 (amazon-ses, gate dnsbl). ${end}`);
  });

  it.each([
    [
      1,
      /^postscreen refused amazon-ses 1 more time, the last time 54\.240\.27\.75 \(amazon-ses, gate pregreet, DNSBL /,
    ],
    [7, /^postscreen refused amazon-ses 7 more times, the last time 54\.240\.27\.75 \(/],
  ])('of %s more names the gate', (count, text) => {
    expect(alertText('sender-refused', { ...REFUSED, gate: 'pregreet', count })).toMatch(text);
  });
});

describe('the text of an alert', () => {
  it.each([
    ['table-written', 'brevo is now allowed. screenpass wrote 1 network to the table.'],
    ['observed', 'brevo would be allowed, with 1 network. screenpass is in observe mode and wrote nothing.'],
    [
      'not-wired',
      'screenpass wrote 1 network of brevo to the table, but postscreen does not use the table. ' +
        'Run docker exec screenpass screenpass doctor and apply its remedy.',
    ],
  ] as const)('says what became of the table: %s', (effect, text) => {
    const allowed = { sender: 'brevo', networks: 1, cause: '450 zen.spamhaus.org', since: '', effect };
    expect(alertText('sender-allowed', allowed)).toBe(text);
  });

  it('of a later gate has reply and remedy, and says that nothing was changed', () => {
    const refusal: AlertFields['other-gate'] = {
      ...{ sender: 'google', client: '2a00:1450::1', gate: 'unknown-user', code: 550, enhanced: '5.1.1' },
      ...{ text: 'User unknown', recipient: 'a@b.example', count: 3, remedy: 'Create it.', docs: '' },
    };
    expect(alertText('other-gate', refusal)).toBe(
      'The gate unknown-user refused google 3 times, the last time 2a00:1450::1 (google) for a@b.example: ' +
        '550 5.1.1 User unknown. screenpass changed nothing, since an entry in the table does not affect this gate. ' +
        'Create it.',
    );
  });

  it('ends where there is nothing to do', () => {
    const lost = { container: 'mailserver', reason: 'the container is not running', remedy: null };
    expect(alertText('mailserver-lost', lost)).toBe(
      'screenpass cannot follow the log of mailserver: the container is not running. It retries until it can.',
    );
  });

  it.each([
    [1, 'SIGTERM stopped screenpass. 1 entry stays in the table.'],
    [2, 'SIGTERM stopped screenpass. 2 entries stay in the table.'],
  ])('has the right plural: %s', (entries, text) => {
    expect(alertText('stopping', { signal: 'SIGTERM', entries })).toBe(text);
  });
});

import { describe, expect, it } from 'vitest';
import { counted, type DailyEvent, type Days, type Digested, dayOf } from '../../../src/core/alerts/days.ts';
import { digestOf, digestText, isMissed } from '../../../src/core/alerts/digest.ts';
import { newEntry } from '../../../src/core/policy/entry.ts';

const DAY = 86_400_000;
const NOON = Date.parse('2026-11-24T12:00:00Z');
const refused = (sender: string, gate: string, ...zones: string[]): DailyEvent => ({
  ...{ kind: 'refused', sender, gate },
  zones,
});

function daysOf(events: readonly (readonly [DailyEvent, number])[], digested: Digested | null = null): Days {
  const start = { days: {} as Days, digested };
  return events.reduce((state, [one, at]) => counted(state, one, at), start).days;
}

describe('what is counted by day', () => {
  it('stands by sender and gate, on the day of the log in UTC', () => {
    const days = daysOf([
      [refused('ses', 'dnsbl', 'zen.spamhaus.org'), NOON],
      [refused('ses', 'dnsbl', 'zen.spamhaus.org', 'b.example'), NOON + 1],
      [refused('ses', 'client-hostname'), NOON + DAY / 2],
      [{ kind: 'recovered', sender: 'ses' }, NOON],
      [{ kind: 'still-refused', sender: 'google' }, NOON],
      [{ kind: 'stranger' }, NOON],
    ]);
    expect(days).toEqual({
      '2026-11-24': {
        refusals: { ses: { dnsbl: 2 } },
        recovered: { ses: 1 },
        stillRefused: { google: 1 },
        zones: { 'zen.spamhaus.org': 2, 'b.example': 1 },
        strangers: 1,
      },
      '2026-11-25': expect.objectContaining({ refusals: { ses: { 'client-hostname': 1 } } }),
    });
  });

  it('is kept for two weeks, and a zone too many counts with the others', () => {
    const many = Array.from(
      { length: 100 },
      (_, i) => [refused('ses', 'dnsbl', `z${i}.example`), NOON] as const,
    );
    const zones = daysOf(many)['2026-11-24']?.zones ?? {};
    expect(Object.keys(zones)).toHaveLength(51);
    expect(zones['(others)']).toBe(50);
    const days = daysOf(
      Array.from({ length: 40 }, (_, i) => [{ kind: 'stranger' }, NOON + i * DAY] as const),
    );
    expect(Object.keys(days)).toHaveLength(14);
    expect(days[dayOf(NOON + 39 * DAY)]).toBeDefined();
  });

  it('counts for the next day when its own was reported already', () => {
    const digested = { at: NOON, through: '2026-11-24' };
    expect(Object.keys(daysOf([[{ kind: 'stranger' }, NOON - 3 * DAY]], digested))).toEqual(['2026-11-25']);
  });

  it('counts a zone of any name, also one that every object has', () => {
    const days = daysOf([[refused('ses', 'dnsbl', '__proto__', 'constructor'), NOON]]);
    expect(Object.entries(days['2026-11-24']?.zones ?? {})).toEqual([
      ['__proto__', 1],
      ['constructor', 1],
    ]);
  });
});

describe('the digest', () => {
  const days = daysOf([
    [refused('ses', 'dnsbl', 'zen.spamhaus.org'), NOON - DAY],
    [refused('ses', 'dnsbl', 'zen.spamhaus.org'), NOON],
    [refused('google', 'pregreet'), NOON],
    [{ kind: 'recovered', sender: 'ses' }, NOON],
    [{ kind: 'stranger' }, NOON],
    [refused('ses', 'dnsbl'), NOON + DAY],
  ]);

  it('tells of the whole days since the last one, together', () => {
    const before = { at: NOON - DAY, through: '2026-11-22' };
    const expiring = [newEntry('brevo', 0, { scope: 'sender', networks: [], cause: null })];
    const digest = digestOf(days, before, NOON + DAY, expiring);
    expect(digest).toEqual({
      ...{ from: '2026-11-23', to: '2026-11-24' },
      refusals: { ses: { dnsbl: 2 }, google: { pregreet: 1 } },
      recovered: { ses: 1 },
      stillRefused: {},
      zones: { 'zen.spamhaus.org': 2 },
      expiring: ['brevo'],
      strangers: 1,
    });
    if (digest === null) throw new Error('there is one');
    expect(digestText(digest)).toBe(
      '2026-11-23 to 2026-11-24: 3 refusals of watched senders: ses (dnsbl 2), google (pregreet 1); ' +
        'got through again: ses 1; zones: zen.spamhaus.org 2; expiring soon: brevo; refusals of others: 1',
    );
  });

  it('covers each day once', () => {
    expect(digestOf(days, { at: NOON, through: '2026-11-24' }, NOON + DAY, [])).toBeNull();
    expect(digestOf(days, { at: NOON, through: '2026-11-24' }, NOON + 2 * DAY, [])).toMatchObject({
      from: '2026-11-25',
      refusals: { ses: { dnsbl: 1 } },
    });
  });

  it('says that nothing was refused', () => {
    const digest = digestOf({}, null, NOON, []);
    expect(digest && digestText(digest)).toBe(
      '2026-11-23: no watched sender was refused; refusals of others: 0',
    );
  });

  it('was missed when its time is well over, and not at the very first start', () => {
    expect(isMissed(null, DAY, NOON)).toBe(false);
    const before = { at: NOON, through: '2026-11-23' };
    expect(isMissed(before, DAY, NOON + DAY)).toBe(false);
    expect(isMissed(before, DAY, NOON + DAY + 2 * 3_600_000)).toBe(true);
  });
});

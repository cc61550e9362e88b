import { describe, expect, it } from 'vitest';
import { firstStamp } from '../../../src/core/log/log-line.ts';
import { createLogTimes, yearsBefore } from '../../../src/core/log/log-time.ts';

function times(now: string, ...stamps: string[]): (string | null)[] {
  const log = createLogTimes(Date.parse(now));
  return stamps
    .map(log.read)
    .map((time) =>
      time === null ? null : new Date(yearsBefore(time, log.yearsAhead)).toISOString().slice(0, 19),
    );
}

describe('the time of a stamp', () => {
  it('is what an RFC 3339 stamp says, in UTC', () => {
    const stamps = [
      '2024-11-24T02:24:10.921946642Z',
      '2024-11-24T04:24:11+02:00',
      '2024-11-24T02:24:12.919752+00:00',
    ];
    expect(times('2026-11-24T00:00:00Z', ...stamps)).toEqual([
      '2024-11-24T02:24:10',
      '2024-11-24T02:24:11',
      '2024-11-24T02:24:12',
    ]);
  });

  it.each([
    ['of this year, when it is over', '2026-11-24T12:00:00Z', 'Nov 24 02:24:10', '2026-11-24T02:24:10'],
    [
      'of last year, when it would lie ahead',
      '2026-11-24T12:00:00Z',
      'Nov 26 02:24:10',
      '2025-11-26T02:24:10',
    ],
    [
      'of today, when the clock is a little fast',
      '2026-12-31T23:59:00Z',
      'Jan  1 00:00:10',
      '2027-01-01T00:00:10',
    ],
    ['of the last leap year', '2027-03-01T00:00:00Z', 'Feb 29 12:00:00', '2024-02-29T12:00:00'],
  ])('without a year is %s', (_, now, stamp, expected) => {
    expect(times(now, stamp)).toEqual([expected]);
  });

  it('goes on over New Year, and back for a line that comes late', () => {
    const stamps = [
      'Dec 31 23:59:58',
      'Jan  1 00:00:01',
      'Dec 31 23:59:59',
      'Jan  1 00:00:02',
      'Mar  2 16:55:13',
    ];
    expect(times('2026-11-24T12:00:00Z', ...stamps)).toEqual([
      '2025-12-31T23:59:58',
      '2026-01-01T00:00:01',
      '2025-12-31T23:59:59',
      '2026-01-01T00:00:02',
      '2026-03-02T16:55:13',
    ]);
  });

  it('is found for all once the log has shown how long it is', () => {
    const stamps = ['Nov 20 02:00:00', 'Dec 31 23:00:00', 'Jan 10 02:00:00'];
    expect(times('2026-11-24T12:00:00Z', ...stamps)).toEqual([
      '2025-11-20T02:00:00',
      '2025-12-31T23:00:00',
      '2026-01-10T02:00:00',
    ]);
    const months = ['Mar', 'Jul', 'Nov'].map((month) => `${month} 20 02:00:00`);
    const years = times('2026-11-24T12:00:00Z', ...months, ...months, ...months);
    expect(years.map((time) => time?.slice(0, 4)).join(' ')).toBe(
      '2024 2024 2024 2025 2025 2025 2026 2026 2026',
    );
  });

  it('that is certain is left alone, even if it lies ahead', () => {
    expect(times('2026-11-24T12:00:00Z', '2027-06-01T00:00:00Z', 'Jun  2 00:00:00')).toEqual([
      '2027-06-01T00:00:00',
      '2027-06-02T00:00:00',
    ]);
  });

  it('without a year is near to the stamps with one', () => {
    expect(times('2026-11-24T12:00:00Z', '2023-12-31T23:00:00Z', 'Jan  1 00:00:00')[1]).toBe(
      '2024-01-01T00:00:00',
    );
  });

  it.each([
    '2026-13-45T99:00:00Z',
    'Foo 24 02:24:10',
    'Feb 30 02:24:10',
    'Nov 24',
    '',
  ])('is unknown for "%s"', (stamp) => {
    expect(times('2026-11-24T12:00:00Z', 'Nov 24 02:24:10', stamp)[1]).toBeNull();
  });
});

describe('the first stamp of a line', () => {
  const BODY = 'mail postfix/postscreen[910]: DISCONNECT [192.0.2.1]:1';
  const ENGINE = '2026-11-24T02:24:10.921946642Z';
  const HOST = '2026-11-24T02:24:09.919752+00:00';

  it.each([
    ["the Engine's", `${ENGINE} ${HOST} ${BODY}`, ENGINE],
    ["the Engine's before a classic one", `${ENGINE} Nov 24 02:24:09 ${BODY}`, ENGINE],
    ["the Engine's after compose's name", `mailserver-1  | ${ENGINE} ${HOST} ${BODY}`, ENGINE],
    ["the mail host's", `${HOST} ${BODY}`, HOST],
    ["the mail host's classic one", `Nov  4 02:24:09 ${BODY}`, 'Nov  4 02:24:09'],
    ['none', BODY, null],
  ])('is %s', (_, line, expected) => {
    expect(firstStamp(line)).toBe(expected);
  });
});

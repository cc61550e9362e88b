// The judge must notice: each kind of difference is named.
import { describe, expect, it } from 'vitest';
import { alertBooks, countsOf, differences, logBooks, type RefusalAlert, unfounded } from './balance.ts';
import { readMailLog } from './reader.ts';

const CONTAINER = '0123456789abcdef';
const senders = new Map([['54.240.27.75', 'amazon-ses']]);

/** Sessions of Amazon SES, one a second, each by its port: refused for its listing, or gone in the greet wait. */
function logOf(...sessions: readonly (readonly [port: number, end: 'refused' | 'left' | 'passed'])[]) {
  const lines = sessions.flatMap(([port, end], i) => {
    const client = `[54.240.27.75]:${port}`;
    const write = (text: string) =>
      `2026-11-24T09:00:${10 + i}.123456789Z Nov 24 09:00:${10 + i} mail postfix/postscreen[7]: ${text}\n`;
    const texts = {
      refused: [`DNSBL rank 3 for ${client}`, `DISCONNECT ${client}`],
      left: [`HANGUP after 0.1 from ${client} in tests before SMTP handshake`, `DISCONNECT ${client}`],
      passed: [`PASS NEW ${client}`],
    };
    return [`CONNECT from ${client} to [192.0.2.25]:25`, ...texts[end]].map(write);
  });
  return logBooks([{ container: CONTAINER, rows: readMailLog(Buffer.from(lines.join(''))) }], senders);
}

const refusal = (port: number, second: number, changed: Partial<RefusalAlert> = {}): RefusalAlert => ({
  ...{ alert: 'sender-refused', id: `0123456789ab [54.240.27.75]:${port} 2026-11-24T09:00:${second}.123Z` },
  ...{ sender: 'amazon-ses', gate: 'dnsbl', ...changed },
});

function judged(log: ReturnType<typeof logOf>, ...alerts: readonly RefusalAlert[]): readonly string[] {
  const books = alertBooks(alerts);
  return [
    ...differences('alerts', countsOf(log.refused), books.refused),
    ...unfounded(books, log),
    ...books.doubled,
  ];
}

describe('the independent judge', () => {
  const two = logOf([4711, 'refused'], [4712, 'refused'], [4713, 'passed']);

  it('is content with one alert for each refusal, alone or together', () => {
    expect(judged(two, refusal(4711, 10), refusal(4712, 11))).toEqual([]);
    expect(judged(two, refusal(4711, 10), refusal(4712, 11, { id: 'burst', count: 1 }))).toEqual([]);
  });

  it('names a refusal that was never reported', () => {
    expect(judged(two, refusal(4711, 10))).toEqual([
      'alerts: amazon-ses dnsbl: 2 in the log, 1 by screenpass',
    ]);
  });

  it('names a report that the log has not, and one at another gate', () => {
    const passed = refusal(4713, 12);
    expect(judged(two, refusal(4711, 10), refusal(4712, 11), passed)).toEqual([
      'alerts: amazon-ses dnsbl: 2 in the log, 3 by screenpass',
      `alert ${passed.id} (amazon-ses dnsbl): the log has no such refusal`,
    ]);
    const other = refusal(4712, 11, { gate: 'protocol' });
    expect(judged(two, refusal(4711, 10), other)).toContain(
      `alert ${other.id}: amazon-ses protocol, by the log amazon-ses dnsbl`,
    );
  });

  it('excuses what is told again only by the next process', () => {
    const [a, b] = [refusal(4711, 10), refusal(4712, 11)];
    expect(judged(two, a, b, { alert: 'started', id: '' }, b)).toEqual([]);
    expect(judged(two, a, b, b)).toContain(`told twice by one process: sender-refused ${b.id} `);
  });

  it('takes the second hang-up of a sender in the greet wait for a refusal, unless it passed in between', () => {
    expect(countsOf(logOf([1, 'left'], [2, 'left']).refused)).toEqual({ 'amazon-ses greet-wait': 1 });
    expect(countsOf(logOf([1, 'left'], [2, 'passed'], [3, 'left']).refused)).toEqual({});
  });
});

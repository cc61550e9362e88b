import { describe, expect, it } from 'vitest';
import { balance, refusalsIn, toldIn } from './books.ts';

const container = '0123456789abcdef';
const watched = new Map([['54.240.27.75', 'amazon-ses']]);

function line(second: number, text: string): string {
  return `2026-11-24T09:00:0${second}.123456789Z Nov 24 09:00:00 mail postfix/postscreen[7]: ${text}`;
}

function ids(...lines: string[]): readonly string[] {
  return [...refusalsIn([{ container, lines }], watched).refused.keys()];
}

const connect = line(1, 'CONNECT from [54.240.27.75]:4711 to [127.0.0.1]:25');
const rank = line(3, 'DNSBL rank 3 for [54.240.27.75]:4711');
const reject = line(
  3,
  'NOQUEUE: reject: RCPT from [54.240.27.75]:4711: 550 5.7.1 Service unavailable; client [54.240.27.75] blocked using zen.spamhaus.org; from=<>, to=<u@v>, proto=SMTP, helo=<>',
);
const disconnect = line(4, 'DISCONNECT [54.240.27.75]:4711');
const id = '0123456789ab [54.240.27.75]:4711 2026-11-24T09:00:01.123Z';

describe('the refusals in a mail log', () => {
  it('are counted once a session, under the id that screenpass gives them', () => {
    expect(ids(connect, rank, reject, disconnect)).toEqual([id]);
  });

  it('are also those of listed clients that left before RCPT', () => {
    expect(ids(connect, rank, disconnect)).toEqual([id]);
  });

  it('are none of strangers, of sessions that passed, or of sessions that were cut', () => {
    expect(ids(connect, line(2, 'PASS NEW [54.240.27.75]:4711'), disconnect)).toEqual([]);
    expect(ids(connect, line(2, 'ALLOWLISTED [54.240.27.75]:4711'))).toEqual([]);
    expect(ids(connect, rank)).toEqual([]);
    const stranger = [connect, reject].map((text) => text.replaceAll('54.240.27.75', '203.0.113.9'));
    expect(ids(...stranger)).toEqual([]);
  });
});

describe('a client that hung up during the greet wait', () => {
  const hangup = line(2, 'HANGUP after 0.01 from [54.240.27.75]:4711 in tests before SMTP handshake');
  const log = refusalsIn([{ container, lines: [connect, hangup, disconnect] }], watched);
  const told = [{ id, sender: 'amazon-ses', gate: 'greet-wait', time: '2026-11-24T09:00:05.000Z' }];

  it('may be told as refused, and need not be', () => {
    expect(log).toEqual({ refused: new Map(), left: [id] });
    expect(balance(log, told, [])).toMatchObject({ lost: [], unfounded: [] });
    expect(balance(log, [], [])).toMatchObject({ lost: [], unfounded: [] });
  });
});

describe('what the log of screenpass tells', () => {
  it('are the refusals, with the time of the Engine: the clock of screenpass may be wrong', () => {
    const alert = (kind: string) =>
      `2026-11-24T09:00:05.123456789Z {"level":"warn","time":"2026-12-31T00:00:00.000Z","alert":"${kind}","id":"a","sender":"s","gate":"dnsbl"}`;
    const said = [alert('sender-refused'), alert('sender-allowed'), '2026-11-24T09:00:06.1Z no alert', ''];
    expect(toldIn(said)).toEqual([{ id: 'a', sender: 's', gate: 'dnsbl', time: '2026-11-24T09:00:05.123Z' }]);
  });
});

describe('the balance', () => {
  const [sender, gate] = ['amazon-ses', 'dnsbl'];
  const refused = (...all: string[]) => ({
    refused: new Map(all.map((id) => [id, { sender, gate }])),
    left: [],
  });
  const time = '2026-11-24T09:00:05.000Z';
  const later = '2026-11-24T09:00:09.000Z';

  it('names what was never told, and what was told and is not in the log', () => {
    expect(
      balance(
        refused('a', 'b'),
        [
          { id: 'a', sender, gate, time },
          { id: 'c', sender, gate, time },
        ],
        [],
      ),
    ).toMatchObject({
      refusals: 2,
      told: 2,
      lost: ['b'],
      unfounded: ['c at dnsbl, by the log not refused'],
      gates: { dnsbl: { refused: 2, told: 1 } },
      doubled: [],
    });
  });

  it('names what was told at another gate than the one that refused it', () => {
    expect(balance(refused('a'), [{ id: 'a', sender, gate: 'protocol', time }], [])).toMatchObject({
      lost: [],
      unfounded: ['a at protocol, by the log dnsbl'],
    });
  });

  it('takes what was told together by its number', () => {
    const books = (count: number, ...kills: number[]) =>
      balance(
        refused('a', 'b', 'c'),
        [
          { id: 'a', sender, gate, time },
          { id: 'b', sender, gate, count, time },
        ],
        kills,
      );
    expect(books(2)).toMatchObject({ lost: [], unfounded: [], together: 2 });
    expect(books(1)).toMatchObject({ lost: ['c'] });
    expect(books(3)).toMatchObject({
      lost: [],
      unfounded: ['amazon-ses dnsbl: 3 told together, 2 in the log'],
    });
    // After a kill it may be told again, in other groups.
    expect(books(3, Date.parse(time))).toMatchObject({ lost: [], unfounded: [] });
  });

  it('excuses a repetition only if screenpass was killed in between', () => {
    const told = [
      { id: 'a', sender, gate, time },
      { id: 'a', sender, gate, time: later },
    ];
    const kill = Date.parse('2026-11-24T09:00:07.000Z');
    expect(balance(refused('a'), told, [kill])).toMatchObject({ doubled: [], repeated: 1 });
    expect(balance(refused('a'), told, [kill - 5000, kill + 5000])).toMatchObject({
      doubled: ['a'],
      repeated: 0,
    });
  });
});

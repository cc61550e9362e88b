import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEvent } from '../../../src/core/log/postfix-event.ts';
import { createSessions, type Outcome, type Sessions } from '../../../src/core/postscreen/session.ts';

const A = '[54.240.27.75]:41001';
const REJECT = `NOQUEUE: reject: RCPT from ${A}: 550 5.7.1 Service unavailable; client [54.240.27.75] blocked using zen.spamhaus.org; from=<a@b>, to=<c@d>, proto=ESMTP, helo=<x>`;

/** Feeds message texts, each a second after the other; the stamps stand in the lines too. */
function play(messages: readonly string[], sessions: Sessions = createSessions(), start = 0): Outcome[] {
  return messages.flatMap((message, i) => {
    const at = start + i * 1000;
    const stamp = new Date(at).toISOString();
    const program = message.startsWith('addr ') ? 'dnsblog' : 'postscreen';
    const event = parseEvent(`${stamp} mail postfix/${program}[${910 + (i % 2)}]: ${message}`);
    const outcome = event && sessions.take(event, at);
    return outcome ? [outcome] : [];
  });
}

const SECONDS = 'Nov 24 02:00:00';
const SESSION = [
  `CONNECT from ${A} to [192.0.2.25]:25`,
  `DNSBL rank 3 for ${A}`,
  REJECT,
  `DISCONNECT ${A}`,
] as const;

/** Feeds messages with stamps of their own, a millisecond after the other. */
function feed(lines: readonly (readonly [stamp: string, message: string])[]): Outcome[] {
  const sessions = createSessions();
  return lines.flatMap(([stamp, message], at) => {
    const event = parseEvent(`${stamp} mail postfix/postscreen[1]: ${message}`);
    return (event && sessions.take(event, at)) ?? [];
  });
}

describe('a session is refused', () => {
  it('once, at its first rejected RCPT, with the zones that dnsblog named', () => {
    const outcomes = play([
      `CONNECT from ${A} to [192.0.2.25]:25`,
      'addr 54.240.27.75 listed by domain bl.example.org as 127.0.0.2',
      'addr 54.240.27.75 listed by domain zen.spamhaus.org as 127.0.0.2',
      `DNSBL rank 5 for ${A}`,
      REJECT,
      REJECT,
      `DISCONNECT ${A}`,
    ]);
    expect(outcomes).toEqual([
      {
        kind: 'refused',
        refusal: {
          ip: '54.240.27.75',
          port: 41001,
          connectedAt: 0,
          at: 4000,
          gate: 'dnsbl',
          code: 550,
          enhanced: '5.7.1',
          zones: ['zen.spamhaus.org', 'bl.example.org'],
        },
        findings: {
          whole: true,
          remembered: false,
          rank: 5,
          greeted: true,
          pregreet: false,
          protocol: false,
          answers: [
            { zone: 'bl.example.org', answer: '127.0.0.2', at: 1000 },
            { zone: 'zen.spamhaus.org', answer: '127.0.0.2', at: 2000 },
          ],
        },
      },
    ]);
  });

  it.each([
    ['dnsbl', [`DNSBL rank 3 for ${A}`]],
    ['pregreet', [`PREGREET 14 after 0 from ${A}: EHLO x\\r\\n`]],
    ['protocol', [`COMMAND PIPELINING from ${A} after MAIL: RCPT\\r\\n`]],
    ['protocol', [`NON-SMTP COMMAND from ${A} after EHLO: Subject: hi`]],
    ['operator-reject', [`DENYLISTED ${A}`]],
    ['dnsbl', [`DNSBL rank 3 for ${A}`, `HANGUP after 1 from ${A} in tests after SMTP handshake`]],
  ] as const)('by %s when postscreen ends it without a reply that names a reason (%j)', (gate, lines) => {
    const outcomes = play([`CONNECT from ${A} to [192.0.2.25]:25`, ...lines, `DISCONNECT ${A}`]);
    expect(outcomes).toMatchObject([{ kind: 'refused', refusal: { gate, code: null, connectedAt: 0 } }]);
  });

  it.each([
    ['pregreet', [`PREGREET 14 after 0 from ${A}: EHLO x\\r\\n`], '550 5.5.1 Protocol error'],
    ['protocol', [`BARE NEWLINE from ${A} after EHLO x`], '550 5.5.1 Protocol error'],
    ['first-contact', [], '450 4.3.2 Service currently unavailable'],
    ['veto', [`WHITELIST VETO ${A}`], '450 4.3.2 Service currently unavailable'],
    ['operator-reject', [`BLACKLISTED ${A}`], '550 5.3.2 Service currently unavailable'],
    ['operator-reject', [`DENYLISTED ${A}`], '450 4.3.2 Service currently unavailable'],
    [
      'operator-reject',
      [`DENYLISTED ${A}`],
      '550 5.7.1 Service unavailable; client [54.240.27.75] blocked using z',
    ],
    [
      'dnsbl',
      [`PREGREET 14 after 0 from ${A}: x`],
      '450 4.7.1 Service unavailable; client [54.240.27.75] blocked using z',
    ],
  ] as const)('by %s, after %j, with %j', (gate, lines, reply) => {
    const reject = `NOQUEUE: reject: RCPT from ${A}: ${reply}; from=<a@b>, to=<c@d>, proto=ESMTP, helo=<x>`;
    const outcomes = play([
      `CONNECT from ${A} to [192.0.2.25]:25`,
      ...lines,
      reject,
      `PASS NEW ${A}`,
      `DISCONNECT ${A}`,
    ]);
    expect(outcomes).toMatchObject([{ kind: 'refused', refusal: { gate } }]);
  });

  it('by the test that the reply is for, whatever else was logged and in whatever order', () => {
    const pregreet = `PREGREET 14 after 0 from ${A}: EHLO x\\r\\n`;
    const rank = `DNSBL rank 3 for ${A}`;
    const rules = [
      `COMMAND PIPELINING from ${A} after MAIL: RCPT\\r\\n`,
      `BARE NEWLINE from ${A} after EHLO x`,
      `NON-SMTP COMMAND from ${A} after EHLO: Subject: hi`,
    ];
    const replies = {
      listed: '550 5.7.1 Service unavailable; client [54.240.27.75] blocked using z',
      broken: '550 5.5.1 Protocol error',
    };
    fc.assert(
      fc.property(
        fc.shuffledSubarray([pregreet, rank, ...rules]),
        fc.constantFrom<keyof typeof replies | null>('listed', 'broken', null),
        (lines, reply) => {
          const spokeEarly = lines.includes(pregreet);
          const brokeRules = lines.some((line) => rules.includes(line));
          // Postfix gives only a reply for which there was a cause.
          fc.pre(reply === null ? lines.length > 0 : reply === 'listed' || spokeEarly || brokeRules);
          const reject = `NOQUEUE: reject: RCPT from ${A}: ${reply && replies[reply]}; from=<a@b>, to=<c@d>, proto=SMTP, helo=<x>`;
          const outcomes = play([
            `CONNECT from ${A} to [192.0.2.25]:25`,
            ...lines,
            ...(reply === null ? [] : [reject]),
            `DISCONNECT ${A}`,
          ]);
          const ofRules = spokeEarly ? 'pregreet' : 'protocol';
          // Without a reply the last test counts, of which the next one here would have given the reply.
          const last = lines.at(-1) === rank ? 'dnsbl' : ofRules;
          const gate = reply === null ? last : reply === 'listed' ? 'dnsbl' : ofRules;
          expect(outcomes).toMatchObject([{ kind: 'refused', refusal: { gate } }]);
        },
      ),
    );
  });

  it.each([
    `NOQUEUE: reject: CONNECT from ${A}: too many connections`,
    `NOQUEUE: reject: CONNECT from ${A}: all server ports busy`,
    `reject: connect from ${A}: all screening ports busy`,
    `NOQUEUE: reject: CONNECT from ${A}: all screening ports busy`,
  ])('by overload: %s', (line) => {
    const outcomes = play([`CONNECT from ${A} to [192.0.2.25]:25`, line]);
    expect(outcomes).toMatchObject([{ kind: 'refused', refusal: { gate: 'overload', code: null } }]);
  });

  it('also when the log begins in the middle of it', () => {
    expect(play([REJECT])).toMatchObject([{ kind: 'refused', refusal: { connectedAt: null, at: 0 } }]);
    expect(play([`DNSBL rank 3 for ${A}`, `DISCONNECT ${A}`])).toMatchObject([{ kind: 'refused' }]);
  });

  it('and the next session from the same port is another one', () => {
    const session = [`CONNECT from ${A} to [192.0.2.25]:25`, REJECT, `DISCONNECT ${A}`];
    expect(play([...session, ...session])).toHaveLength(2);
  });
});

describe('a session is not refused', () => {
  it.each([
    ['action ignore: listed, then handed over', [`DNSBL rank 3 for ${A}`]],
    ['action ignore: denylisted, then passed', [`DENYLISTED ${A}`, `PASS NEW ${A}`]],
    ['action ignore: pregreet, then known', [`PREGREET 14 after 0 from ${A}: x`, `PASS OLD ${A}`]],
    [
      'a client that left the deep tests by itself',
      [`HANGUP after 9 from ${A} in tests after SMTP handshake`, `DISCONNECT ${A}`],
    ],
    ['a quiet end', [`DISCONNECT ${A}`]],
  ])('%s', (_, lines) => {
    const outcomes = play([`CONNECT from ${A} to [192.0.2.25]:25`, ...lines]);
    expect(outcomes.filter(({ kind }) => kind !== 'passed')).toEqual([]);
  });

  it('by lines of other programs or forged in a pregreet', () => {
    const forged = `PREGREET 99 after 0 from [203.0.113.9]:5: NOQUEUE: reject: RCPT from ${A}: 550 5.7.1 Service`;
    expect(play([forged])).toEqual([]);
  });
});

describe('what was found in a session', () => {
  const CONNECT = `CONNECT from ${A} to [192.0.2.25]:25`;
  const listed = (zone: string) => `addr 54.240.27.75 listed by domain ${zone} as 127.0.0.2`;

  it('is what dnsblog had answered when the score was taken, not what came too late', () => {
    const lines = [CONNECT, listed('a.example'), `DNSBL rank 3 for ${A}`, listed('late.example'), REJECT];
    expect(play(lines)).toMatchObject([{ findings: { rank: 3, answers: [{ zone: 'a.example' }] } }]);
  });

  it('holds the answers that an overlapping session of the same client asked for, and none from long before', () => {
    const sessions = createSessions();
    play([listed('gone.example')], sessions, 0);
    play([listed('a.example')], sessions, 20_000);
    const [outcome] = play([CONNECT, `PASS NEW ${A}`], sessions, 25_000);
    expect(outcome?.findings.answers.map(({ zone }) => zone)).toEqual(['a.example']);
  });

  it('is known of a client that comes again when its first answers have expired', () => {
    const sessions = createSessions();
    play([CONNECT, listed('a.example'), `PASS NEW ${A}`], sessions, 0);
    const [outcome] = play([CONNECT, listed('a.example'), `PASS NEW ${A}`], sessions, 16 * 60_000);
    expect(outcome?.findings.answers).toHaveLength(1);
  });

  it.each([
    [
      'nothing of tests that postscreen remembers',
      [CONNECT, `PASS OLD ${A}`],
      { remembered: true, greeted: false },
    ],
    [
      'all, when its CONNECT is there',
      [CONNECT, `PASS NEW ${A}`],
      { whole: true, remembered: false, greeted: true },
    ],
    ['not all, when the log begins later', [`PASS NEW ${A}`], { whole: false }],
    [
      'no score, when it was dropped at once',
      [CONNECT, `PREGREET 14 after 0 from ${A}: x`, `DISCONNECT ${A}`],
      { pregreet: true, greeted: false },
    ],
    [
      'each test that failed, whichever gave the reply',
      [
        CONNECT,
        `PREGREET 14 after 0 from ${A}: x`,
        `DNSBL rank 3 for ${A}`,
        `BARE NEWLINE from ${A} after EHLO`,
        REJECT,
      ],
      { pregreet: true, rank: 3, protocol: true, greeted: true },
    ],
    [
      'that a client left after the greet wait',
      [
        CONNECT,
        `PREGREET 14 after 0 from ${A}: x`,
        `HANGUP after 1 from ${A} in tests after SMTP handshake`,
        `DISCONNECT ${A}`,
      ],
      { greeted: true },
    ],
  ])('is %s', (_, lines, findings) => {
    expect(play(lines)).toMatchObject([{ findings }]);
  });
});

describe('sessions', () => {
  it.each([
    ['ALLOWLISTED', true],
    ['WHITELISTED', true],
    ['PASS NEW', false],
    ['PASS OLD', false],
  ])('%s passes', (words, allowlisted) => {
    const outcomes = play([`CONNECT from ${A} to [192.0.2.25]:25`, `${words} ${A}`]);
    expect(outcomes).toMatchObject([{ kind: 'passed', ip: '54.240.27.75', at: 1000, allowlisted }]);
  });

  it('tell of a client that left during the greet wait', () => {
    const lines = [
      `CONNECT from ${A} to [192.0.2.25]:25`,
      `HANGUP after 2 from ${A} in tests before SMTP handshake`,
      `DISCONNECT ${A}`,
    ];
    expect(play(lines)).toMatchObject([{ kind: 'hung-up', refusal: { gate: 'greet-wait' } }]);
  });

  it('count once when every line is printed twice, whichever way', () => {
    const lines = [`CONNECT from ${A} to [192.0.2.25]:25`, REJECT, `DISCONNECT ${A}`];
    const sessions = createSessions();
    const feed = (line: string, at: number) => {
      const event = parseEvent(
        `${new Date(lines.indexOf(line)).toISOString()} mail postfix/postscreen[1]: ${line}`,
      );
      return (event && sessions.take(event, at)) ?? [];
    };
    const interleaved = lines.flatMap((line, i) => [feed(line, i), feed(line, i)]).flat();
    const again = lines.flatMap((line, i) => feed(line, 10 + i));
    expect(interleaved).toHaveLength(1);
    expect(again).toHaveLength(0);
  });

  describe.each([
    ['stamps in whole seconds', SECONDS],
    ['stamps in microseconds', '2026-11-24T02:00:00.123456+00:00'],
  ])('of one client and port, with %s', (_, stamp) => {
    const all = SESSION.map((message) => [stamp, message] as const);

    it.each([
      ['line by line', all.flatMap((line) => [line, line])],
      ['one after the other', [...all, ...all]],
      ['in pieces', [...all.slice(0, 2), ...all.slice(0, 2), ...all.slice(2), ...all.slice(2)]],
      ['three times', [...all, ...all, ...all]],
    ])('count once when they are printed again %s', (__, lines) => {
      expect(feed(lines)).toHaveLength(1);
    });

    it('count as two when their CONNECTs differ in their stamps, however near', () => {
      const near = stamp.replace('123456', '123457').replace('Nov 24 02:00:00', 'Nov 24 02:00:01');
      expect(feed([...all, ...SESSION.map((message) => [near, message] as const)])).toHaveLength(2);
    });
  });

  it('count as two when their CONNECTs are the same line, in whole seconds, and another line is not', () => {
    const all = SESSION.map((message) => [SECONDS, message] as const);
    const [connect, rank, reject, end] = SESSION;
    const again = reject.replace('helo=<x>', 'helo=<y>');
    const next = 'Nov 24 02:00:01';
    expect(feed([...all, [SECONDS, connect], [SECONDS, again], [SECONDS, end]])).toHaveLength(2);
    expect(feed([...all, [SECONDS, connect], [SECONDS, rank], [next, reject], [next, end]])).toHaveLength(2);
    // What makes the difference can come after its fate.
    expect(feed([...all, ...all.slice(0, 3), [next, end]])).toHaveLength(2);
  });

  it('keep interleaved clients apart, IPv6 too', () => {
    const B = '[2001:db8::5]:41001';
    const outcomes = play([
      `CONNECT from ${A} to [192.0.2.25]:25`,
      `CONNECT from ${B} to [2001:db8::25]:25`,
      `DNSBL rank 3 for ${B}`,
      `PASS OLD ${A}`,
      `DISCONNECT ${B}`,
    ]);
    expect(outcomes).toMatchObject([
      { kind: 'passed', ip: '54.240.27.75' },
      { kind: 'refused', refusal: { ip: '2001:db8::5' } },
    ]);
  });

  it('stay bounded when they never end, the oldest leaving first', () => {
    const sessions = createSessions({ open: 100, ageMs: 1e9 });
    for (let port = 1; port <= 1000; port += 1)
      play([`CONNECT from [192.0.2.1]:${port} to [192.0.2.25]:25`], sessions, port);
    expect(sessions.size).toBe(100);
    expect(play(['DISCONNECT [192.0.2.1]:1'], sessions, 2000)).toEqual([]);
  });

  it('leave when the log goes back in time, as two files in the wrong order do', () => {
    const sessions = createSessions({ open: 100, ageMs: 60_000 });
    play([`CONNECT from ${A} to [192.0.2.25]:25`], sessions, 1_000_000);
    play(['CONNECT from [192.0.2.1]:1 to [192.0.2.25]:25'], sessions, 0);
    expect(sessions.size).toBe(1);
  });

  it('expire by log time', () => {
    const sessions = createSessions({ open: 100, ageMs: 60_000 });
    play([`CONNECT from ${A} to [192.0.2.25]:25`, `DNSBL rank 3 for ${A}`], sessions);
    play(['CONNECT from [192.0.2.1]:1 to [192.0.2.25]:25'], sessions, 120_000);
    expect(sessions.size).toBe(1);
    expect(play([`DISCONNECT ${A}`], sessions, 121_000)).toEqual([]);
  });

  it('stay bounded in a flood of clients that come once, with the answers of dnsblog', () => {
    const sessions = createSessions();
    const event = parseEvent(`2026-11-24T02:00:00Z mail postfix/postscreen[1]: CONNECT from ${A}`);
    const listed = parseEvent(
      '2026-11-24T02:00:00Z mail postfix/dnsblog[1]: addr 192.0.2.1 listed by domain z as 127.0.0.2',
    );
    if (event === undefined || listed === undefined) throw new Error('these are lines of Postfix');
    const sizes = new Set<boolean>();
    for (let i = 0; i < 200_000; i += 1) {
      const ip = `11.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
      sessions.take({ ...event, ip }, i);
      sessions.take({ ...listed, ip }, i);
      // Half of them end.
      if (i % 2 === 0) sessions.take({ ...event, kind: 'disconnect', ip }, i);
      sizes.add(sessions.size <= 30_000);
    }
    expect(sizes).toEqual(new Set([true]));
    expect(sessions.size).toBeGreaterThan(15_000);
  });
});

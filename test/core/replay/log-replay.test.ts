import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { network } from '../../../src/core/net/network.ts';
import { newEntry, withEntry } from '../../../src/core/policy/entry.ts';
import type { Rules } from '../../../src/core/policy/policy.ts';
import { parseSites } from '../../../src/core/postscreen/dnsbl-sites.ts';
import { Replay, type ReplayOptions, type ReplayReport } from '../../../src/core/replay/log-replay.ts';
import { buildRoster } from '../../../src/core/senders/roster.ts';
import { EMPTY_STATE } from '../../../src/core/state/state.ts';
import { definition } from '../../double/definition.ts';
import { feed, LISTED, replayLog } from '../../double/replay-log.ts';

const NOW = Date.parse('2026-11-25T00:00:00Z');
const HOUR = 3_600_000;
const RULES: Rules = {
  observing: false,
  scope: 'sender',
  threshold: 1,
  windowMs: HOUR,
  ttlMs: 30 * 24 * HOUR,
  never: [],
  vetoZones: new Set(),
};
const SENDERS = [
  definition({ id: 'ses', networks: ['54.240.0.0/18'] }),
  definition({ id: 'google', networks: ['209.85.128.0/17', '2a00:1450:4000::/36'] }),
];
const SES = '54.240.27.75';
const STRANGER = '203.0.113.9';

function replay(
  lines: readonly string[],
  rules: Partial<Rules> = {},
  options: Partial<ReplayOptions> = {},
): ReplayReport {
  const replay = new Replay({
    roster: buildRoster(SENDERS, {}, NOW),
    rules: { ...RULES, ...rules },
    start: EMPTY_STATE,
    preseed: new Set(),
    otherSettings: null,
    now: NOW,
    ...options,
  });
  feed(replay, lines);
  return replay.report();
}

/** Three refusals of SES, ten minutes apart, and a pass from another address after the last. */
function threeRefusals() {
  const log = replayLog();
  log.refused(SES, LISTED);
  log.wait(594);
  log.refused('54.240.27.76', LISTED);
  log.wait(594);
  log.refused('54.240.27.77', LISTED);
  log.wait(94);
  log.passed('54.240.28.1');
  return log.lines;
}

describe('a refused sender in an old log', () => {
  it('would have been allowed at its first refusal, which would have spared it the others', () => {
    const { senders, period } = replay(threeRefusals());
    expect(senders).toEqual([
      {
        sender: 'ses',
        sessions: 4,
        passed: 1,
        gaveUp: 0,
        refused: {
          total: 3,
          gates: { dnsbl: 3 },
          zones: { 'zen.spamhaus.org': 3 },
          days: { '2026-11-24': 3 },
        },
        otherGates: {},
        wait: { count: 1, median: 1300 },
        waiting: false,
        allowed: [
          {
            at: '2026-11-24T02:00:06.000Z',
            cause: {
              client: SES,
              gate: 'dnsbl',
              code: 550,
              zones: ['zen.spamhaus.org'],
              evidence: 'network',
            },
            spared: 2,
            until: null,
          },
        ],
        spared: 2,
        notAllowed: {},
      },
    ]);
    expect(period).toEqual({
      from: '2026-11-24T02:00:00.000Z',
      to: '2026-11-24T02:21:46.000Z',
    });
  });

  it.each([
    ['a higher threshold', { threshold: 2 }, { allowed: 1, spared: 1, notAllowed: { 'below-threshold': 1 } }],
    [
      'a window that is too short',
      { threshold: 2, windowMs: 60_000 },
      { allowed: 0, spared: 0, notAllowed: { 'below-threshold': 3 } },
    ],
    [
      'a network that is never allowed',
      { never: [network('54.240.0.0/16')] },
      { allowed: 0, spared: 0, notAllowed: { 'never-listed': 3 } },
    ],
    [
      'a zone with a veto',
      { vetoZones: new Set(['zen.spamhaus.org']) },
      { allowed: 0, spared: 0, notAllowed: { 'vetoed-by-dnsbl': 3 } },
    ],
    // Each address is opened by itself, so none of these spares the next.
    ['scope address', { scope: 'address' }, { allowed: 1, spared: 0, notAllowed: {} }],
  ] as const)('is judged with the settings: %s', (_, rules, expected) => {
    const [ses] = replay(threeRefusals(), rules).senders;
    expect({ ...ses, allowed: ses?.allowed.length }).toMatchObject(expected);
  });

  it('would have been spared everything with SCREENPASS_PRESEED', () => {
    const preseeded = newEntry('ses', NOW, { scope: 'sender', networks: [], cause: null });
    const options = { start: withEntry(EMPTY_STATE, preseeded), preseed: new Set(['ses']) };
    expect(replay(threeRefusals(), {}, options).senders).toMatchObject([
      { allowed: [{ at: null, cause: null, spared: 3 }], spared: 3 },
    ]);
  });

  it('is allowed again when its entry has left meanwhile', () => {
    const log = replayLog('2026-10-01T00:00:00Z');
    log.refused(SES, LISTED);
    log.wait(40 * 86_400);
    log.passed(STRANGER);
    log.refused(SES, LISTED);
    const [ses] = replay(log.lines).senders;
    expect(ses?.allowed).toMatchObject([{ until: '2026-11-10T00:00:06.000Z' }, { until: null }]);
    expect(ses?.spared).toBe(0);
  });

  it('is not spared what had begun before, however late it was refused', () => {
    const log = replayLog();
    const early = log.begin('54.240.27.76', LISTED);
    log.refused(SES, LISTED);
    log.wait(60);
    log.end(early, LISTED);
    expect(replay(log.lines).senders).toMatchObject([{ refused: { total: 2 }, spared: 0 }]);
  });

  it('counts as refused by the greet wait when it left twice', () => {
    const log = replayLog();
    for (let n = 0; n < 2; n += 1) {
      const client = log.begin(SES, {});
      log.say('postscreen', `HANGUP after 2.3 from ${client} in tests before SMTP handshake`);
      log.say('postscreen', `DISCONNECT ${client}`);
      log.wait(60);
    }
    expect(replay(log.lines).senders).toMatchObject([
      { sessions: 2, gaveUp: 2, refused: { total: 1, gates: { 'greet-wait': 1 } }, allowed: [{ spared: 0 }] },
    ]);
  });

  it('waits from its first refusal to its next pass; several waits give their median', () => {
    const log = replayLog();
    for (const seconds of [10, 100, 1000]) {
      log.refused(SES, LISTED);
      log.wait(seconds - 6);
      log.passed(SES);
    }
    log.refused(SES, LISTED);
    expect(replay(log.lines).senders).toMatchObject([{ wait: { count: 3, median: 100 }, waiting: true }]);
  });
});

describe('strangers', () => {
  it('are counted by gate and zone, and never named', () => {
    const log = replayLog();
    log.refused(STRANGER, {
      listed: { 'zen.spamhaus.org': ['127.0.0.2'], 'b.example': ['127.0.0.3'] },
      rank: 5,
    });
    log.refused('203.0.113.10', { pregreet: true });
    log.passed('203.0.113.11');
    const report = replay(log.lines);
    expect(report).toMatchObject({
      senders: [],
      strangers: {
        sessions: 3,
        passed: 1,
        refused: {
          total: 2,
          gates: { dnsbl: 1, pregreet: 1 },
          zones: { 'zen.spamhaus.org': 1, 'b.example': 1 },
        },
      },
    });
    expect(JSON.stringify(report)).not.toContain('203.0.113');
  });

  it('with any number of zones and days take no more memory than some', () => {
    const log = replayLog('1990-01-01T00:00:00Z');
    for (let n = 0; n < 5000; n += 1) {
      log.refused(STRANGER, { listed: { [`z${n}.example`]: ['127.0.0.2'] }, rank: 3 });
      log.wait(86_400);
    }
    const { refused } = replay(log.lines).strangers;
    expect(refused.total).toBe(5000);
    expect(Object.keys(refused.zones)).toHaveLength(201);
    expect(Object.keys(refused.days)).toHaveLength(3661);
  });
});

it('gates behind postscreen are counted by sender and gate', () => {
  const log = replayLog();
  const reject = (ip: string) =>
    log.say(
      'smtpd',
      `NOQUEUE: reject: RCPT from unknown[${ip}]: 450 4.7.25 Client host rejected: cannot find your hostname, [${ip}]; from=<a@b> to=<c@d> proto=ESMTP helo=<x>`,
    );
  for (const ip of [SES, SES, STRANGER]) {
    reject(ip);
    log.wait(1);
  }
  expect(replay(log.lines)).toMatchObject({
    senders: [{ sender: 'ses', otherGates: { 'client-hostname': 2 }, refused: { total: 0 } }],
    strangers: { otherGates: { 'client-hostname': 1 } },
  });
});

describe('the lines of a log', () => {
  const without = ({ lines: _, postfixLines: __, ...report }: ReplayReport) => report;
  const toClassic = (line: string) =>
    line.replace(/^(\S+)/, (stamp) => {
      const [, month = '', day = '', time] =
        new Date(stamp)
          .toUTCString()
          .match(/^\w+, (\d+) (\w+) \d+ (\S+)/)
          ?.slice(0, 4)
          .map((part, i, all) => (i === 1 ? (all[2] ?? '') : i === 2 ? (all[1] ?? '') : part)) ?? [];
      return `${month} ${String(Number(day)).padStart(2)} ${time}`;
    });

  it('give the same whatever their stamps', () => {
    const lines = threeRefusals();
    const expected = without(replay(lines));
    expect(without(replay(lines.map(toClassic)))).toEqual(expected);
    const engine = lines.map((line) => `${line.slice(0, 23)}123456Z ${line}`);
    expect(without(replay(engine))).toEqual(expected);
  });

  it("are timed by the Engine's stamp where it differs from the mail host's", () => {
    const lines = threeRefusals().map(
      (line) => `${line.slice(0, 23).replace('2026-11-24', '2026-11-23')}000000Z ${line}`,
    );
    expect(replay(lines).senders[0]?.refused.days).toEqual({ '2026-11-23': 3 });
  });

  it('count once when each is printed twice', () => {
    const lines = threeRefusals();
    expect(without(replay(lines.flatMap((line) => [line, line])))).toEqual(without(replay(lines)));
    const debug = lines.flatMap((line) => [
      line,
      `2026-11-24 02:00:00,123 DEBG 'mailserver' stdout output: ${line}`,
    ]);
    expect(without(replay(debug))).toEqual(without(replay(lines)));
  });

  it('without stamps are used in their order, under no day', () => {
    const { senders, period, untimed } = replay(threeRefusals().map((line) => line.replace(/^\S+ /, '')));
    expect(senders).toMatchObject([
      {
        refused: { total: 3, days: { unknown: 3 } },
        allowed: [{ at: null, cause: { client: SES }, spared: 2 }],
        wait: { count: 0, median: null },
        waiting: false,
      },
    ]);
    expect([period, untimed]).toEqual([null, 17]);
  });

  it('without a year are a year before, when the log goes on past now', () => {
    const log = replayLog('2025-11-30T00:00:00Z');
    log.refused(SES, LISTED);
    log.wait(40 * 86_400);
    log.passed(STRANGER);
    expect(replay(log.lines.map(toClassic))).toEqual(replay(log.lines));
  });

  it('of other programs, or forged, say nothing', () => {
    const forged = threeRefusals().map((line) => `2026-11-24T02:00:00Z mail dovecot[1]: user=<${line}>`);
    expect(replay(forged)).toMatchObject({
      lines: 17,
      postfixLines: 0,
      senders: [],
      strangers: { sessions: 0 },
    });
  });

  it('may be anything in any order, and each refusal counts in one place', () => {
    const said = [
      ...[
        'CONNECT from A to [192.0.2.25]:25',
        'PASS NEW A',
        'PASS OLD A',
        'ALLOWLISTED A',
        'DISCONNECT A',
        'DNSBL rank 3 for A',
      ],
      ...[
        'PREGREET 9 after 0 from A: x',
        'BARE NEWLINE from A after x',
        'HANGUP after 1 from A in tests before SMTP handshake',
      ],
      ...[
        'NOQUEUE: reject: RCPT from A: 550 5.5.1 Protocol error; from=<>, to=<>, proto=SMTP, helo=<>',
        'DENYLISTED A',
      ],
    ];
    const line = fc.record({
      stamp: fc.constantFrom(
        '',
        'Nov 24 02:24:10 ',
        'Feb 29 00:00:00 ',
        '2026-11-24T02:24:10Z ',
        '1970-01-01T00:00:00Z ',
      ),
      client: fc.constantFrom(`[${SES}]:1`, `[${STRANGER}]:2`, '[2a00:1450:4001::5]:3', '[x]:4'),
      said: fc.constantFrom(...said),
    });
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 9, arbitrary: line }, fc.string()), { maxLength: 40 }),
        (parts) => {
          const lines = parts.map((one) =>
            typeof one === 'string'
              ? one
              : `${one.stamp}mail postfix/postscreen[1]: ${one.said.replace('A', one.client)}`,
          );
          const sites = parseSites('zen.example*3');
          const otherSettings = {
            ...{ threshold: 2, without: new Set<string>(), ignorePregreet: true },
            sites: sites.ok ? sites.value : null,
          };
          const { senders, strangers, whatIf } = replay(lines, {}, { otherSettings });
          for (const [group, other] of [
            [strangers, whatIf?.strangers] as const,
            ...senders.map(
              (one) => [one, whatIf?.senders.find(({ sender }) => sender === one.sender)] as const,
            ),
          ]) {
            const { refused, passed, unknown } = other?.after ?? { refused: 0, passed: 0, unknown: 0 };
            expect(refused + passed + unknown).toBe(group.refused.total + group.passed);
            expect(Object.values(group.refused.days).reduce((sum, count) => sum + count, 0)).toBe(
              group.refused.total,
            );
          }
        },
      ),
    );
  });

  it('may be many', () => {
    const log = replayLog('2026-01-01T00:00:00Z');
    for (let n = 0; n < 40_000; n += 1)
      log.refused(n % 10 === 0 ? SES : `198.18.${n % 256}.${(n >> 8) % 256}`, LISTED);
    expect(log.lines).toHaveLength(200_000);
    expect(replay(log.lines)).toMatchObject({
      lines: 200_000,
      senders: [{ refused: { total: 4000 }, spared: 3999, waiting: true }],
      strangers: { refused: { total: 36_000 } },
    });
  });
});

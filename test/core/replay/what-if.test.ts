import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Rules } from '../../../src/core/policy/policy.ts';
import { Replay } from '../../../src/core/replay/log-replay.ts';
import { type GivenSettings, readOtherSettings } from '../../../src/core/replay/other-settings.ts';
import type { WhatIfReport } from '../../../src/core/replay/what-if.ts';
import { buildRoster } from '../../../src/core/senders/roster.ts';
import { EMPTY_STATE } from '../../../src/core/state/state.ts';
import { definition } from '../../double/definition.ts';
import { feed, LISTED, replayLog, type Story } from '../../double/replay-log.ts';

const NOW = Date.parse('2026-11-25T00:00:00Z');
const RULES: Rules = {
  observing: false,
  scope: 'sender',
  threshold: 1,
  windowMs: 3_600_000,
  ttlMs: 1e10,
  never: [],
  vetoZones: new Set(),
};
const SES = '54.240.27.75';
const STRANGER = '203.0.113.9';

function whatIf(lines: readonly string[], given: GivenSettings): WhatIfReport {
  const read = readOtherSettings(given);
  if (!read.ok) throw new Error(read.problems.join('; '));
  const replay = new Replay({
    roster: buildRoster([definition({ id: 'ses', networks: ['54.240.0.0/18'] })], {}, NOW),
    rules: RULES,
    start: EMPTY_STATE,
    preseed: new Set(),
    otherSettings: read.settings,
    now: NOW,
  });
  feed(replay, lines);
  const { whatIf } = replay.report();
  if (whatIf === null) throw new Error('nothing was asked');
  return whatIf;
}

type Log = ReturnType<typeof replayLog>;

/** What becomes of the strangers of a log. */
function strangers(play: (log: Log) => void, given: GivenSettings) {
  const log = replayLog();
  play(log);
  const { strangers, unknown } = whatIf(log.lines, given);
  const { newlyPassed, newlyRefused, after } = strangers;
  return { newlyPassed, newlyRefused, after, unknown };
}

const listed = (rank: number | undefined, ...zones: readonly string[]): Story => ({
  listed: Object.fromEntries(zones.map((zone) => [zone, ['127.0.0.2']])),
  ...(rank === undefined ? {} : { rank }),
});
const refused =
  (...stories: readonly Story[]) =>
  (log: Log) => {
    for (const story of stories) {
      log.refused(STRANGER, story);
      log.wait(60);
    }
  };
const passed = (story: Story, words?: string) => (log: Log) => {
  log.refused('203.0.113.10', listed(3, 'zen.example'));
  log.passed(STRANGER, story, words);
};

const ZEN = listed(3, 'zen.example');
const PASSED = { newlyPassed: 1, unknown: {} };
const REFUSED = { newlyRefused: 1, unknown: {} };
const STILL_PASSED = { newlyRefused: 0, unknown: {} };
const STILL_REFUSED = { newlyPassed: 0, after: { refused: 1 }, unknown: {} };
const unknown = (why: string) => ({ newlyPassed: 0, newlyRefused: 0, unknown: { [why]: 1 } });

describe('a higher threshold', () => {
  const log = replayLog();
  log.refused(SES, ZEN);
  log.refused(SES, listed(5, 'zen.example', 'b.example'));
  for (let n = 0; n < 7; n += 1) log.refused(`203.0.113.${n}`, listed(4, 'zen.example', 'c.example'));
  log.passed(STRANGER);
  log.passed('203.0.113.20', {}, 'PASS OLD');

  it('lets in whoever had less, told by sender and for everyone else', () => {
    expect(whatIf(log.lines, { dnsblThreshold: '5' })).toEqual({
      notes: [],
      senders: [
        {
          sender: 'ses',
          before: { refused: 2, passed: 0 },
          after: { refused: 1, passed: 1, unknown: 0 },
          newlyPassed: 1,
          newlyRefused: 0,
        },
      ],
      strangers: {
        before: { refused: 7, passed: 2 },
        after: { refused: 0, passed: 9, unknown: 0 },
        newlyPassed: 7,
        newlyRefused: 0,
      },
      unknown: {},
    });
  });

  it('that is no higher than the lowest rank changes nothing', () => {
    const { senders, strangers } = whatIf(log.lines, { dnsblThreshold: '3' });
    expect([senders[0], strangers]).toMatchObject([{ newlyPassed: 0 }, { newlyPassed: 0, newlyRefused: 0 }]);
  });

  it('needs no dnsblog lines, since the rank is logged', () => {
    expect(strangers(refused(listed(3), listed(9)), { dnsblThreshold: '5' })).toMatchObject({
      newlyPassed: 1,
      after: { refused: 1, unknown: 0 },
    });
  });
});

describe('a lower threshold', () => {
  it('refuses whoever has as much, by weights that ranks have shown', () => {
    const play = (log: Log) => {
      refused(ZEN, listed(5, 'zen.example', 'two.example'))(log);
      log.passed(STRANGER, listed(undefined, 'two.example'));
      log.passed('203.0.113.31', listed(undefined, 'one.example'));
      log.passed('203.0.113.32');
    };
    const lines = replayLog();
    play(lines);
    const { strangers: group, notes } = whatIf(lines.lines, { dnsblThreshold: '2' });
    expect(group).toMatchObject({ newlyRefused: 1, after: { refused: 3, passed: 2, unknown: 0 } });
    expect(notes).toEqual([
      'The logged ranks show these weights: zen.example 3, two.example 2.',
      'No rank shows the weights of these zones; each counts 1: one.example.',
    ]);
  });

  it.each([
    ['postscreen remembered the client', passed({}, 'PASS OLD'), 'remembered'],
    [
      'the log begins later',
      (log: Log) => {
        log.refused('203.0.113.10', ZEN);
        log.say('postscreen', `PASS NEW [${STRANGER}]:1`);
      },
      'cut',
    ],
  ] as const)('leaves a pass unknown when %s', (_, play, why) => {
    expect(strangers(play, { dnsblThreshold: '2' })).toMatchObject({
      after: { refused: 1, passed: 0, unknown: 1 },
      unknown: { [why]: 1 },
    });
  });

  it('never refuses whom the access list let in', () => {
    expect(strangers(passed({}, 'ALLOWLISTED'), { dnsblThreshold: '1' })).toMatchObject(STILL_PASSED);
  });
});

describe('without a zone', () => {
  const given = { withoutDnsbl: ['Zen.Example'] };

  it.each([
    ['passes whom it alone had listed', refused(ZEN), PASSED],
    ['refuses whom others list enough', refused(listed(3, 'b.example')), STILL_REFUSED],
    [
      'takes off what it weighs, as other ranks show',
      refused(ZEN, listed(5, 'zen.example', 'b.example'), listed(7, 'zen.example', 'c.example')),
      { newlyPassed: 2, after: { refused: 1, unknown: 0 } },
    ],
    [
      'takes off 1 where that adds up to the rank',
      refused(listed(3, 'zen.example', 'b.example', 'c.example')),
      PASSED,
    ],
    [
      'knows nothing where the rank shows that the weights are others',
      refused(listed(5, 'zen.example', 'b.example')),
      unknown('weight'),
    ],
    [
      "believes a session's own rank more than what others show",
      refused(ZEN, ZEN, listed(3, 'b.example'), listed(4, 'zen.example', 'b.example')),
      { after: { refused: 1, passed: 2, unknown: 1 }, unknown: { weight: 1 } },
    ],
    ['knows nothing of a rank without dnsblog lines', refused(listed(3)), unknown('cut')],
    ['keeps those who passed', passed(listed(undefined, 'zen.example')), STILL_PASSED],
    ['keeps those who passed before', passed({}, 'PASS OLD'), STILL_PASSED],
  ] as const)('%s', (_, play, expected) => {
    expect(strangers(play, given)).toMatchObject(expected);
  });

  it('that had spared clients refuses them', () => {
    const play = (log: Log) => {
      refused(listed(5, 'zen.example'), listed(3, 'b.example'), listed(3, 'wl.example', 'zen.example'))(log);
      log.passed(STRANGER, listed(undefined, 'wl.example', 'b.example'));
      log.wait(60);
      log.passed('203.0.113.30', {}, 'PASS OLD');
    };
    expect(strangers(play, { withoutDnsbl: ['wl.example'] })).toMatchObject({
      newlyRefused: 1,
      unknown: { remembered: 1 },
    });
  });

  it('takes the lowest rank as the threshold, and says so', () => {
    const log = replayLog();
    refused(listed(4, 'b.example'), ZEN)(log);
    expect(whatIf(log.lines, { withoutDnsbl: ['zen.example', 'typo.example'] }).notes).toEqual([
      'postscreen_dnsbl_threshold is taken as 3, the lowest rank in the log; --dnsbl-threshold says otherwise.',
      'The logged ranks show these weights: b.example 4, zen.example 3.',
      'typo.example lists no client in this log, or was not asked then.',
    ]);
  });
});

describe('other sites', () => {
  it.each([
    ['score by their own weights', refused(ZEN, listed(3, 'b.example')), 'zen.example*3 b.example*2', PASSED],
    ['score by their filters', refused(ZEN), 'zen.example=127.0.0.[3..11]*3', PASSED],
    [
      'spare by negative weights',
      refused(listed(3, 'zen.example', 'wl.example')),
      'zen.example*3 wl.example*-1',
      PASSED,
    ],
    [
      'refuse whom they list more',
      passed(listed(undefined, 'b.example')),
      'zen.example*3 b.example*3',
      REFUSED,
    ],
    ['pass whom none of them lists', passed({}), 'zen.example*3', STILL_PASSED],
    ['know nothing of a rank without dnsblog lines', refused(listed(3)), 'zen.example', unknown('cut')],
    ['know nothing of remembered clients', passed({}, 'PASS OLD'), 'zen.example*3', unknown('remembered')],
    ['are none at all', refused(ZEN), '', PASSED],
  ] as const)('%s', (_, play, dnsblSites, expected) => {
    expect(strangers(play, { dnsblSites })).toMatchObject(expected);
  });

  it('cannot be judged by a log in which no zone was asked', () => {
    expect(strangers((log) => log.passed(STRANGER), { dnsblSites: 'zen.example' })).toMatchObject(
      unknown('cut'),
    );
  });

  it('share the answers that an overlapping session of the same client has asked for', () => {
    const play = (log: Log) => {
      const story = ZEN;
      const first = log.begin(STRANGER, story);
      log.wait(2);
      const second = log.begin(STRANGER, {});
      log.wait(4);
      log.end(first, story);
      log.wait(2);
      log.end(second, { rank: 3 });
    };
    expect(strangers(play, { dnsblSites: 'zen.example*2' })).toMatchObject({ newlyPassed: 2, unknown: {} });
  });
});

describe('pregreet ignore', () => {
  const given = { pregreet: 'ignore' };

  it.each([
    ['lets in who only spoke too early', refused({ pregreet: true }), PASSED],
    ['keeps refusing who is listed, too', refused({ ...LISTED, pregreet: true }), STILL_REFUSED],
    [
      'knows nothing of who was dropped before the DNSBL score',
      (log: Log) => {
        log.refused('203.0.113.10', LISTED);
        log.refused(STRANGER, { pregreet: true, silent: true });
      },
      unknown('not-scored'),
    ],
    ['lets in who was dropped where no zone is asked', refused({ pregreet: true, silent: true }), PASSED],
    [
      'knows nothing of tests that were made only because of it',
      refused({ pregreet: true, protocol: true }),
      unknown('deep-tests'),
    ],
    ['keeps refusing who only broke the protocol', refused({ protocol: true }), STILL_REFUSED],
  ] as const)('%s', (_, play, expected) => {
    expect(strangers(play, given)).toMatchObject(expected);
  });

  it('together with a threshold lets in who failed both', () => {
    const play = refused({ ...LISTED, pregreet: true });
    expect(strangers(play, { ...given, dnsblThreshold: '4' })).toMatchObject({ newlyPassed: 1 });
    expect(strangers(play, { dnsblThreshold: '4' })).toMatchObject({ newlyPassed: 0 });
  });
});

it('refusals that have nothing to do with it stay', () => {
  const play = (log: Log) => {
    log.say('postscreen', `CONNECT from [${STRANGER}]:1 to [192.0.2.25]:25`);
    log.say('postscreen', `NOQUEUE: reject: CONNECT from [${STRANGER}]:1: too many connections`);
  };
  expect(strangers(play, { dnsblThreshold: '99', pregreet: 'ignore', dnsblSites: '' })).toMatchObject({
    after: { refused: 1, passed: 0, unknown: 0 },
  });
});

it('with more sets of answers than can be kept the others are unknown', () => {
  const log = replayLog();
  for (let n = 0; n < 20_100; n += 1)
    log.refused(STRANGER, {
      listed: { 'zen.example': [`127.${n >> 16}.${(n >> 8) & 255}.${n & 255}`] },
      rank: 3,
    });
  const { strangers: group, unknown } = whatIf(log.lines, { dnsblThreshold: '4' });
  expect(group.before.refused).toBe(20_100);
  expect(group.after.unknown).toBeGreaterThan(0);
  expect(unknown).toEqual({ 'too-many': group.after.unknown });
});

/** A client as zones list it: which of them, and with which last octet. */
const client = fc.dictionary(
  fc.constantFrom('a.example', 'b.example', 'c.example', 'wl.example'),
  fc.integer({ min: 2, max: 4 }),
);
const weights = fc.record({
  'a.example': fc.integer({ min: 1, max: 5 }),
  'b.example': fc.integer({ min: 1, max: 5 }),
  'c.example': fc.integer({ min: 1, max: 5 }),
  'wl.example': fc.integer({ min: -4, max: -1 }),
});
type Weights = Readonly<Record<string, number>>;
type Client = Readonly<Record<string, number>>;

const scoreOf = (client: Client, by: Weights) =>
  Object.keys(client).reduce((sum, zone) => sum + (by[zone] ?? 0), 0);

/** The log of a postscreen with these weights. */
function logOf(clients: readonly Client[], by: Weights, threshold: number): readonly string[] {
  const log = replayLog();
  clients.forEach((client, i) => {
    const score = scoreOf(client, by);
    const listed = Object.fromEntries(
      Object.entries(client).map(([zone, octet]) => [zone, [`127.0.0.${octet}`]]),
    );
    const ip = `198.18.${i >> 8}.${i & 255}`;
    if (score >= threshold) log.refused(ip, { listed, rank: score });
    else log.passed(ip, { listed });
  });
  return log.lines;
}

describe('a postscreen with other settings', () => {
  it('would have decided the same, when all weights are given', () => {
    fc.assert(
      fc.property(
        fc.array(client, { minLength: 1, maxLength: 12 }),
        ...[weights, fc.integer({ min: 1, max: 8 }), weights, fc.integer({ min: 1, max: 8 })],
        (clients, old, oldThreshold, other, threshold) => {
          const lines = logOf(clients, old, oldThreshold);
          const isInUse = lines.some((line) => line.includes('dnsblog'));
          const dnsblSites = Object.entries(other)
            .map(([zone, weight]) => `${zone}*${weight}`)
            .join(' ');
          const { after } = whatIf(lines, { dnsblSites, dnsblThreshold: `${threshold}` }).strangers;
          const refused = clients.filter((client) => scoreOf(client, other) >= threshold).length;
          expect(after).toEqual(
            isInUse
              ? { refused, passed: clients.length - refused, unknown: 0 }
              : { refused: 0, passed: 0, unknown: clients.length },
          );
        },
      ),
    );
  });

  it('without a zone would have decided as is said, wherever anything is said', () => {
    fc.assert(
      fc.property(fc.array(client, { minLength: 1, maxLength: 12 }), weights, (clients, by) => {
        // With each zone alone enough to be refused, the ranks show every weight.
        const positive = { ...by, 'wl.example': 2 };
        const alone = Object.keys(positive).flatMap((zone) => [2, 3, 4].map((octet) => ({ [zone]: octet })));
        const all = [...alone, ...clients];
        const { after } = whatIf(logOf(all, positive, 1), {
          withoutDnsbl: ['a.example'],
          dnsblThreshold: '4',
        }).strangers;
        const { 'a.example': _, ...rest } = positive;
        const refused = all.filter((client) => scoreOf(client, rest) >= 4).length;
        expect(after).toEqual({ refused, passed: all.length - refused, unknown: 0 });
      }),
    );
  });
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Replay, type ReplayReport } from '../../../src/core/replay/log-replay.ts';
import { buildRoster } from '../../../src/core/senders/roster.ts';
import { EMPTY_STATE } from '../../../src/core/state/state.ts';
import { definition } from '../../double/definition.ts';
import { feed, replayLog } from '../../double/replay-log.ts';

const START = Date.parse('2026-11-20T22:00:00Z');
const NETWORKS: Readonly<Record<string, string>> = {
  ses: '54.240.0',
  google: '209.85.128',
  nobody: '203.0.113',
};
const SENDERS = ['ses', 'google'].map((id) => definition({ id, networks: [`${NETWORKS[id]}.0/24`] }));

/** What befell one session. */
const FATES = ['pass', 'dnsbl', 'pregreet', 'protocol', 'silent', 'hostname'] as const;

interface Session {
  readonly who: string;
  readonly fate: (typeof FATES)[number];
  readonly zone: string;
  /** Of its CONNECT and of its end, in seconds since the start. */
  readonly from: number;
  readonly to: number;
}

const session: fc.Arbitrary<Session> = fc
  .record({
    who: fc.constantFrom('ses', 'google', 'nobody'),
    fate: fc.constantFrom(...FATES),
    zone: fc.constantFrom('zen.spamhaus.org', 'b.barracudacentral.org'),
    from: fc.nat(3 * 86_400),
    lasts: fc.integer({ min: 6, max: 120 }),
  })
  .map(({ lasts, ...rest }) => ({ ...rest, to: rest.from + lasts }));

/** Each session has an address and a port of its own; their lines are mixed by time. */
function logOf(sessions: readonly Session[]): string[] {
  const log = replayLog(new Date(START).toISOString());
  let now = 0;
  const events = sessions.flatMap((one, i) => {
    const ip = `${NETWORKS[one.who]}.${i + 1}`;
    const story = {
      listed: one.fate === 'dnsbl' || one.fate === 'silent' ? { [one.zone]: ['127.0.0.2'] } : {},
      ...(one.fate === 'dnsbl' || one.fate === 'silent' ? { rank: 3 } : {}),
      ...{
        pregreet: one.fate === 'pregreet',
        protocol: one.fate === 'protocol',
        silent: one.fate === 'silent',
      },
    };
    let client = '';
    const begin = () => {
      client = log.begin(ip, story);
    };
    const end = () => {
      if (one.fate !== 'pass' && one.fate !== 'hostname') return log.end(client, story);
      log.say('postscreen', `PASS NEW ${client}`);
      if (one.fate === 'hostname')
        log.say(
          'smtpd',
          `NOQUEUE: reject: RCPT from unknown[${ip}]: 450 4.7.25 Client host rejected: cannot find your hostname, [${ip}]; from=<a@b> to=<c@d> proto=ESMTP helo=<x${i}>`,
        );
    };
    return [
      { at: one.from, say: begin },
      { at: one.to, say: end },
    ];
  });
  for (const { at, say } of events.sort((a, b) => a.at - b.at)) {
    log.wait(at - now);
    now = at;
    say();
  }
  return log.lines;
}

function count<T>(items: readonly T[], key: (item: T) => string | null): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) {
    const name = key(item);
    if (name !== null) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function truthOf(sessions: readonly Session[]) {
  const refused = sessions.filter(({ fate }) => fate !== 'pass' && fate !== 'hostname');
  const gates = { dnsbl: 'dnsbl', silent: 'dnsbl', pregreet: 'pregreet', protocol: 'protocol' } as const;
  return {
    sessions: sessions.length,
    passed: sessions.length - refused.length,
    gaveUp: 0,
    refused: {
      total: refused.length,
      gates: count(refused, ({ fate }) => gates[fate as keyof typeof gates]),
      zones: count(refused, ({ fate, zone }) =>
        gates[fate as keyof typeof gates] === 'dnsbl' ? zone : null,
      ),
      days: count(refused, ({ to }) => new Date(START + to * 1000).toISOString().slice(0, 10)),
    },
    otherGates: count(sessions, ({ fate }) => (fate === 'hostname' ? 'client-hostname' : null)),
  };
}

function replay(lines: readonly string[]): ReplayReport {
  const roster = buildRoster(SENDERS, {}, START);
  const limits = { threshold: 1, windowMs: 3_600_000, ttlMs: 86_400_000 };
  const rules = { observing: false, scope: 'sender', ...limits } as const;
  const replay = new Replay({
    roster,
    rules: { ...rules, never: [], vetoZones: new Set() },
    ...{ start: EMPTY_STATE, preseed: new Set(), otherSettings: null, now: START + 5 * 86_400_000 },
  });
  feed(replay, lines);
  return replay.report();
}

it('a log of sessions that overlap gives exactly the counts from which it was made', () => {
  fc.assert(
    fc.property(fc.array(session, { maxLength: 200, size: 'max' }), (sessions) => {
      const { senders, strangers } = replay(logOf(sessions));
      for (const id of ['ses', 'google']) {
        const own = sessions.filter(({ who }) => who === id);
        const told = senders.find(({ sender }) => sender === id);
        if (own.length === 0) expect(told).toBeUndefined();
        else expect(told).toMatchObject(truthOf(own));
      }
      expect(strangers).toEqual({
        ...truthOf(sessions.filter(({ who }) => who === 'nobody')),
        otherGates: expect.anything(),
      });
    }),
  );
});

import { describe, expect, it } from 'vitest';
import type { EventKind } from '../../../src/core/log/line-table.ts';
import type { PostfixEvent } from '../../../src/core/log/postfix-event.ts';
import { createSessions, type Outcome, type Sessions } from '../../../src/core/postscreen/session.ts';

const IP = '54.240.27.75';

/** An event as parseEvent gives it, of one client. */
const event = (kind: EventKind, more: Partial<PostfixEvent> = {}): PostfixEvent => ({
  ...{ program: 'postscreen', kind, ip: IP, port: 41_001, code: null, enhanced: null, dnsbl: null },
  ...{ rank: null, helo: null, sender: null, recipient: null, text: null, queueId: null, stamp: null },
  ...more,
});
const reject = (more: Partial<PostfixEvent> = {}) =>
  event('reject', { code: 550, enhanced: '5.5.1', text: 'Protocol error', ...more });
const listed = (zone: string | null, text: string | null = '127.0.0.2') =>
  event('dnsbl_listed', { program: 'dnsblog', port: null, dnsbl: zone, text });

/** Takes the events, a second apart. */
function play(events: readonly PostfixEvent[], sessions: Sessions = createSessions(), start = 0): Outcome[] {
  return events.flatMap((one, i) => sessions.take(one, start + i * 1_000) ?? []);
}

const gateOf = (outcome: Outcome | undefined) => (outcome?.kind === 'passed' ? null : outcome?.refusal.gate);

describe('an event', () => {
  it.each([
    'smtpd_reject',
    'milter_reject',
  ] as const)('%s is of no session of postscreen, whatever it says of the client', (kind) => {
    const sessions = createSessions();
    expect(play([event(kind, { code: 550 })], sessions)).toEqual([]);
    expect(sessions.size).toBe(0);
  });

  it.each([
    ['address', { ip: null }],
    ['port', { port: null }],
  ])('without an %s is of no session', (_, more) => {
    const sessions = createSessions();
    expect(play([event('connect', more), reject(more)], sessions)).toEqual([]);
    expect(sessions.size).toBe(0);
  });

  it('of dnsblog without a zone is none, and without an answer has an empty one', () => {
    const sessions = createSessions();
    play([listed(null)], sessions);
    expect(sessions.size).toBe(0);
    const [outcome] = play([event('connect'), listed('z.example', null), event('pass_new')], sessions);
    expect(outcome?.findings.answers).toEqual([{ zone: 'z.example', answer: '', at: 1_000 }]);
  });

  it('that says nothing of the fate of a session leads to none', () => {
    const middle = (['other', 'cache_or_info', 'hangup', 'dnsbl_rank'] as const).map((kind) => event(kind));
    expect(play([event('connect'), ...middle])).toEqual([]);
  });
});

describe('a session', () => {
  it('that ended is kept as ended only, and its lines that are printed again are not a new one', () => {
    const sessions = createSessions();
    const connect = event('connect', { stamp: 'a stamp of the mail host' });
    expect(play([connect, reject(), event('disconnect')], sessions)).toHaveLength(1);
    expect(sessions.size).toBe(1);
    expect(play([connect, reject(), event('disconnect')], sessions)).toEqual([]);
    expect(sessions.size).toBe(1);
    const next = { ...connect, stamp: 'a later stamp' };
    expect(play([next, reject(), event('disconnect')], sessions)).toHaveLength(1);
  });

  it('without a stamp is another one when it begins again', () => {
    const lines = [event('connect'), reject(), event('disconnect')];
    expect(play([...lines, ...lines])).toHaveLength(2);
    expect(play([event('connect'), reject(), event('connect'), reject()])).toHaveLength(2);
  });

  it('is not begun by its end', () => {
    const sessions = createSessions();
    play([event('disconnect')], sessions);
    expect(sessions.size).toBe(0);
    play([reject()], sessions);
    expect(sessions.size).toBe(1);
  });

  it.each(['pass_new', 'pass_old', 'allowlisted'] as const)('that ended by %s is over', (kind) => {
    const sessions = createSessions();
    expect(play([event('connect'), event(kind), event('disconnect')], sessions)).toHaveLength(1);
    expect(play([reject()], sessions)).toEqual([]);
  });

  it('that was refused is over, also when it passes later or ends with a violation', () => {
    const lines = [event('connect'), event('pregreet'), reject()];
    expect(play([...lines, event('pass_new')])).toHaveLength(1);
    expect(play([...lines, event('disconnect')])).toHaveLength(1);
  });

  it('that ended and is counted with the open ones and the answers', () => {
    const sessions = createSessions();
    play([event('connect'), event('disconnect'), listed('z.example')], sessions);
    play([event('connect', { port: 2 })], sessions, 10_000);
    expect(sessions.size).toBe(3);
  });
});

describe('the greet wait', () => {
  const findings = (...events: readonly PostfixEvent[]) => play([event('connect'), ...events])[0]?.findings;

  it.each([
    ['a reply', [reject()], true],
    ['an overload', [reject({ code: null })], false],
    ['leaving after it', [event('pregreet'), event('hangup', { text: 'after' }), event('disconnect')], true],
    ['leaving during it', [event('hangup', { text: 'before' }), event('disconnect')], false],
    ['DATA without RCPT', [event('pregreet'), event('data_without_rcpt'), event('disconnect')], true],
    ['a command too early', [event('pregreet'), event('disconnect')], false],
    ['a score', [event('dnsbl_rank', { rank: 3 }), event('disconnect')], true],
    ['a break of the protocol', [event('protocol'), event('disconnect')], true],
    ['a remembered pass', [event('pass_old')], false],
  ] as [string, PostfixEvent[], boolean][])('and %s: over is %j', (_, events, isOver) => {
    const found = findings(...events);
    expect(found?.greeted).toBe(isOver);
  });

  it('that was over stays so, whatever comes after it', () => {
    expect(
      findings(event('protocol'), event('hangup', { text: 'before' }), event('disconnect'))?.greeted,
    ).toBe(true);
    expect(findings(event('protocol'), reject({ code: null }))?.greeted).toBe(true);
  });

  it('that the client left is no refusal yet, and none after all when it went on', () => {
    const left = [event('connect'), event('hangup', { text: 'before' })];
    expect(play([...left, event('disconnect')])).toMatchObject([{ kind: 'hung-up' }]);
    expect(play([event('connect'), event('hangup', { text: 'after' }), event('disconnect')])).toEqual([]);
  });
});

describe('the answers of dnsblog', () => {
  it('count for 10 s before the session began, and all where nobody knows when that was', () => {
    const before = (ms: number, events: readonly PostfixEvent[]) => {
      const sessions = createSessions();
      sessions.take(listed('z.example'), 20_000 - ms);
      return play(events, sessions, 20_000)[0]?.findings.answers.length;
    };
    const whole = [event('connect'), event('pass_new')];
    expect([before(10_000, whole), before(10_001, whole)]).toEqual([1, 0]);
    expect(before(20_000, [event('pass_new')])).toBe(1);
  });

  it('name the zones after that of the reply, each once', () => {
    const events = [event('connect'), listed('a.example'), listed('b.example')];
    const zones = (dnsbl: string | null) => {
      const [outcome] = play([...events, reject({ dnsbl })]);
      return outcome?.kind === 'refused' ? outcome.refusal.zones : null;
    };
    expect(zones('b.example')).toEqual(['b.example', 'a.example']);
    expect(zones(null)).toEqual(['a.example', 'b.example']);
  });
});

describe('the gate of a reply', () => {
  const gate = (more: Partial<PostfixEvent>, ...before: readonly PostfixEvent[]) =>
    gateOf(play([event('connect'), ...before, reject(more)])[0]);
  const UNAVAILABLE = { text: 'Service currently unavailable' };

  it('is read from its text, and its code where postscreen has one text for two', () => {
    expect(gate({ ...UNAVAILABLE, code: 499 })).toBe('first-contact');
    expect(gate({ ...UNAVAILABLE, code: 500 })).toBe('operator-reject');
    expect(gate({ ...UNAVAILABLE, code: 450 }, event('allowlist_veto'))).toBe('veto');
    expect(gate({ ...UNAVAILABLE, code: 450 }, event('denylisted'))).toBe('operator-reject');
    expect(gate({ code: 550 })).toBe('protocol');
    expect(gate({ code: 550 }, event('pregreet'))).toBe('pregreet');
    expect(gate({ code: 550, dnsbl: 'z' }, event('pregreet'))).toBe('dnsbl');
    expect(gate({ code: null })).toBe('overload');
  });

  it.each([
    [['dnsbl_rank'], 'dnsbl'],
    [['pregreet', 'dnsbl_rank'], 'dnsbl'],
    [['dnsbl_rank', 'pregreet'], 'pregreet'],
    [['pregreet', 'protocol'], 'pregreet'],
    [['protocol'], 'protocol'],
    [['protocol', 'denylisted'], 'operator-reject'],
  ] as [EventKind[], string][])('without one, after %j, is %s', (kinds, expected) => {
    const events = kinds.map((kind) => event(kind, { rank: 3 }));
    const [outcome] = play([event('connect'), ...events, event('disconnect')]);
    expect(gateOf(outcome)).toBe(expected);
    expect(outcome?.findings).toMatchObject({
      pregreet: kinds.includes('pregreet'),
      protocol: kinds.includes('protocol'),
      rank: kinds.includes('dnsbl_rank') ? 3 : null,
    });
  });
});

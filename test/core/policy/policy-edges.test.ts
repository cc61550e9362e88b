import { describe, expect, it } from 'vitest';
import { MOST_NETWORKS } from '../../../src/core/net/limits.ts';
import { formatNetwork, network, parseAddress } from '../../../src/core/net/network.ts';
import { type Entry, OPERATOR } from '../../../src/core/policy/entry.ts';
import { afterGivingUp, afterPass, afterRefusal } from '../../../src/core/policy/entry-changes.ts';
import { type Decision, decide, isOpen, openNetworks, type Rules } from '../../../src/core/policy/policy.ts';
import { type Refusal, SESSION_LIMITS } from '../../../src/core/postscreen/session.ts';
import { buildSenderIndex, type Sender } from '../../../src/core/senders/sender-index.ts';
import { EMPTY_STATE, type State } from '../../../src/core/state/state.ts';
import { entry } from '../../double/writer-bench.ts';

const SES: Sender = {
  id: 'amazon-ses',
  name: 'SES',
  networks: ['54.240.0.0/17', '199.255.192.0/22'].map(network),
};
const RULES: Rules = {
  ...{ observing: false, scope: 'sender', threshold: 1, windowMs: 3_600_000, ttlMs: 30 * 86_400_000 },
  ...{ never: [], vetoZones: new Set() },
};
const index = buildSenderIndex([SES]);
const IP = '54.240.27.75';
const OTHER = '199.255.192.9';

const own = (more: Partial<Entry> = {}) =>
  entry('amazon-ses', { since: 0, lastSeen: 0, announced: true, inForce: 10_000, ...more });
const withOwn = (more: Partial<Entry> = {}, state: Partial<State> = {}): State => ({
  ...{ ...EMPTY_STATE, ...state },
  entries: [entry('aaa'), own(more), entry('zzz')],
});
const addressOf = (ip: string) => parseAddress(ip) ?? never();

function never(): never {
  throw new Error('no address');
}

function take(
  state: State,
  at: number,
  { ip = IP, rules = RULES, ...more }: Partial<Refusal> & { readonly rules?: Rules } = {},
): { readonly decision: Decision; readonly state: State; readonly entry: Entry | undefined } {
  const address = addressOf(ip);
  const match = index.find(address) ?? never();
  const refusal: Refusal = {
    ...{ ip, port: 4000, connectedAt: at, at, gate: 'dnsbl', code: 550, enhanced: '5.7.1', zones: [] },
    ...more,
  };
  const decision = decide(address, match, refusal, state, rules);
  const after = afterRefusal(state, { refusal, match, address }, decision, rules);
  return { decision, state: after, entry: after.entries.find(({ sender }) => sender === 'amazon-ses') };
}

describe('a decision', () => {
  it('in observe mode keeps an entry for what it is', () => {
    const rules = { ...RULES, observing: true };
    expect(take(withOwn(), 99_000, { rules }).decision).toEqual({ kind: 'keep', reason: 'observing' });
    expect(take(EMPTY_STATE, 99_000, { rules }).decision).toEqual({ kind: 'allow', reason: 'network' });
  });

  it('about a session that began long before the table says that it saw it, since the clock was set back', () => {
    const at = 10 * SESSION_LIMITS.ageMs;
    const reason = (connectedAt: number) =>
      take(withOwn({ inForce: at }), at, { connectedAt }).decision.reason;
    expect(reason(at - SESSION_LIMITS.ageMs)).toBe('began-before');
    expect(reason(at - SESSION_LIMITS.ageMs - 1)).toBe('still-refused');
    expect(take(withOwn({ inForce: at }), at, { connectedAt: null }).decision.reason).toBe('began-before');
  });

  it('waits below the threshold, and not for a sender that has an entry', () => {
    const rules: Rules = { ...RULES, threshold: 2, scope: 'network' };
    expect(take(EMPTY_STATE, 0, { rules }).decision).toEqual({ kind: 'wait', reason: 'below-threshold' });
    const narrow = withOwn({ scope: 'network', networks: ['199.255.192.0/22'] });
    expect(take(narrow, 0, { rules }).decision).toEqual({ kind: 'allow', reason: 'network' });
  });

  it('refuses an address that a zone with a veto lists, whatever entry there is', () => {
    const vetoes = [{ address: IP, zone: 'z', since: 0, askedAt: 0 }];
    expect(take(withOwn({}, { vetoes }), 0).decision).toEqual({ kind: 'refuse', reason: 'vetoed-by-dnsbl' });
    expect(take(withOwn({}, { vetoes }), 0, { ip: OTHER }).decision.kind).toBe('keep');
  });

  it('counts refusals within the window, its ends included, in both directions, and no more than are needed', () => {
    const rules: Rules = { ...RULES, threshold: 3, windowMs: 60_000 };
    const kind = (...refusals: number[]) =>
      take({ ...EMPTY_STATE, refusals: { 'amazon-ses': refusals } }, 100_000, { rules }).decision.kind;
    expect(kind(40_000, 160_000)).toBe('allow');
    expect(kind(39_999, 160_000)).toBe('wait');
    expect(kind(40_000, 160_001)).toBe('wait');
    const many = { ...EMPTY_STATE, refusals: { 'amazon-ses': [70_000, 80_000, 90_000, 95_000] } };
    const veto = { ...rules, threshold: 9 };
    expect(take(many, 100_000, { rules: veto }).state.refusals['amazon-ses']).toHaveLength(5);
    const { entry: opened } = take(many, 100_000, { rules });
    expect(opened?.refusedAt).toBe(80_000);
  });

  it('refuses a network that is wider than any may be, and takes the widest', () => {
    const decided = (cidr: string) => {
      const wide = buildSenderIndex([{ id: 'wide', name: 'Wide', networks: [network(cidr)] }]);
      const address = addressOf('12.8.0.1');
      const refusal = { gate: 'dnsbl', zones: [], at: 0, connectedAt: 0 } as const;
      return decide(address, wide.find(address), refusal, EMPTY_STATE, RULES).kind;
    };
    expect(decided('12.8.0.0/13')).toBe('allow');
    expect(decided('12.8.0.0/12'.replace('12.8', '12.0'))).toBe('refuse');
  });
});

describe('a refusal of a sender that has an entry', () => {
  it('is the first one that the entry did not prevent, whose time stays', () => {
    const first = take(withOwn(), 20_000);
    expect(first.decision.reason).toBe('still-refused');
    expect(first.entry).toEqual(own({ refusedAt: 20_000 }));
    expect(take(first.state, 30_000).entry).toEqual(own({ refusedAt: 20_000 }));
  });

  it('that began before the table leaves no such time', () =>
    expect(take(withOwn(), 12_000).entry).toEqual(own()));

  it('is seen each minute, in either direction of the clock', () => {
    expect(take(withOwn({ lastSeen: 0 }), 59_999, { connectedAt: 0 }).entry?.lastSeen).toBe(0);
    expect(take(withOwn({ lastSeen: 0 }), 60_000, { connectedAt: 0 }).entry?.lastSeen).toBe(60_000);
    expect(take(withOwn({ lastSeen: 60_000 }), 0).entry?.lastSeen).toBe(0);
    expect(take(withOwn({ lastSeen: 59_999 }), 0).entry?.lastSeen).toBe(59_999);
  });

  it('that it does not cover opens more, and what was known of the entry stays', () => {
    const before = own({
      scope: 'network',
      networks: ['199.255.192.0/22'],
      refusedAt: 5,
      reason: 'mine',
      granted: null,
    });
    const state = { ...EMPTY_STATE, entries: [before] };
    const { decision, entry: after } = take(state, 70_000, { rules: { ...RULES, scope: 'network' } });
    expect(decision.kind).toBe('allow');
    expect(after).toEqual({
      ...before,
      ...{ networks: ['199.255.192.0/22', '54.240.0.0/17'], lastSeen: 70_000 },
      ...{ announced: false, inForce: null },
    });
  });

  it('keeps the newest networks when it has as many as any sender may', () => {
    const networks = Array.from(
      { length: MOST_NETWORKS },
      (_, i) => `199.255.${192 + (i >> 8)}.${i & 255}/32`,
    );
    const state = withOwn({ scope: 'address', networks });
    const { entry: after } = take(state, 0, { rules: { ...RULES, scope: 'address' } });
    expect(after?.networks).toHaveLength(MOST_NETWORKS);
    expect(after?.networks.at(-1)).toBe(`${IP}/32`);
    expect(after?.networks[0]).toBe(networks[1]);
  });

  it('opens with scope sender whatever networks it had', () => {
    const { entry: after } = take(withOwn({ scope: 'network', networks: ['199.255.192.0/22'] }), 0);
    expect(after).toMatchObject({ scope: 'sender', networks: [] });
  });

  it('leaves the end, the words and the networks of what the administrator allowed', () => {
    // It cannot cover the address, which an administrator's network elsewhere does not.
    const theirs = { cause: OPERATOR, until: 900_000, reason: 'mine', scope: 'network' } as const;
    const state = withOwn({ ...theirs, networks: ['199.255.192.0/22'] });
    const { entry: after } = take(state, 0, { rules: { ...RULES, scope: 'address' } });
    expect(after).toMatchObject({ ...theirs, networks: ['199.255.192.0/22'], announced: false });
  });

  it('renews evidence for longer than it was to last', () => {
    const short = { scope: 'network', networks: ['199.255.192.0/22'], until: 900_000 } as const;
    expect(take(withOwn(short), 0, { rules: { ...RULES, scope: 'network' } }).entry?.until).toBeNull();
  });

  it('of SCREENPASS_PRESEED gets a cause, and no end', () => {
    const { entry: after } = take(withOwn({ scope: 'network', networks: [], cause: null, until: null }), 0);
    expect(after).toMatchObject({ cause: 'dnsbl 550', until: null });
  });

  it('has a cause of the words that Postfix has, without what is none', () => {
    const cause = (more: Partial<Refusal>) => take(EMPTY_STATE, 0, more).entry?.cause;
    expect(cause({ zones: [], code: null })).toBe('dnsbl');
    expect(cause({ zones: ['a_b.example-1', 'c.example'] })).toBe('dnsbl 550 a_b.example-1');
    expect(cause({ zones: ['x'.repeat(253)] })).toBe(`dnsbl 550 ${'x'.repeat(253)}`);
    expect(cause({ zones: ['x'.repeat(254)] })).toBe('dnsbl 550');
    expect(cause({ zones: ['a\nb'] })).toBe('dnsbl 550');
  });
});

describe('a refusal while the administrator allows for a time', () => {
  const UNTIL = 900_000;
  const rules: Rules = { ...RULES, scope: 'address' };

  it('is evidence for the time after it, with what was told and proven of the entry', () => {
    const before = own({ cause: OPERATOR, until: UNTIL, reason: 'mine', inForce: null });
    const { decision, state, entry: after } = take(withOwn(before), 70_000, { rules, zones: ['z.example'] });
    expect(decision.kind).toBe('keep');
    expect(after).toEqual({
      ...{ sender: 'amazon-ses', scope: 'address', networks: [`${IP}/32`], since: 70_000, lastSeen: 70_000 },
      ...{ until: null, granted: UNTIL, cause: 'dnsbl 550 z.example', reason: 'mine', refusedAt: null },
      ...{ announced: true, inForce: null },
    });
    expect(state.entries.map(({ sender }) => sender)).toEqual(['aaa', 'amazon-ses', 'zzz']);
    expect(openNetworks(after ?? never(), SES, rules, []).map(formatNetwork)).toEqual(
      SES.networks.map(formatNetwork),
    );
  });

  it('is counted below the threshold, beside an entry that stays the administrator’s', () => {
    const before = own({ cause: OPERATOR, until: UNTIL, inForce: null });
    const waiting = { ...rules, threshold: 2 };
    const first = take(withOwn(before), 1_000, { rules: waiting });
    expect(first.state.refusals).toEqual({ 'amazon-ses': [1_000] });
    expect(first.entry).toEqual(before);
    expect(first.state.entries).toHaveLength(3);
    const second = take(first.state, 2_000, { rules: waiting });
    expect(second.entry).toMatchObject({ granted: UNTIL, cause: 'dnsbl 550', networks: [`${IP}/32`] });
    expect(second.state.refusals).toEqual({});
  });

  it('that ends never is none', () => {
    const before = own({ cause: OPERATOR, until: null });
    expect(take(withOwn(before), 11_000, { rules }).entry).toEqual(before);
  });

  it('adds to the evidence that was there, or changes nothing when that covers it', () => {
    const before = own({ scope: 'address', networks: [`${OTHER}/32`], granted: UNTIL, inForce: null });
    const { entry: after } = take(withOwn(before), 1_000, { rules });
    expect(after).toEqual({
      ...before,
      networks: [`${OTHER}/32`, `${IP}/32`],
      lastSeen: 1_000,
      refusedAt: null,
    });
    const state = withOwn(before);
    expect(take(state, 1_000, { rules, ip: OTHER }).state).toBe(state);
  });

  it('that already opens all by its evidence is just seen', () => {
    const before = own({ scope: 'sender', granted: UNTIL });
    const state = withOwn(before);
    expect(take(state, 11_000, { rules }).state.entries).toEqual(state.entries);
  });
});

describe('what an entry opens', () => {
  it('without a sender is its own networks', () => {
    const one = entry('198.20.0.0/16', { scope: 'network', networks: ['198.20.0.0/16'], cause: OPERATOR });
    expect(openNetworks(one, undefined, RULES, []).map(formatNetwork)).toEqual(['198.20.0.0/16']);
  });

  it('is all of the sender while it is granted, and its networks alone otherwise', () => {
    const narrow = own({ scope: 'network', networks: ['54.240.0.0/24'] });
    const opened = (one: Entry) => openNetworks(one, SES, RULES, []).map(formatNetwork);
    expect(opened(narrow)).toEqual(['54.240.0.0/24']);
    expect(opened({ ...narrow, granted: 1 })).toEqual(['54.240.0.0/17', '199.255.192.0/22']);
  });

  it('may be as wide as the widest, and not wider', () => {
    const sender = {
      ...SES,
      networks: ['12.8.0.0/13', '16.0.0.0/12', '2a00::/28', '2b00::/27'].map(network),
    };
    expect(openNetworks(own(), sender, RULES, []).map(formatNetwork)).toEqual(['12.8.0.0/13', '2a00::/28']);
  });

  it('is asked of the state, the sender and the rules of now', () => {
    const state = withOwn();
    const address = addressOf(IP);
    expect(isOpen(EMPTY_STATE, SES, address, RULES)).toBe(false);
    expect(isOpen(state, SES, address, RULES)).toBe(true);
    expect(isOpen(state, SES, address, RULES)).toBe(true);
    expect(isOpen(state, SES, address, { ...RULES, never: [network('54.240.27.0/24')] })).toBe(false);
    expect(isOpen(state, { ...SES, networks: [] }, address, RULES)).toBe(false);
    const vetoes = [{ address: IP, zone: 'z', since: 0, askedAt: 0 }];
    expect(isOpen({ ...state, vetoes }, SES, address, RULES)).toBe(false);
    expect(isOpen(state, SES, address, RULES)).toBe(true);
  });

  it('is worked out once for the same entry, sender, rules and vetoes', () => {
    let asked = 0;
    const sender = {
      ...SES,
      get networks() {
        asked += 1;
        return SES.networks;
      },
    };
    const state = withOwn();
    for (let i = 0; i < 5; i += 1) isOpen(state, sender, addressOf(IP), RULES);
    const once = asked;
    isOpen(state, sender, addressOf(IP), RULES);
    expect(asked).toBe(once);
    isOpen(state, sender, addressOf(IP), { ...RULES });
    expect(asked).toBeGreaterThan(once);
  });
});

describe('a pass', () => {
  it('by the table ends the wait since the refusal, which a clock that was set back does not make negative', () => {
    const state = withOwn({ refusedAt: 100_000 });
    const pass = (at: number, allowlisted = true) => afterPass(state, 'amazon-ses', { at, allowlisted });
    expect(pass(142_400).recoveredAfter).toBe(42);
    expect(pass(50_000).recoveredAfter).toBe(0);
    expect(pass(142_400, false).recoveredAfter).toBeNull();
    expect(pass(142_400).state.entries[1]).toEqual(own({ lastSeen: 142_400 }));
    expect(pass(142_400, false).state.entries[1]).toEqual(own({ lastSeen: 142_400, refusedAt: 100_000 }));
    expect(afterPass(withOwn(), 'amazon-ses', { at: 1, allowlisted: true }).recoveredAfter).toBeNull();
  });

  it('of a sender without an entry forgets that it gave up, and that of others stays', () => {
    const state = { ...EMPTY_STATE, gaveUp: { 'amazon-ses': 1, mailgun: 2 } };
    const passed = afterPass(state, 'amazon-ses', { at: 5, allowlisted: true });
    expect(passed).toEqual({ state: { ...state, gaveUp: { mailgun: 2 } }, recoveredAfter: null });
  });
});

it('leaving during the greet wait twice is a refusal, however the clock was set in between', () => {
  const state = { ...EMPTY_STATE, gaveUp: { 'amazon-ses': 10 * RULES.windowMs } };
  const left = (at: number) => afterGivingUp(state, 'amazon-ses', at, RULES).refused;
  expect(left(9 * RULES.windowMs)).toBe(true);
  expect(left(9 * RULES.windowMs - 1)).toBe(false);
  expect(left(11 * RULES.windowMs)).toBe(true);
  expect(left(11 * RULES.windowMs + 1)).toBe(false);
  expect(afterGivingUp(EMPTY_STATE, 'amazon-ses', 0, RULES)).toEqual({
    state: { ...EMPTY_STATE, gaveUp: { 'amazon-ses': 0 } },
    refused: false,
  });
});

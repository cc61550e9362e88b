import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RESERVED, WIDEST } from '../../../src/core/net/limits.ts';
import { contains, formatNetwork, network, parseAddress } from '../../../src/core/net/network.ts';
import { type Entry, entryOf, newEntry, withEntry } from '../../../src/core/policy/entry.ts';
import { afterGivingUp, afterPass, afterRefusal } from '../../../src/core/policy/entry-changes.ts';
import { expired } from '../../../src/core/policy/entry-end.ts';
import { type Decision, decide, openNetworks, type Rules } from '../../../src/core/policy/policy.ts';
import { withClear } from '../../../src/core/policy/veto.ts';
import type { PostscreenGate } from '../../../src/core/postscreen/gate.ts';
import type { Refusal } from '../../../src/core/postscreen/session.ts';
import { buildSenderIndex, type Sender } from '../../../src/core/senders/sender-index.ts';
import { EMPTY_STATE, type State } from '../../../src/core/state/state.ts';

const SES: Sender = {
  id: 'amazon-ses',
  name: 'SES',
  networks: ['54.240.0.0/17', '199.255.192.0/22'].map(network),
};
const WIDE: Sender = { id: 'wide', name: 'Wide', networks: [network('12.0.0.0/8')] };
const index = buildSenderIndex([SES, WIDE]);
const RULES: Rules = {
  observing: false,
  scope: 'sender',
  threshold: 1,
  windowMs: 3_600_000,
  ttlMs: 30 * 86_400_000,
  never: [],
  vetoZones: new Set(),
};

const refusal = (ip: string, at: number, changes: Partial<Refusal> = {}): Refusal => ({
  ip,
  port: 4000,
  connectedAt: at,
  at,
  gate: 'dnsbl',
  code: 550,
  enhanced: '5.7.1',
  zones: ['zen.spamhaus.org'],
  ...changes,
});

/** Decides on a refusal and takes the decision. */
function take(
  state: State,
  ip: string,
  at: number,
  rules = RULES,
  changes: Partial<Refusal> = {},
): [Decision, State] {
  const address = parseAddress(ip);
  if (address === undefined) throw new Error(ip);
  const match = index.find(address);
  const one = refusal(ip, at, changes);
  const decision = decide(address, match, one, state, rules);
  return [decision, match ? afterRefusal(state, { refusal: one, match, address }, decision, rules) : state];
}

const opens = (entry: Entry | undefined, rules = RULES) =>
  entry === undefined ? [] : openNetworks(entry, SES, rules, []).map(formatNetwork);

describe('a refusal of a watched sender', () => {
  it('opens all networks of the sender', () => {
    const [decision, state] = take(EMPTY_STATE, '54.240.27.75', 1000);
    expect(decision).toEqual({ kind: 'allow', reason: 'network' });
    expect(opens(entryOf(state, 'amazon-ses'))).toEqual(['54.240.0.0/17', '199.255.192.0/22']);
    expect(entryOf(state, 'amazon-ses')).toMatchObject({
      since: 1000,
      lastSeen: 1000,
      cause: 'dnsbl 550 zen.spamhaus.org',
    });
  });

  it('opens nothing new when an entry covers it, and renews that', () => {
    const [, first] = take(EMPTY_STATE, '54.240.27.75', 1000);
    const [decision, state] = take(first, '199.255.192.9', 61_000);
    expect(decision).toEqual({ kind: 'keep', reason: 'began-before' });
    expect(entryOf(state, 'amazon-ses')).toMatchObject({ since: 1000, lastSeen: 61_000 });
    expect(take(first, '199.255.192.9', 60_999)[1]).toBe(first);
  });

  it('says by the time of CONNECT whether the session saw the table, not by the time of the reject', () => {
    const [, allowed] = take(EMPTY_STATE, '54.240.27.75', 1000);
    const entry = entryOf(allowed, 'amazon-ses') ?? never();
    const state = withEntry(allowed, { ...entry, inForce: 10_000 });
    const reason = (connectedAt: number | null) =>
      take(state, '54.240.27.76', 99_000, RULES, { connectedAt })[0].reason;
    expect([9_000, null, 12_000].map(reason)).toEqual(['began-before', 'began-before', 'began-before']);
    expect(reason(12_001)).toBe('still-refused');
  });

  it.each([
    ['network', '54.240.0.0/17', ['54.240.0.0/17', '199.255.192.0/22']],
    ['address', '54.240.27.75/32', ['54.240.27.75/32', '199.255.192.9/32']],
  ] as const)('opens only the %s when the scope says so, and more with more evidence', (scope, first, both) => {
    const rules = { ...RULES, scope };
    const [, one] = take(EMPTY_STATE, '54.240.27.75', 1000, rules);
    expect(opens(entryOf(one, 'amazon-ses'), rules)).toEqual([first]);
    const [decision, two] = take(one, '199.255.192.9', 2000, rules);
    expect(decision.kind).toBe('allow');
    expect(opens(entryOf(two, 'amazon-ses'), rules)).toEqual(both);
  });

  it('waits for as many refusals within the window as the threshold asks', () => {
    const rules = { ...RULES, threshold: 3, windowMs: 60_000 };
    const [first, a] = take(EMPTY_STATE, '54.240.27.75', 0, rules);
    const [second, b] = take(a, '54.240.27.76', 30_000, rules);
    const [tooLate, c] = take(b, '54.240.27.77', 61_000, rules);
    const [third, d] = take(c, '54.240.27.78', 62_000, rules);
    expect([first.kind, second.kind, tooLate.kind, third.kind]).toEqual(['wait', 'wait', 'wait', 'allow']);
    expect(entryOf(d, 'amazon-ses')?.refusedAt).toBe(30_000);
    expect(d.refusals).toEqual({});
  });

  it.each(['overload', 'operator-reject'] as PostscreenGate[])('by %s is not cured by the table', (gate) => {
    expect(take(EMPTY_STATE, '54.240.27.75', 0, RULES, { gate })[0]).toEqual({
      kind: 'refuse',
      reason: 'not-curable',
    });
  });

  it.each([
    'dnsbl',
    'pregreet',
    'protocol',
    'first-contact',
    'veto',
    'greet-wait',
  ] as PostscreenGate[])('by %s is', (gate) => {
    expect(take(EMPTY_STATE, '54.240.27.75', 0, RULES, { gate })[0].kind).toBe('allow');
  });

  it('is not overridden when a vetoing zone lists it, be it the first named or not', () => {
    const rules = { ...RULES, vetoZones: new Set(['drop.example.org']) };
    const zones = ['zen.spamhaus.org', 'DROP.example.org'];
    expect(take(EMPTY_STATE, '54.240.27.75', 0, rules, { zones })[0].reason).toBe('vetoed-by-dnsbl');
  });

  it('waits for the zones with a veto, whose answer outweighs what postscreen was told before', () => {
    const rules = { ...RULES, vetoZones: new Set(['drop.example.org']) };
    const [decision, state] = take(EMPTY_STATE, '54.240.27.75', 0, rules);
    expect([decision, state]).toEqual([{ kind: 'wait', reason: 'veto-unknown' }, EMPTY_STATE]);
    const ip = parseAddress('54.240.27.75') ?? never();
    const { state: cleared } = withClear(EMPTY_STATE, ip, 0);
    const zones = ['drop.example.org'];
    expect(take(cleared, '54.240.27.75', 0, rules, { zones })[0].kind).toBe('allow');
  });

  it('keeps what the reply map put into the reply out of the table', () => {
    const [, state] = take(EMPTY_STATE, '54.240.27.75', 0, RULES, { zones: ['evil\n0.0.0.0/0 permit'] });
    expect(entryOf(state, 'amazon-ses')?.cause).toBe('dnsbl 550');
  });
});

describe('never allowed', () => {
  it.each([
    ['203.0.113.9', 'reserved-network'],
    ['172.22.0.1', 'reserved-network'],
    ['fd00::1', 'reserved-network'],
    ['8.8.8.8', 'unknown-sender'],
    ['12.1.2.3', 'too-wide'],
  ])('%s: %s', (ip, reason) => {
    const [decision, state] = take(EMPTY_STATE, ip, 0);
    expect(decision).toEqual({ kind: 'refuse', reason });
    expect(state).toBe(EMPTY_STATE);
  });

  it('an address that the administrator forbade, and not as part of its sender either', () => {
    const rules = { ...RULES, never: [network('54.240.27.0/24')] };
    expect(take(EMPTY_STATE, '54.240.27.75', 0, rules)[0].reason).toBe('never-listed');
    const [, state] = take(EMPTY_STATE, '54.240.28.1', 0, rules);
    const open = opens(entryOf(state, 'amazon-ses'), rules).map(network);
    const inside = (ip: string) => open.some((one) => contains(one, parseAddress(ip) ?? never()));
    expect([
      inside('54.240.27.0'),
      inside('54.240.27.255'),
      inside('54.240.26.255'),
      inside('54.240.28.0'),
    ]).toEqual([false, false, true, true]);
  });

  it('anything wider than the floor or reserved, whatever a sender publishes', () => {
    const published = fc
      .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 1, max: 128 }))
      .map(([ip, prefix]) => `${ip}/${ip.includes(':') ? prefix : Math.min(prefix, 32)}`)
      .filter((text) => !/^::ffff:/i.test(text));
    fc.assert(
      fc.property(fc.array(published, { maxLength: 8 }), (texts) => {
        const sender = { id: 's', name: 's', networks: texts.flatMap((text) => safely(text)) };
        const entry = { ...ENTRY, sender: 's' };
        for (const open of openNetworks(entry, sender, RULES, [])) {
          expect(open.prefix).toBeGreaterThanOrEqual(WIDEST[open.family]);
          const first = parseAddress(formatNetwork(open).replace(/\/.*/, '')) ?? never();
          expect(RESERVED.some((reserved) => contains(reserved, first))).toBe(false);
        }
      }),
    );
  });
});

const ENTRY: Entry = {
  ...newEntry('amazon-ses', 0, { scope: 'sender', networks: [], cause: null }),
  announced: true,
};

function safely(text: string) {
  try {
    return [network(text)];
  } catch {
    return [];
  }
}

function never(): never {
  throw new Error('not an address');
}

describe('after the cure', () => {
  const [, refused] = take(EMPTY_STATE, '54.240.27.75', 10_000);

  it('the first connection that the table lets in is a recovery, the second is not', () => {
    const first = afterPass(refused, 'amazon-ses', { at: 52_400, allowlisted: true });
    expect(first.recoveredAfter).toBe(42);
    expect(afterPass(first.state, 'amazon-ses', { at: 60_000, allowlisted: true }).recoveredAfter).toBeNull();
  });

  it('a pass by the tests is none: another address of the pool was not listed', () => {
    expect(afterPass(refused, 'amazon-ses', { at: 11_000, allowlisted: false }).recoveredAfter).toBeNull();
  });

  it('an entry stays while its sender is seen, and goes when the time is over', () => {
    const { state } = afterPass(refused, 'amazon-ses', { at: 1e9, allowlisted: true });
    expect(expired(state, 1e9 + RULES.ttlMs, RULES, new Set())).toEqual([]);
    expect(expired(state, 1e9 + RULES.ttlMs + 1, RULES, new Set()).map(({ sender }) => sender)).toEqual([
      'amazon-ses',
    ]);
    expect(expired(state, 1e9 + RULES.ttlMs + 1, RULES, new Set(['amazon-ses']))).toEqual([]);
  });
});

describe('leaving during the greet wait', () => {
  it('is a refusal at the second time within the window', () => {
    const first = afterGivingUp(EMPTY_STATE, 'amazon-ses', 0, RULES);
    expect(first.refused).toBe(false);
    expect(afterGivingUp(first.state, 'amazon-ses', RULES.windowMs, RULES).refused).toBe(true);
    expect(afterGivingUp(first.state, 'amazon-ses', RULES.windowMs + 1, RULES).refused).toBe(false);
  });

  it('starts anew after a pass', () => {
    const first = afterGivingUp(EMPTY_STATE, 'amazon-ses', 0, RULES);
    const { state } = afterPass(first.state, 'amazon-ses', { at: 1, allowlisted: false });
    expect(afterGivingUp(state, 'amazon-ses', 2, RULES).refused).toBe(false);
  });
});

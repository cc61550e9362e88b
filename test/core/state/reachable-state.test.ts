import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duration, lifetime, lifetimeMs } from '../../../src/config/values.ts';
import { counted } from '../../../src/core/alerts/days.ts';
import { digestOf } from '../../../src/core/alerts/digest.ts';
import { createPosition, timeStamp } from '../../../src/core/log/position.ts';
import { network, parseAddress } from '../../../src/core/net/network.ts';
import { afterGivingUp, afterPass, afterRefusal } from '../../../src/core/policy/entry-changes.ts';
import { allow } from '../../../src/core/policy/manual-entry.ts';
import { decide, type Rules } from '../../../src/core/policy/policy.ts';
import { buildSenderIndex } from '../../../src/core/senders/sender-index.ts';
import { EMPTY_STATE, type State } from '../../../src/core/state/state.ts';
import { readState } from '../../../src/core/state/state-schema.ts';
import { limitEntries } from '../../../src/core/watch/dnsbl-fault.ts';

const SES = { id: 'amazon-ses', name: 'SES', networks: [network('54.240.0.0/17')] };
const index = buildSenderIndex([SES]);
const address = parseAddress('54.240.27.75');
if (address === undefined) throw new Error('an address');
const match = index.find(address);
if (match === undefined) throw new Error('a watched one');

const DURATION = fc
  .tuple(fc.nat(999_999_999), fc.constantFrom('s', 'm', 'h', 'd'))
  .map(([n, unit]) => `${n}${unit}`);
const TTL: fc.Arbitrary<unknown> = fc.oneof(fc.constant(null), fc.double(), fc.maxSafeInteger(), fc.string());
/** Any time that a stamp of the log, or a clock, can have. */
const AT = fc.integer({ min: 0, max: Date.UTC(9999, 11, 30) });
const KINDS = ['allow', 'refuse', 'pass', 'give-up', 'limit', 'digest'] as const;

const NAMES = { watched: [], known: [], preseed: new Set<string>() };

const rules: Rules = {
  scope: 'network',
  observing: false,
  threshold: 2,
  windowMs: 3_600_000,
  ttlMs: 86_400_000,
  never: [],
  vetoZones: new Set(),
};

function refuse(state: State, at: number): State {
  const zones = ['zen.spamhaus.org'];
  const where = { ip: '54.240.27.75', port: 1, connectedAt: at, at };
  const refusal = { ...where, gate: 'dnsbl', code: 550, enhanced: '5.7.1', zones } as const;
  const decision = decide(address as never, match, refusal, state, rules);
  return counted(
    afterRefusal(state, { refusal, match: match as never, address: address as never }, decision, rules),
    { kind: 'refused', sender: 'amazon-ses', gate: 'dnsbl', zones },
    at,
  );
}

function after(state: State, kind: (typeof KINDS)[number], at: number, ttl: unknown): State {
  switch (kind) {
    case 'allow': {
      const lasts = ttl === null ? null : lifetimeMs(ttl);
      if (lasts?.ok === false) return state;
      const wish = { target: '185.199.108.0/22', ttlMs: lasts?.value ?? null, reason: null };
      const allowed = allow(state, wish, NAMES, rules, at);
      return allowed.ok ? allowed.value.state : state;
    }
    case 'refuse':
      return refuse({ ...state, doubtMs: at % 86_400_000 }, at);
    case 'pass':
      return afterPass(state, 'amazon-ses', { at, allowlisted: true }).state;
    case 'give-up':
      return afterGivingUp(state, 'amazon-ses', at, rules).state;
    case 'limit':
      return limitEntries(state, 'zen.spamhaus.org', at);
    case 'digest': {
      const digest = digestOf(state.days, state.digested, at, []);
      return digest === null ? state : { ...state, digested: { at, through: digest.to } };
    }
  }
}

describe('durations', () => {
  it.each(['999999999d', '3651d', '315360001s'])('%s is too long', (text) => {
    for (const read of [duration, lifetime])
      expect(read(text)).toMatchObject({ problem: expect.stringContaining('too long') });
  });

  it('of something that must last are no 0s; others may be', () => {
    expect(lifetime('0s')).toMatchObject({ problem: expect.stringContaining('too short') });
    expect(duration('0s')).toMatchObject({ value: 0 });
    expect(lifetime('3650d')).toMatchObject({ ok: true });
  });

  it.each([0, 999, 1000.5, -1, Number.NaN, 1e300, '1000', true, {}])('%j is no lifetime in ms', (given) => {
    expect(lifetimeMs(given)).toMatchObject({ problem: expect.stringContaining('whole milliseconds') });
  });

  it('give times that a date can hold, and stamps that read back', () => {
    fc.assert(
      fc.property(DURATION, AT, (text, at) => {
        const read = duration(text);
        if (!read.ok) return;
        expect(new Date(at + read.value).getTime()).toBe(at + read.value);
        expect(timeStamp(at - read.value)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
      }),
    );
  });
});

it('any state that can be reached, at any time of clock and log, is saved and read back as it was', () => {
  const step = fc.tuple(
    fc.constantFrom(...KINDS),
    AT,
    TTL,
    fc.constantFrom('stdout' as const, 'stderr' as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      let state: State = EMPTY_STATE;
      const position = createPosition(null);
      position.attach('c', timeStamp(0), 0);
      for (const [kind, at, ttl, stream] of steps) {
        position.advance({ stream, stamp: timeStamp(at), text: '' });
        state = { ...after(state, kind, at, ttl), cursor: position.cursor };
        expect(readState(JSON.stringify(state))).toEqual({ ok: true, state });
      }
    }),
  );
});

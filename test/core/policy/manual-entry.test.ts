import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { network } from '../../../src/core/net/network.ts';
import { subtract } from '../../../src/core/net/network-set.ts';
import type { Scope } from '../../../src/core/policy/entry.ts';
import { afterPass, afterRefusal } from '../../../src/core/policy/entry-changes.ts';
import { afterEnds, expired } from '../../../src/core/policy/entry-end.ts';
import {
  allow,
  forbiddenNetwork,
  revoke,
  type SenderNames,
  unwatched,
} from '../../../src/core/policy/manual-entry.ts';
import { decide, openNetworks, type Rules } from '../../../src/core/policy/policy.ts';
import { buildSenderIndex, type Sender } from '../../../src/core/senders/sender-index.ts';
import { EMPTY_STATE, type State } from '../../../src/core/state/state.ts';
import { limitEntries } from '../../../src/core/watch/dnsbl-fault.ts';
import { address } from '../../double/address.ts';

const NOW = Date.parse('2026-11-24T04:23:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ZONE = 'zen.spamhaus.org';
const SES: Sender = {
  id: 'amazon-ses',
  name: 'SES',
  networks: ['54.240.0.0/18', '69.169.224.0/20'].map(network),
};
const index = buildSenderIndex([SES]);
const CLIENTS = ['54.240.27.75', '54.240.1.1', '69.169.224.9'] as const;
const NAMES: SenderNames = {
  watched: ['amazon-ses', 'sendgrid'],
  known: ['amazon-ses', 'godaddy', 'sendgrid'],
  preseed: new Set(),
};

const rulesOf = (scope: Scope): Rules => ({
  ...{ scope, observing: false, threshold: 1, windowMs: HOUR, ttlMs: 30 * DAY },
  ...{ never: [], vetoZones: new Set() },
});

type Event = { readonly afterMs: number } & (
  | { readonly kind: 'refused' | 'limited'; readonly ip: (typeof CLIENTS)[number] }
  | { readonly kind: 'passed' | 'minute' | 'revoked' }
  | { readonly kind: 'allow'; readonly ttlMs: number | null }
);

const afterMs = fc.constantFrom(0, MINUTE, HOUR, 12 * HOUR, 5 * DAY, 31 * DAY);
const happens = fc.oneof(
  fc.record({ afterMs, kind: fc.constantFrom('refused', 'limited'), ip: fc.constantFrom(...CLIENTS) }),
  fc.record({ afterMs, kind: fc.constantFrom('passed', 'minute') }),
) as fc.Arbitrary<Event>;
const ttlMs = fc.option(fc.constantFrom(MINUTE, HOUR, 2 * DAY, 40 * DAY));
const asked = fc.record({ afterMs, kind: fc.constant('allow'), ttlMs }) as fc.Arbitrary<Event>;
const revoked = fc.record({ afterMs, kind: fc.constant('revoked') }) as fc.Arbitrary<Event>;

/** What the daemon does with one event at `now`. */
function after(state: State, event: Event, now: number, rules: Rules, preseed: ReadonlySet<string>): State {
  const names = { ...NAMES, preseed };
  switch (event.kind) {
    case 'allow': {
      const allowed = allow(state, { target: SES.id, ttlMs: event.ttlMs, reason: null }, names, rules, now);
      return allowed.ok ? allowed.value.state : state;
    }
    case 'revoked': {
      const done = revoke(state, SES.id, names);
      return done.ok ? done.value.state : state;
    }
    case 'passed':
      return afterPass(state, SES.id, { at: now, allowlisted: true }).state;
    case 'minute': {
      const gone = expired(state, now, rules, preseed);
      return {
        ...state,
        entries: afterEnds(
          state.entries.filter((one) => !gone.includes(one)),
          now,
          rules,
          preseed,
        ),
      };
    }
    default: {
      const refusal = {
        ...{ ip: event.ip, port: 4000, connectedAt: now, at: now, gate: 'dnsbl' as const },
        ...{ code: 550, enhanced: '5.7.1', zones: [ZONE] },
      };
      const match = index.find(address(event.ip));
      if (match === undefined) throw new Error(event.ip);
      const decision = decide(address(event.ip), match, refusal, state, rules);
      const next = afterRefusal(state, { refusal, match, address: address(event.ip) }, decision, rules);
      return event.kind === 'limited' ? limitEntries(next, ZONE, now) : next;
    }
  }
}

function open(state: State, rules: Rules) {
  return state.entries.flatMap((entry) => openNetworks(entry, SES, rules, []));
}

/** Each event, and each minute job before it. */
function* played(
  state: State,
  events: readonly Event[],
  from: number,
  rules: Rules,
  preseed: ReadonlySet<string>,
) {
  let now = from;
  let next = state;
  for (const event of events) {
    now += event.afterMs;
    next = after(next, { kind: 'minute', afterMs: 0 }, now, rules, preseed);
    next = after(next, event, now, rules, preseed);
    yield { state: next, now };
  }
}

const world = fc.record({
  scope: fc.constantFrom<Scope>('sender', 'network', 'address'),
  preseed: fc.constantFrom<ReadonlySet<string>>(new Set(), new Set([SES.id])),
  before: fc.array(fc.oneof(happens, asked, revoked), { maxLength: 8 }),
  future: fc.array(happens, { maxLength: 12 }),
  ttlMs,
});

describe('allowing a sender', () => {
  it('never ends anything earlier than it would have ended, whatever came before and comes after', () => {
    fc.assert(
      fc.property(world, ({ scope, preseed, before, future, ttlMs }) => {
        const rules = rulesOf(scope);
        const { state, now } = [...played(EMPTY_STATE, before, NOW, rules, preseed)].at(-1) ?? {
          state: EMPTY_STATE,
          now: NOW,
        };
        const allowed = after(state, { kind: 'allow', ttlMs, afterMs: 0 }, now, rules, preseed);
        const without = [...played(state, future, now, rules, preseed)];
        const with_ = [...played(allowed, future, now, rules, preseed)];
        expect(subtract(open(state, rules), open(allowed, rules))).toEqual([]);
        without.forEach((one, i) => {
          const other = with_[i]?.state ?? EMPTY_STATE;
          expect(subtract(open(one.state, rules), open(other, rules))).toEqual([]);
        });
      }),
      { numRuns: 500 },
    );
  });

  it('for a time opens nothing beyond that time that would not be open anyway', () => {
    fc.assert(
      fc.property(
        world,
        fc.constantFrom(MINUTE, HOUR, 2 * DAY),
        ({ scope, preseed, before, future }, ttl) => {
          const rules = rulesOf(scope);
          const { state, now } = [...played(EMPTY_STATE, before, NOW, rules, preseed)].at(-1) ?? {
            state: EMPTY_STATE,
            now: NOW,
          };
          const allowed = after(state, { kind: 'allow', ttlMs: ttl, afterMs: 0 }, now, rules, preseed);
          // What happens after the end finds the same on both sides.
          const late = future.map((event, i) =>
            i === 0 ? { ...event, afterMs: event.afterMs + ttl } : event,
          );
          const without = [...played(state, late, now, rules, preseed)];
          const with_ = [...played(allowed, late, now, rules, preseed)];
          with_.forEach((one, i) => {
            const other = without[i]?.state ?? EMPTY_STATE;
            expect(subtract(open(one.state, rules), open(other, rules))).toEqual([]);
          });
        },
      ),
      { numRuns: 500 },
    );
  });

  it('says what holds where an entry stays longer than was asked', () => {
    const rules = rulesOf('sender');
    const proven = after(EMPTY_STATE, { kind: 'refused', ip: CLIENTS[0], afterMs: 0 }, NOW, rules, new Set());
    const note = (state: State, ttl: number | null, preseed = new Set<string>()) => {
      const names = { ...NAMES, preseed };
      const allowed = allow(state, { target: SES.id, ttlMs: ttl, reason: null }, names, rules, NOW);
      return allowed.ok ? allowed.value.note : allowed.problem;
    };
    expect(note(proven, MINUTE)).toBe(
      'amazon-ses has an entry already (dnsbl 550 zen.spamhaus.org), which stays until 2026-12-24T04:23:00.001Z, and longer if it is seen again',
    );
    expect(note(proven, MINUTE, new Set([SES.id]))).toBe(
      'amazon-ses has an entry already (SCREENPASS_PRESEED), which stays until it is revoked',
    );
    expect(note(proven, 90 * DAY)).toBeNull();
    expect(note(proven, null)).toBeNull();
    expect(note(EMPTY_STATE, MINUTE)).toBeNull();
  });
});

describe('a name that cannot be allowed', () => {
  it.each([
    [
      'godaddy',
      'godaddy is known, but not watched: add +godaddy to SCREENPASS_SENDERS, then docker compose up -d screenpass',
    ],
    ['sendgird', 'no sender is called sendgird; did you mean sendgrid?: screenpass senders lists them'],
    ['ses', 'no sender is called ses; did you mean amazon-ses?: screenpass senders lists them'],
    ['banana', 'no sender is called banana: screenpass senders lists them'],
  ])('%s', (id, problem) => expect(unwatched(id, NAMES)).toBe(problem));

  it.each([
    ['10.0.0.0/8', '10.0.0.0/8 is private or reserved address space, which is never allowed'],
    ['127.0.0.1/32', '127.0.0.1/32 is private or reserved address space, which is never allowed'],
    ['185.0.0.0/8', '185.0.0.0/8 is too wide (nothing wider than /13 is ever allowed)'],
    ['192.0.0.0/8', '192.0.0.0/8 is too wide (nothing wider than /13 is ever allowed)'],
    ['192.168.0.0/15', '192.168.0.0/15 is private or reserved address space, which is never allowed'],
    ['185.199.108.0/22', null],
  ])('%s', (text, problem) => expect(forbiddenNetwork(network(text))).toBe(problem));
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DnsAnswer } from '../../../src/core/dns/resolver.ts';
import { contains, network } from '../../../src/core/net/network.ts';
import { afterRefusal } from '../../../src/core/policy/entry-changes.ts';
import { decide, openNetworks, type Rules } from '../../../src/core/policy/policy.ts';
import {
  dueVetoes,
  withClear,
  withFreshAnswers,
  withListing,
  withoutAnswer,
} from '../../../src/core/policy/veto.ts';
import { askVetoes, listingZone } from '../../../src/core/policy/veto-answer.ts';
import type { Refusal } from '../../../src/core/postscreen/session.ts';
import { buildSenderIndex, type Sender } from '../../../src/core/senders/sender-index.ts';
import { EMPTY_STATE, type State } from '../../../src/core/state/state.ts';
import { address } from '../../double/address.ts';

const SES: Sender = { id: 'amazon-ses', name: 'SES', networks: [network('54.240.0.0/17')] };
const INDEX = buildSenderIndex([SES]);
const ZONES = new Set(['a.example.org', 'b.example.org']);
const DAY = 86_400_000;
/** Some neighbours, and some that share no network. */
const ADDRESSES = ['54.240.1.1', '54.240.1.2', '54.240.1.3', '54.240.9.9', '54.240.64.1', '54.240.127.254'];

const RULES: Rules = {
  ...{ observing: false, scope: 'sender', threshold: 1, windowMs: 3_600_000, ttlMs: 30 * DAY },
  ...{ never: [], vetoZones: ZONES },
};

const refusal = (ip: string, at: number, zones: readonly string[]): Refusal => ({
  ...{ ip, port: 1, connectedAt: at, at, gate: 'dnsbl', code: 550, enhanced: null, zones },
});

type Step =
  | { readonly kind: 'refused'; readonly ip: string; readonly postscreenAsked: boolean }
  | { readonly kind: 'answered'; readonly ip: string; readonly silent: boolean }
  | { readonly kind: 'time'; readonly ms: number };

const ips = fc.constantFrom(...ADDRESSES);
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('refused' as const), ip: ips, postscreenAsked: fc.boolean() }),
    fc.record({ kind: fc.constant('answered' as const), ip: ips, silent: fc.boolean() }),
    fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 0, max: 2 * DAY }) }),
  ),
  { maxLength: 40 },
);

/** The daemon's part, with a zone that lists the same addresses all the time. */
class Model {
  state: State = EMPTY_STATE;
  now = 1_000_000;
  readonly waiting = new Map<string, Refusal>();
  /** Those that the zones, or postscreen, said are listed. */
  readonly known = new Set<string>();
  readonly listed: ReadonlySet<string>;
  readonly rules: Rules;

  constructor(listed: readonly string[], scope: Rules['scope'], threshold: number) {
    this.listed = new Set(listed);
    this.rules = { ...RULES, scope, threshold };
  }

  run(step: Step): void {
    if (step.kind === 'time') this.now += step.ms;
    if (step.kind === 'time') this.state = withFreshAnswers(this.state, this.now);
    if (step.kind === 'refused') this.#refused(step.ip, step.postscreenAsked && this.listed.has(step.ip));
    if (step.kind === 'answered') this.#answered(step.ip, step.silent);
  }

  #refused(ip: string, isSeen: boolean): void {
    const one = refusal(ip, this.now, isSeen ? ['zen.spamhaus.org', 'B.example.org'] : ['zen.spamhaus.org']);
    const reason = this.#decide(one);
    if (reason === 'veto-unknown') this.waiting.set(ip, one);
    if (reason !== 'vetoed-by-dnsbl') return;
    this.state = withListing(this.state, address(ip), 'b.example.org', this.now, null).state;
    this.known.add(ip);
  }

  #decide(one: Refusal): string {
    const at = address(one.ip);
    const match = INDEX.find(at);
    if (match === undefined) throw new Error(one.ip);
    const decision = decide(at, match, one, this.state, this.rules);
    // What a listed address is refused with never opens anything.
    if (this.listed.has(one.ip)) expect(decision.kind).not.toBe('allow');
    this.state = afterRefusal(this.state, { refusal: one, match, address: at }, decision, this.rules);
    return decision.reason;
  }

  #answered(ip: string, silent: boolean): void {
    const at = address(ip);
    if (silent) this.state = withoutAnswer(this.state, at, this.now);
    else if (this.listed.has(ip)) {
      this.state = withListing(this.state, at, 'a.example.org', this.now, this.now).state;
      this.known.add(ip);
      this.waiting.delete(ip);
    } else {
      this.state = withClear(this.state, at, this.now).state;
      const one = this.waiting.get(ip);
      this.waiting.delete(ip);
      if (one !== undefined) this.#decide(one);
    }
  }

  isOpen(ip: string): boolean {
    return this.state.entries
      .flatMap((entry) => openNetworks(entry, SES, this.rules, this.state.vetoes))
      .some((open) => contains(open, address(ip)));
  }
}

describe('a veto', () => {
  it('keeps out what a zone lists, whatever order refusals, answers and silences come in', () => {
    const scopes = fc.constantFrom('sender' as const, 'network' as const, 'address' as const);
    fc.assert(
      fc.property(
        fc.subarray(ADDRESSES),
        scopes,
        fc.integer({ min: 1, max: 3 }),
        steps,
        (listed, scope, threshold, all) => {
          const model = new Model(listed, scope, threshold);
          for (const step of all) {
            model.run(step);
            for (const ip of model.known) expect(model.isOpen(ip)).toBe(false);
            if (scope === 'address') for (const ip of listed) expect(model.isOpen(ip)).toBe(false);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('opens nothing while the zones do not answer', () => {
    const model = new Model([], 'sender', 1);
    for (const ip of ADDRESSES) model.run({ kind: 'refused', ip, postscreenAsked: false });
    for (const ip of ADDRESSES) model.run({ kind: 'answered', ip, silent: true });
    expect(model.state.entries).toEqual([]);
    model.run({ kind: 'answered', ip: '54.240.9.9', silent: false });
    expect(model.isOpen('54.240.1.1')).toBe(true);
  });

  it('is asked about again after a day, an hour after a silence, and at once when only postscreen knows it', () => {
    const [first, second] = [address('54.240.1.1'), address('54.240.1.2')];
    let { state } = withListing(EMPTY_STATE, first, 'a.example.org', 0, 0);
    state = withListing(state, second, 'a.example.org', 0, null).state;
    expect(dueVetoes(state, 1)).toEqual([second]);
    state = withListing(state, second, 'a.example.org', 5, 5).state;
    expect([dueVetoes(state, DAY - 1), dueVetoes(state, DAY)]).toEqual([[], [first]]);
    state = withoutAnswer(state, first, DAY);
    expect([dueVetoes(state, DAY + 3_599_999), dueVetoes(state, DAY + 3_600_000)]).toEqual([
      [second],
      [first, second],
    ]);
    expect(withClear(state, first, DAY)).toMatchObject({ ended: { address: '54.240.1.1', since: 0 } });
  });

  it('of any number is bounded, and says which one leaves', () => {
    let state: State = EMPTY_STATE;
    let left = 0;
    for (let n = 0; n < 2_010; n += 1) {
      const after = withListing(state, address(`54.240.${n >> 8}.${n & 255}`), 'a.example.org', n, n);
      state = after.state;
      if (after.dropped !== null) left += 1;
    }
    expect([state.vetoes.length, left]).toEqual([2_000, 10]);
  });
});

describe('what the zones say together', () => {
  const LOOKS = {
    listed: { kind: 'found', records: ['127.0.0.2'] },
    error: { kind: 'found', records: ['127.255.255.254'] },
    absent: { kind: 'no-name' },
    silent: { kind: 'failed', reason: 'timeout' },
  } as const satisfies Record<string, DnsAnswer<string>>;

  it.each([
    ['absent', 'absent', 'clear'],
    ['absent', 'listed', 'listed'],
    ['silent', 'listed', 'listed'],
    ['silent', 'absent', 'unknown'],
    ['error', 'absent', 'unknown'],
    ['error', 'error', 'unknown'],
  ] as const)('%s and %s: %s', async (a, b, kind) => {
    const resolver = { a: async (name: string) => LOOKS[name.endsWith('.a.example.org') ? a : b] };
    const answer = await askVetoes(address('54.240.1.1'), ZONES, resolver);
    expect(answer.kind).toBe(kind);
    expect(listingZone(answer)).toBe(kind === 'listed' ? 'b.example.org' : undefined);
  });
});

// No history of answers, however gradual, opens more than one sender may have.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bits, type Family, type Network, network } from '../../../src/core/net/network.ts';
import { aggregate, cover } from '../../../src/core/net/network-set.ts';
import { newEntry } from '../../../src/core/policy/entry.ts';
import { openNetworks, type Rules } from '../../../src/core/policy/policy.ts';
import {
  currentNetworks,
  type Knowledge,
  knowledgeOf,
  withProof,
} from '../../../src/core/senders/knowledge.ts';
import { judgeAnswers } from '../../../src/core/senders/list-judgement.ts';
import type { SenderDefinition } from '../../../src/core/senders/sender.ts';
import catalogue from '../../../src/senders/catalogue.json' with { type: 'json' };
import { definition } from '../../double/definition.ts';

const START = Date.parse('2026-11-24T04:23:00Z');
const DAY = 86_400_000;
/** Each run judges many large lists. */
const RUNS = { numRuns: 40 };
const FAMILIES = [4, 6] as const;
/** What a sender without networks in its definition may have by its own word, and what any may have. */
const UNASKED = { 4: 1n << 18n, 6: 1n << 92n };
const MOST = { 4: 1n << 20n, 6: 1n << 100n };
const MOST_NETWORKS = 8_000;

const RULES: Rules = {
  ...{ scope: 'sender', threshold: 1, windowMs: 3_600_000, ttlMs: 30 * DAY },
  ...{ observing: false, never: [], vetoZones: new Set() },
};

/** One answer, made from the answer before. Shares are of a thousand. */
type Step = {
  readonly family: Family;
  readonly days: number;
  readonly accept: boolean;
} & (
  | { readonly kind: 'grow' | 'swap'; readonly share: number }
  | { readonly kind: 'list'; readonly prefix: number; readonly count: number }
  | { readonly kind: 'nothing' | 'failed' | 'proof' }
);

const step = (accept: fc.Arbitrary<boolean>): fc.Arbitrary<Step> => {
  const when = { family: fc.constantFrom(4, 6), days: fc.integer({ min: 0, max: 9 }), accept } as const;
  const share = fc.integer({ min: 1, max: 500 });
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ ...when, kind: fc.constantFrom('grow', 'swap'), share }) },
    fc.record({
      ...when,
      kind: fc.constant('list'),
      prefix: fc.integer({ min: 13, max: 64 }),
      count: fc.constantFrom(1, 2, 40, 1_500),
    }),
    fc.record({ ...when, kind: fc.constantFrom('nothing', 'failed', 'proof') }),
  );
};

/** Where new networks are taken from: public space that no test asks twice for. */
function createSpace() {
  const next = { 4: 0x0b_00_00_00n, 6: 0x2600n << 112n };
  return (family: Family, size: bigint): Network[] => {
    const first = next[family];
    // A gap, so that what is listed one after the other is not merged.
    next[family] = first + 2n * size;
    return cover({ first, last: first + size - 1n }, family, family === 4 ? 13 : 28);
  };
}

function held(networks: readonly Network[], family: Family): bigint {
  const own = aggregate(networks).filter((one) => one.family === family);
  return own.reduce((sum, { prefix }) => sum + (1n << BigInt(bits(family) - prefix)), 0n);
}

/** The answer of the step and the answers to come, from what was listed before. */
function answerOf(one: Step, listed: readonly Network[], take: ReturnType<typeof createSpace>) {
  if (one.kind === 'list') {
    const prefix = one.family === 4 ? Math.min(one.prefix, 32) : Math.max(one.prefix, 28);
    const size = 1n << BigInt(bits(one.family) - prefix);
    // More than that is in no part of the address space that is not reserved.
    const count = one.family === 4 ? Math.min(one.count, Number((1n << 22n) / size)) : one.count;
    return [...listed, ...Array.from({ length: count }, () => take(one.family, size)).flat()];
  }
  if (one.kind === 'nothing') return [];
  if (one.kind !== 'grow' && one.kind !== 'swap') return listed;
  const own = listed.filter(({ family }) => family === one.family);
  const wanted = (held(own, one.family) * BigInt(one.share)) / 1000n;
  // Whole /24 and /48, and never more than there is.
  const [unit, most] = one.family === 4 ? [1n << 8n, 1n << 23n] : [1n << 80n, 1n << 104n];
  const size = unit * ((wanted < most ? wanted : most) / unit + 1n);
  const kept =
    one.kind === 'grow'
      ? listed
      : listed.filter((network) => !own.slice(0, own.length / 3).includes(network));
  return [...kept, ...take(one.family, size)];
}

function openedBy(sender: SenderDefinition, known: Knowledge, now: number): readonly Network[] {
  const entry = newEntry(sender.id, now, { scope: 'sender', networks: [], cause: null });
  return openNetworks(entry, { ...sender, networks: currentNetworks(sender, known, now) }, RULES, []);
}

/** Plays the steps and gives what is known after each. */
function* history(sender: SenderDefinition, steps: readonly Step[]) {
  const take = createSpace();
  let known = knowledgeOf(sender, {});
  let listed: readonly Network[] = sender.networks;
  let now = START;
  for (const one of steps) {
    now += one.days * DAY;
    if (one.kind === 'proof') {
      for (const proof of take(one.family, 1n)) known = withProof(known, proof, 'spf', now);
      yield { before: known, known, now };
      continue;
    }
    listed = aggregate(answerOf(one, listed, take));
    const answer =
      one.kind === 'failed'
        ? ({ kind: 'failed', domain: 'partner.example', reason: 'timeout' } as const)
        : ({ kind: 'listed', networks: listed, unlistable: [], lookups: 1, depth: 1 } as const);
    const before = known;
    known = judgeAnswers(
      { sender, expansions: [answer], identities: new Map() },
      before,
      now,
      one.accept,
    ).after;
    // The sender goes on from what it lists, believed or not, half of the time.
    if (known.trouble !== null && one.days % 2 === 0)
      listed = known.listed?.networks.map(network) ?? sender.networks;
    yield { before, known, now };
  }
}

const confidence = fc.constantFrom('high', 'low');
const networks = fc.constantFrom<readonly string[]>([], ['54.240.0.0/18'], ['54.0.0.0/13', '2600:1f00::/29']);

describe('whatever a sender answers, one answer after the other', () => {
  it('without the administrator it holds no more than twice its definition, or the limit of a small sender', () => {
    fc.assert(
      fc.property(
        fc.record({ confidence, networks, pinned: fc.boolean() }),
        fc.array(step(fc.constant(false)), { maxLength: 20 }),
        (given, steps) => {
          const sender = definition(given);
          for (const { known, now } of history(sender, steps))
            for (const family of FAMILIES) {
              const twice = 2n * held(sender.networks, family);
              const limit = twice > UNASKED[family] ? twice : UNASKED[family];
              const listed = currentNetworks(sender, { ...known, proven: [] }, now);
              expect(held(listed, family) <= limit, `${held(listed, family)} of IPv${family}`).toBe(true);
            }
        },
      ),
      RUNS,
    );
  });

  it('whatever the administrator accepts, it opens no more than any sender may', () => {
    fc.assert(
      fc.property(
        fc.record({ confidence, networks }),
        fc.array(step(fc.boolean()), { maxLength: 20 }),
        (given, steps) => {
          const sender = definition(given);
          for (const { known, now } of history(sender, steps)) {
            const open = openedBy(sender, known, now);
            expect(open.length).toBeLessThanOrEqual(MOST_NETWORKS);
            for (const family of FAMILIES) expect(held(open, family) <= MOST[family]).toBe(true);
          }
        },
      ),
      RUNS,
    );
  });

  it('what is held back stays held back until it is accepted or listed no more', () => {
    fc.assert(
      fc.property(fc.array(step(fc.constant(false)), { maxLength: 15 }), (steps) => {
        for (const { before, known } of history(definition({ networks: ['54.240.0.0/18'] }), steps))
          if (known.trouble !== null) expect(known.listed).toBe(before.listed);
      }),
      RUNS,
    );
  });
});

describe('a sender of which no networks were known', () => {
  const answer = (texts: readonly string[], accept = false) =>
    judgeAnswers(
      {
        sender: definition(),
        expansions: [{ kind: 'listed', networks: texts.map(network), unlistable: [], lookups: 1, depth: 1 }],
        identities: new Map(),
      },
      knowledgeOf(definition(), {}),
      START,
      accept,
    ).after;
  const wide = Array.from(
    { length: 1_500 },
    (_, i) => `2${(i >> 8).toString(16).padStart(3, '6')}:${(i & 0xff).toString(16)}00::/28`,
  );

  it('cannot list 1,500 IPv6 /28 in its first answer, not even with the administrator’s word', () => {
    for (const accept of [false, true])
      expect(answer(['54.240.0.0/18', ...wide], accept)).toMatchObject({
        listed: null,
        trouble: {
          kind: 'suspicious',
          acceptable: false,
          reason: expect.stringContaining('IPv6 /64 networks'),
        },
      });
  });

  it('needs the administrator’s word for what is far beyond a small sender', () => {
    expect(answer(['54.0.0.0/13']).trouble).toMatchObject({
      acceptable: true,
      reason: 'would have 524288 IPv4 addresses, and more than 262144 IPv4 addresses must be accepted',
    });
    expect(answer(['54.0.0.0/13'], true).trouble).toBeNull();
    expect(answer(['54.0.0.0/14', '2600:1f00::/36']).trouble).toBeNull();
  });

  it('cannot list more networks than any real sender has', () => {
    const hosts = Array.from({ length: 8_001 }, (_, i) => `54.${i >> 7}.${(2 * i) & 255}.1`);
    expect(answer(hosts).trouble).toMatchObject({
      acceptable: false,
      reason: expect.stringContaining('8001 networks'),
    });
  });
});

it('no real sender is anywhere near what none may have, and all of the catalogue may be learnt from their own records', () => {
  for (const { id, networks: texts } of catalogue.senders) {
    const own = texts.map(network);
    for (const family of FAMILIES) expect(2n * held(own, family) <= MOST[family], id).toBe(true);
    expect(8 * aggregate(own).length, id).toBeLessThan(MOST_NETWORKS);
    const sender = definition({ networks: texts });
    const expansions = [{ kind: 'listed', networks: own, unlistable: [], lookups: 1, depth: 1 }] as const;
    const judged = judgeAnswers(
      { sender, expansions, identities: new Map() },
      knowledgeOf(sender, {}),
      START,
      false,
    );
    expect(judged.after.trouble, id).toBeNull();
  }
});

import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressValue,
  contains,
  formatAddress,
  formatNetwork,
  lastValue,
  type Network,
  network,
  overlap,
  parseAddress,
  parseNetwork,
} from '../../../src/core/net/network.ts';
import { addresses, aggregate, intersect, subtract } from '../../../src/core/net/network-set.ts';

const text = (given: string) => {
  const parsed = parseNetwork(given);
  return parsed.ok ? formatNetwork(parsed.value) : undefined;
};

describe('a network', () => {
  it.each([
    ['54.240.27.75/18', '54.240.0.0/18', 'host bits are cleared'],
    [' 192.0.2.0/24\n', '192.0.2.0/24', 'blanks around are trimmed'],
    ['192.0.2.7', '192.0.2.7/32', 'a bare address is itself'],
    ['2001:DB8:0:0::1/64', '2001:db8::/64', 'IPv6 is canonical'],
    ['2001:db8::1.2.3.4', '2001:db8::102:304/128', 'IPv6 with an IPv4 tail'],
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1/128', 'the longest run of zeros is shortened'],
    ['2001:0:0:1:0:0:0:0/64', '2001:0:0:1::/64', 'also at the end'],
    ['::1/128', '::1/128', 'and at the start'],
  ])('%j is %s: %s', (given, canonical) => expect(text(given)).toBe(canonical));

  it.each([
    '0.0.0.0/0',
    '::/0',
    '54.240.27.75/33',
    '2001:db8::/129',
    '01.2.3.4',
    '1.2.3/24',
    '1.2.3.4/',
    '1.2.3.4/ 24',
    '1.2.3.4 /24',
    '1.2.3.4/24x',
    '1.2.3.4/-1',
    '::ffff:54.240.27.0/120',
    '::ffff:1.2.3.4',
    'fe80::1%eth0/64',
    'example.com',
    '',
    '/8',
  ])('%j is refused with a reason', (given) => {
    const parsed = parseNetwork(given);
    expect(parsed).toMatchObject({ ok: false, problem: expect.stringContaining(given.trim()) });
  });

  it('has no host bits, and its text reads back as itself', () => {
    fc.assert(
      fc.property(anyNetwork, (any) => {
        expect(network(formatNetwork(any))).toEqual(any);
        expect(lastValue(any) - any.base + 1n).toBe(1n << BigInt((any.family === 4 ? 32 : 128) - any.prefix));
      }),
    );
  });
});

describe('an address', () => {
  it('written as IPv4 inside IPv6 is the IPv4 address, as for Postfix', () => {
    expect(parseAddress('::ffff:54.240.27.75')).toEqual(parseAddress('54.240.27.75'));
  });

  it('is what net.isIP takes and nothing else, also of text that is almost one', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), nearlyAddress), (any) => {
        expect(parseAddress(any) !== undefined, any).toBe(isIP(any) !== 0 && !any.includes('%'));
      }),
      { numRuns: 2000 },
    );
  });

  it('has the value that is found group by group', () => {
    fc.assert(
      fc.property(nearlyAddress, (any) => {
        const address = parseAddress(any);
        if (address !== undefined) expect(addressValue(address), any).toBe(valueByGroups(any));
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps its value through its text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (any) => {
        const address = parseAddress(any);
        if (address === undefined) return;
        const again = parseAddress(formatAddress(address));
        expect(again).toEqual(address);
      }),
    );
  });

  it('is in a network exactly when their leading bits agree', () => {
    fc.assert(
      fc.property(anyNetwork, fc.oneof(fc.ipV4(), fc.ipV6()), (any, given) => {
        const address = parseAddress(given);
        if (address === undefined || address.family !== any.family) return;
        const host = BigInt((any.family === 4 ? 32 : 128) - any.prefix);
        expect(contains(any, address)).toBe(addressValue(address) >> host === any.base >> host);
      }),
    );
  });
});

const anyIPv6 = fc
  .tuple(
    fc.array(fc.constantFrom('0', '1', '00af', 'FFFF', 'c0de'), { minLength: 1, maxLength: 8 }),
    fc.nat(9),
  )
  .map(([groups, gap]) => groups.map((group, i) => (i === gap ? `:${group}` : group)).join(':'));

/** An address of any form, often with a piece left out, doubled or put in. */
const nearlyAddress = fc
  .tuple(
    fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      anyIPv6,
      fc.ipV4().map((quad) => `::ffff:${quad}`),
    ),
    fc.array(
      fc.tuple(fc.nat(40), fc.nat(2), fc.constantFrom('', '0', ':', '::', '.', '1.2.3.4', '256', 'g', '%1')),
    ),
  )
  .map(([address, edits]) =>
    edits.reduce((text, [at, drop, put]) => text.slice(0, at) + put + text.slice(at + drop), address),
  );

/** The slow twin: fills in what `::` leaves out, writes all groups with four digits, and reads the whole as one number. */
function valueByGroups(text: string): bigint {
  const quadAsGroups = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) =>
    [0, 2].map((i) => (Number(parts[i]) * 256 + Number(parts[i + 1])).toString(16)).join(':'),
  );
  const given = quadAsGroups.split(':').filter((group) => group !== '').length;
  const whole = quadAsGroups.replace('::', `:${'0:'.repeat((text.includes(':') ? 8 : 2) - given)}`);
  const groups = whole.split(':').filter((group) => group !== '');
  const value = BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`);
  return value >> 32n === 0xffffn ? value & 0xffffffffn : value;
}

/** Small space, so that networks meet: the last byte of one IPv4 /24, and of one IPv6 /120. */
const smallNetwork = fc
  .record({ family: fc.constantFrom(4 as const, 6 as const), host: fc.nat(255), size: fc.nat(8) })
  .map(({ family, host, size }): Network => {
    const base = family === 4 ? 0xc0000200n : 0x20010db8n << 96n;
    return { family, base: base + BigInt((host >> size) << size), prefix: (family === 4 ? 32 : 128) - size };
  });

const anyNetwork = fc
  .oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 32 })),
    fc.tuple(fc.ipV6(), fc.integer({ min: 1, max: 128 })),
  )
  .map(([address, prefix]) => parseNetwork(`${address}/${prefix}`))
  .filter((parsed) => parsed.ok)
  .map((parsed) => parsed.value);

function members(networks: readonly Network[]): string[] {
  const all = new Set<string>();
  for (const one of networks) {
    for (let value = one.base; value <= lastValue(one); value += 1n) all.add(`${one.family} ${value}`);
  }
  return [...all].sort();
}

describe('two networks', () => {
  it('overlap exactly when they have an address in common', () => {
    fc.assert(
      fc.property(smallNetwork, smallNetwork, (a, b) => {
        expect(overlap(a, b)).toBe(members([a]).some((member) => members([b]).includes(member)));
      }),
    );
  });
});

describe('a set of networks', () => {
  it('aggregates to the same addresses', () => {
    fc.assert(
      fc.property(fc.array(smallNetwork, { maxLength: 12 }), (networks) => {
        expect(members(aggregate(networks))).toEqual(members(networks));
      }),
    );
  });

  it('aggregates to networks of which no two can be merged, in order', () => {
    fc.assert(
      fc.property(fc.array(smallNetwork, { maxLength: 12 }), (networks) => {
        const result = aggregate(networks);
        for (const [i, one] of result.entries()) {
          const next = result[i + 1];
          if (next?.family !== one.family) continue;
          expect(next.base > lastValue(one)).toBe(true);
          const siblings =
            next.prefix === one.prefix && one.base + (next.base - one.base) * 2n === lastValue(next) + 1n;
          const aligned = one.base % (2n * (next.base - one.base)) === 0n;
          expect(siblings && aligned).toBe(false);
        }
      }),
    );
  });

  it('without holes has exactly the addresses that are in none of them', () => {
    fc.assert(
      fc.property(
        fc.array(smallNetwork, { maxLength: 6 }),
        fc.array(smallNetwork, { maxLength: 6 }),
        (kept, holes) => {
          const out = new Set(members(holes));
          expect(members(subtract(kept, holes))).toEqual(members(kept).filter((member) => !out.has(member)));
        },
      ),
    );
  });

  it('meets another in exactly the addresses of both', () => {
    fc.assert(
      fc.property(
        fc.array(smallNetwork, { maxLength: 6 }),
        fc.array(smallNetwork, { maxLength: 6 }),
        (a, b) => {
          const inB = new Set(members(b));
          expect(members(intersect(a, b))).toEqual(members(a).filter((member) => inB.has(member)));
        },
      ),
    );
  });

  it('counts the addresses of each family', () => {
    fc.assert(
      fc.property(fc.array(smallNetwork, { maxLength: 12 }), (networks) => {
        for (const family of [4, 6] as const) {
          const wanted = members(networks).filter((member) => member.startsWith(`${family} `)).length;
          expect(addresses(aggregate(networks), family)).toBe(wanted);
        }
      }),
    );
  });

  it('never merges wider than told', () => {
    const halves = ['54.240.0.0/17', '54.240.128.0/17', '54.241.0.0/16'].map(network);
    expect(aggregate(halves, { 4: 16, 6: 28 }).map(formatNetwork)).toEqual([
      '54.240.0.0/16',
      '54.241.0.0/16',
    ]);
    expect(aggregate(halves).map(formatNetwork)).toEqual(['54.240.0.0/15']);
  });
});

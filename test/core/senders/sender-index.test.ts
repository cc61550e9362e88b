import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Address,
  bits,
  contains,
  lastValue,
  type Network,
  network,
  parseAddress,
} from '../../../src/core/net/network.ts';
import { buildSenderIndex, type Sender } from '../../../src/core/senders/sender-index.ts';

const sender = (id: string, ...networks: string[]): Sender => ({
  id,
  name: id,
  networks: networks.map(network),
});

const find = (senders: Sender[], text: string) => {
  const address = parseAddress(text);
  return address === undefined ? undefined : buildSenderIndex(senders).find(address)?.sender.id;
};

describe('the sender index', () => {
  it('finds the owner at both ends of a network, and nobody beside it', () => {
    const senders = [sender('ses', '54.240.0.0/17', '2001:db8::/32')];
    expect(find(senders, '54.240.0.0')).toBe('ses');
    expect(find(senders, '54.240.127.255')).toBe('ses');
    expect(find(senders, '54.239.255.255')).toBeUndefined();
    expect(find(senders, '54.240.128.0')).toBeUndefined();
    expect(find(senders, '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff')).toBe('ses');
    expect(find(senders, '2001:db9::')).toBeUndefined();
  });

  it('knows the last address of the address space', () => {
    expect(find([sender('end', '255.0.0.0/8', 'ff00::/8')], '255.255.255.255')).toBe('end');
    expect(find([sender('end', '255.0.0.0/8', 'ff00::/8')], 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')).toBe(
      'end',
    );
    expect(find([], '255.255.255.255')).toBeUndefined();
  });

  it('prefers the narrowest network, and the first sender of two with the same', () => {
    const senders = [
      sender('wide', '54.240.0.0/16'),
      sender('narrow', '54.240.27.0/24'),
      sender('late', '54.240.27.0/24'),
    ];
    expect(find(senders, '54.240.27.75')).toBe('narrow');
    expect(find(senders, '54.240.26.75')).toBe('wide');
    expect(find(senders, '54.240.28.75')).toBe('wide');
  });

  it('agrees with a search through all networks, at both ends of each and beside them', () => {
    fc.assert(
      fc.property(fc.array(anyNetwork, { maxLength: 40 }), (networks) => {
        const senders = networks.map((one, i) => ({ id: `s${i}`, name: '', networks: [one] }));
        const index = buildSenderIndex(senders);
        for (const address of networks.flatMap(edges)) {
          const holders = senders.filter(({ networks: [only] }) => contains(only as Network, address));
          const narrowest = Math.max(...holders.map(({ networks: [only] }) => only?.prefix ?? 0));
          const first = holders.find(({ networks: [only] }) => only?.prefix === narrowest);
          expect(index.find(address)?.sender.id).toBe(first?.id);
        }
      }),
    );
  });
});

/** Of few different bits at the ends of the words, so that networks nest, meet and begin at the same place. */
const anyNetwork = fc
  .tuple(
    fc.constantFrom(4 as const, 6 as const),
    fc.array(fc.constantFrom(0n, 1n, 2n, 0x7fffffffn, 0x80000000n, 0xffffffffn), {
      minLength: 4,
      maxLength: 4,
    }),
    fc.oneof(fc.constantFrom(1, 31, 32, 33, 64, 96, 128), fc.integer({ min: 1, max: 128 })),
  )
  .map(([family, words, length]): Network => {
    const prefix = Math.min(length, bits(family));
    const host = BigInt(bits(family) - prefix);
    const value = words.slice(0, bits(family) / 32).reduce<bigint>((sum, word) => (sum << 32n) | word, 0n);
    return { family, base: (value >> host) << host, prefix };
  });

function edges(network: Network): Address[] {
  const { family, base } = network;
  const last = lastValue(network);
  return [base - 1n, base, last, last + 1n]
    .filter((value) => value >= 0n && value >> BigInt(bits(family)) === 0n)
    .map((value) => ({
      family,
      words: [96n, 64n, 32n, 0n]
        .slice(family === 4 ? 3 : 0)
        .map((shift) => Number((value >> shift) & 0xffffffffn)),
    }));
}

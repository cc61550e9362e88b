import { bits, type Family, firstAddress, type Network } from '../../src/core/net/network.ts';
import type { Sender } from '../../src/core/senders/sender-index.ts';
import { createRandom, type Random } from '../random.ts';

const SENDERS = 100;
/** Lengths as senders publish them, each as often as it stands here. */
const LENGTHS: Record<Family, readonly number[]> = {
  4: [16, 17, 19, 19, 20, 20, 20, 22, 22, 22, 22, 23, 24, 24, 24, 24, 24, 24, 24, 28, 28, 32, 32, 32],
  6: [32, 36, 40, 44, 48, 48, 48, 52, 56, 56, 64, 64, 64],
};
/** The space that senders have: IPv4 as addresses from 1.0.0.0 on, IPv6 as /64s, in a /12 of each registry. */
const SPACES: Record<Family, { readonly firsts: readonly bigint[]; readonly size: number }> = {
  4: { firsts: [0x01000000n], size: 222 * 2 ** 24 },
  6: { firsts: [0x240n, 0x260n, 0x280n, 0x2a0n, 0x2c0n].map((top) => top << 52n), size: 2 ** 52 },
};

/**
 * So many networks, seven IPv4 for three IPv6, spread over the public space and over senders. Some lie within another
 * of the same sender, some are two halves of one; those of two senders never overlap, so that also ways that do not
 * know the narrowest network give the same sender.
 */
export function sendersWith(count: number, seed: number): readonly Sender[] {
  const random = createRandom(seed);
  const senders = Array.from({ length: SENDERS }, (_, i) => ({
    id: `sender-${i}`,
    name: `Sender ${i}`,
    networks: [] as Network[],
  }));
  for (const [family, wanted] of [
    [4, Math.round(count * 0.7)] as const,
    [6, Math.round(count * 0.3)] as const,
  ])
    for (let made = 0, slot = 0; made < wanted; slot += 1) {
      const drawn = drawIn(slot, wanted, family, random).slice(0, wanted - made);
      senders[random.below(SENDERS)]?.networks.push(...drawn);
      made += drawn.length;
    }
  return senders;
}

/** One network, or two, in one of `slots` equal parts of the space. */
function drawIn(slot: number, slots: number, family: Family, random: Random): readonly Network[] {
  const { firsts, size } = SPACES[family];
  const unitBits = family === 4 ? 32 : 64;
  const width = size / Math.ceil(slots / firsts.length);
  const narrowEnough = unitBits - Math.floor(Math.log2(width / 2));
  const prefix = Math.max(LENGTHS[family][random.below(LENGTHS[family].length)] ?? 0, narrowEnough);
  const block = 2 ** (unitBits - prefix);
  const offset = Math.ceil((Math.floor(slot / firsts.length) * width) / block) * block;
  const first = (firsts[slot % firsts.length] ?? 0n) + BigInt(offset);
  const whole = { family, base: first << BigInt(bits(family) - unitBits), prefix };
  if (prefix === bits(family)) return [whole];
  const low = { ...whole, prefix: prefix + 1 };
  const high = { ...low, base: whole.base + (1n << BigInt(bits(family) - low.prefix)) };
  const kind = random.below(10);
  return kind === 0 ? [whole, high] : kind === 1 ? [low, high] : [whole];
}

/** Texts of addresses: every other one in one of the networks, the rest anywhere in the space of the networks. */
export function addressesAround(senders: readonly Sender[], count: number, seed: number): readonly string[] {
  const random = createRandom(seed);
  const networks = senders.flatMap((sender) => sender.networks);
  return Array.from({ length: count }, (_, i) => {
    const { family, base, prefix } = networks[random.below(networks.length)] as Network;
    const near = i % 2 === 0 ? prefix : family === 4 ? 1 : 8;
    const host = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32));
    const value = base ^ BigInt.asUintN(Math.min(64, bits(family) - near), host);
    return firstAddress({ family, base: value, prefix: bits(family) });
  });
}

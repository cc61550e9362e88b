import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contains, network, parseAddress } from '../../src/core/network.ts';
import { buildSenderIndex, type Sender } from '../../src/core/sender-index.ts';

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

  it('agrees with a search through all networks', () => {
    const nested = fc
      .record({ v6: fc.boolean(), host: fc.nat(255), size: fc.integer({ min: 0, max: 8 }) })
      .map(({ v6, host, size }) =>
        v6 ? `2001:db8::${host.toString(16)}/${128 - size}` : `192.0.2.${host}/${32 - size}`,
      );
    fc.assert(
      fc.property(fc.array(nested, { maxLength: 15 }), fc.boolean(), fc.nat(300), (texts, v6, host) => {
        const senders = texts.map((text, i) => sender(`s${i}`, text));
        const address = parseAddress(
          v6 ? `2001:db8::${host.toString(16)}` : `192.0.${2 + (host >> 8)}.${host & 255}`,
        );
        if (address === undefined) return;
        const naive = senders
          .filter(({ networks: [only] }) => only !== undefined && contains(only, address))
          .sort((a, b) => (b.networks[0]?.prefix ?? 0) - (a.networks[0]?.prefix ?? 0))[0];
        expect(buildSenderIndex(senders).find(address)?.sender.id).toBe(naive?.id);
      }),
    );
  });
});

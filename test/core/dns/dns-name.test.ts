import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readName, reverseName } from '../../../src/core/dns/dns-name.ts';

const label = (length: number) => 'a'.repeat(length);
/** Four labels that make a name of `length` characters, which is from 193 to 255. */
const long = (length: number) => [label(63), label(63), label(63), label(length - 3 * 64)].join('.');

describe('a name', () => {
  it.each([
    ['example.com', 'example.com'],
    ['Example.COM.', 'example.com'],
    ['com', 'com'],
    ['_spf.a_b.example.com', '_spf.a_b.example.com'],
    ['*.0/25.2.0.192.in-addr.arpa', '*.0/25.2.0.192.in-addr.arpa'],
    ['xn--a.example.com', 'xn--a.example.com'],
    [`${label(63)}.com`, `${label(63)}.com`],
    [long(253), long(253)],
    [`${long(253)}.`, long(253)],
  ])('%j is asked for as %j', (given, name) => expect(readName(given)).toEqual({ kind: 'name', name }));

  it.each([
    ['nothing', ''],
    ['the root', '.'],
    ['two dots at the end', 'example.com..'],
    ['a dot in front', '.example.com'],
    ['an empty label', 'a..example.com'],
    ['a label of 64', `${label(64)}.com`],
    ['254 characters', long(254)],
    ['an empty label beside a strange character', 'a b..example.com'],
  ])('cannot exist: %s', (_, given) => expect(readName(given)).toEqual({ kind: 'no-name' }));

  it.each([
    'a b.example.com',
    'a+b.example.com',
    'a@b.example.com',
    'a\0.example.com',
    'a\\.example.com',
    'a.example.com\n',
    '[192.0.2.1]',
    '2001:db8::1',
    '\u00e4.example.com',
    // Other alphabets that Unicode takes for these letters and this dot; the Kelvin sign is a k in lower case.
    '\uff41.example.com',
    'a.example\u3002com',
    '\u212aelvin.example.com',
  ])('may exist but cannot be asked for: %j', (given) =>
    expect(readName(given)).toEqual({ kind: 'failed', reason: 'malformed' }));

  it('that was read reads as itself, and any text is answered', () => {
    const part = fc.oneof(
      fc.stringMatching(/^[a-zA-Z0-9_*/-]{1,63}$/),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const read = readName(parts.join('.'));
        if (read.kind !== 'name') expect(['no-name', 'failed']).toContain(read.kind);
        else {
          expect(`${read.name}.`).toMatch(/^([a-z0-9_*/-]{1,63}\.)+$/);
          expect(read.name.length).toBeLessThanOrEqual(253);
          expect(readName(read.name)).toEqual(read);
        }
      }),
    );
  });
});

describe('the reverse name', () => {
  it.each([
    ['192.0.2.1', '1.2.0.192.in-addr.arpa'],
    ['0.0.0.255', '255.0.0.0.in-addr.arpa'],
    ['::ffff:192.0.2.1', '1.2.0.192.in-addr.arpa'],
    ['2001:DB8::cafe', 'e.f.a.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa'],
    ['::', `${'0.'.repeat(32)}ip6.arpa`],
  ])('of %s is %s', (address, name) => expect(reverseName(address)).toBe(name));

  it.each([
    '',
    'example.com',
    '192.0.2',
    '192.0.2.1/32',
    '192.0.2.1 ',
    '1.2.0.192.in-addr.arpa',
  ])('is not to be had for %j, which is no address', (text) => expect(reverseName(text)).toBeUndefined());

  it('can be asked for, and turned round again is the address', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const name = reverseName(address) ?? '';
        expect(name.replace('.in-addr.arpa', '').split('.').reverse().join('.')).toBe(address);
        expect(readName(name)).toEqual({ kind: 'name', name });
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const hex = Buffer.from(bytes).toString('hex');
        // What begins like this may be an IPv4 address inside IPv6.
        fc.pre(!hex.startsWith('0'.repeat(20)));
        const name = reverseName((hex.match(/.{4}/g) ?? []).join(':')) ?? '';
        expect(name).toBe(`${[...hex].reverse().join('.')}.ip6.arpa`);
        expect(readName(name)).toEqual({ kind: 'name', name });
      }),
    );
  });
});

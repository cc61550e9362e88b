import { describe, expect, it } from 'vitest';
import { type Address, parseAddress } from '../../../src/core/net/network.ts';
import { listingName, readZoneAnswer } from '../../../src/core/postscreen/dnsbl-zone.ts';

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

describe('a zone', () => {
  it('is asked by reversed octets or nibbles', () => {
    expect(listingName(address('54.240.27.75'), 'bl.example')).toBe('75.27.240.54.bl.example');
    expect(listingName(address('2001:db8::2:1'), 'bl.example')).toBe(
      '1.0.0.0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example',
    );
  });

  it.each([
    [
      { kind: 'found', records: ['127.0.0.2', '127.0.0.4'] },
      { kind: 'listed', answers: ['127.0.0.2', '127.0.0.4'] },
    ],
    [{ kind: 'no-name' }, { kind: 'not-listed' }],
    [{ kind: 'no-data' }, { kind: 'not-listed' }],
    [
      { kind: 'failed', reason: 'servfail' },
      { kind: 'fault', reason: 'no answer (servfail)' },
    ],
    [
      { kind: 'found', records: ['127.0.0.2', '127.255.255.254'] },
      { kind: 'fault', reason: expect.stringContaining('public resolver') },
    ],
    [
      { kind: 'found', records: ['127.255.255.9'] },
      { kind: 'fault', reason: 'the zone answers with an error (127.255.255.9)' },
    ],
    [
      { kind: 'found', records: ['92.242.140.2'] },
      { kind: 'fault', reason: expect.stringContaining('92.242.140.2') },
    ],
  ] as const)('that answers %j says %j', (answer, expected) => {
    expect(readZoneAnswer(answer)).toEqual(expected);
  });
});

import { describe, expect, it } from 'vitest';
import { identify } from '../../../src/core/senders/identity.ts';
import type { SenderDefinition } from '../../../src/core/senders/sender.ts';
import { address } from '../../double/address.ts';
import { definition } from '../../double/definition.ts';
import type { Zone } from '../../double/dns-zone.ts';
import { zoneResolver } from '../../double/zone-resolver.ts';

const PARTNER = definition({ unlistable: true, rdns: ['out.example', 'mail.partner.example'] });
const REVERSE = '7.100.51.198.in-addr.arpa';
const NAME = 'a.mail.partner.example';
const RECORD = 'v=spf1 exists:%{ir}.hosts.example -all';

async function who(zone: Zone, senders: readonly SenderDefinition[] = [PARTNER]) {
  const resolver = zoneResolver(zone);
  const identity = await identify(address('198.51.100.7'), senders, senders, resolver);
  return { identity, asked: resolver.asked };
}

describe('a name', () => {
  it('that proves whose the address is needs no record, and may end in any suffix of the sender', async () => {
    const { identity, asked } = await who({ [REVERSE]: { PTR: [NAME] }, [NAME]: { A: ['198.51.100.7'] } });
    expect(identity).toEqual({ kind: 'proven', sender: PARTNER, by: 'rdns' });
    expect(asked.some((question) => question.startsWith('TXT'))).toBe(false);
  });

  it('that leads to something unreadable as well counts by what can be read', async () => {
    const zone = { [REVERSE]: { PTR: [NAME] }, [NAME]: { A: ['no address', '198.51.100.7'] } };
    expect((await who(zone)).identity.kind).toBe('proven');
  });
});

describe('a record', () => {
  const own = { '7.100.51.198.hosts.example': { A: ['127.0.0.2'] } };
  const stranger = '1.2.0.192.hosts.example';

  it('that lets the address in and no stranger proves it', async () => {
    const { identity } = await who({ 'partner.example': { TXT: [RECORD] }, ...own });
    expect(identity).toEqual({ kind: 'proven', sender: PARTNER, by: 'spf' });
  });

  it('that lets a stranger in as well proves nothing', async () => {
    const { identity } = await who({
      ...{ 'partner.example': { TXT: [RECORD] }, ...own },
      [stranger]: { A: ['127.0.0.2'] },
    });
    expect(identity).toEqual({ kind: 'no-sender' });
  });

  it('that does not answer about a stranger is not known, with the reason', async () => {
    const { identity } = await who({
      ...{ 'partner.example': { TXT: [RECORD] }, ...own },
      [stranger]: 'SERVFAIL',
    });
    expect(identity).toEqual({ kind: 'unknown', reason: 'partner.example: no answer for a lookup' });
  });

  it('that does not answer about the address is not known, with the reason', async () => {
    const { identity } = await who({ 'partner.example': 'SERVFAIL' });
    expect(identity).toEqual({ kind: 'unknown', reason: expect.stringContaining('partner.example') });
  });

  it('is asked with words of the domain alone', async () => {
    const zone = {
      'partner.example': { TXT: ['v=spf1 exists:%{l}.%{o}.%{h}.hosts.example -all'] },
    };
    const { asked } = await who(zone);
    expect(asked).toContain('A postmaster.partner.example.partner.example.hosts.example');
  });

  it('of a second domain counts when the first says nothing', async () => {
    const two = { ...PARTNER, spf: ['other.example', 'partner.example'] };
    const { identity } = await who({ 'partner.example': { TXT: [RECORD] }, ...own }, [two]);
    expect(identity.kind).toBe('proven');
  });
});

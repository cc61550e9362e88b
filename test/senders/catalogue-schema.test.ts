import { describe, expect, it } from 'vitest';
import { lastValue } from '../../src/core/net/network.ts';
import { namesCount } from '../../src/core/senders/identity.ts';
import data from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';

describe('the catalogue', () => {
  const senders = readCatalogue(data);
  const byId = new Map(senders.map((sender) => [sender.id, sender]));

  it('knows 76 senders with 1,657 networks, each id once', () => {
    expect([senders.length, byId.size]).toEqual([76, 76]);
    expect(senders.reduce((sum, { networks }) => sum + networks.length, 0)).toBe(1657);
  });

  it.each([
    'amazon-ses',
    'google',
    'microsoft-365',
    'sendgrid',
    'mailgun',
    'github',
  ])('watches %s by default', (id) => {
    expect(byId.get(id)?.default).toBe(true);
  });

  it.each([
    'godaddy',
    'mailchannels',
    'hostinger',
    'cloudflare-email-routing',
    'knowbe4',
    'microsoft-outlook-com',
  ])('does not watch %s by default: anyone can send from there, or nobody does any more', (id) =>
    expect(byId.get(id)?.default).toBe(false));

  /** Domains in which the sender has nothing but mail servers. All others name the part of a domain that has them. */
  const MAIL_ONLY = ['sparkpostmail.com', 'pphosted.com', 'ppe-hosted.com', 'iphmx.com'];

  it('lets reverse names count only under labels in which no customer and no web server gets a name', () => {
    const counting = senders.filter(namesCount);
    expect(counting.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['salesforce', 'sparkpost', 'ovh', 'proofpoint', 'cisco-iphmx']),
    );
    const wide = counting.flatMap(({ id, rdns }) =>
      rdns
        .filter((suffix) => suffix.split('.').length < 3 && !MAIL_ONLY.includes(suffix))
        .map((suffix) => `${id} ${suffix}`),
    );
    expect(wide).toEqual([]);
  });

  it('watches nobody by default whose networks are not proven', () => {
    expect(data.senders.filter((sender) => sender.default && sender.confidence === 'low')).toEqual([]);
  });

  it('lists no network twice for one sender, nor one inside another', () => {
    for (const { id, networks } of senders) {
      const overlaps = networks.filter((a) =>
        networks.some(
          (b) => a !== b && a.family === b.family && a.base >= b.base && lastValue(a) <= lastValue(b),
        ),
      );
      if (id !== 'microsoft-365' && id !== 'yahoo') expect(overlaps, id).toEqual([]);
    }
  });

  it.each([
    ['10.1.0.0/16', 'private'],
    ['0.0.0.0/0', 'every address'],
    ['54.0.0.0/8', 'too wide'],
    ['::ffff:1.2.3.0/120', 'IPv4 form'],
    ['1.2.3.4/33', 'at most 32'],
  ])('cannot hold %s', (network, reason) => {
    const [first] = data.senders;
    const wrong = { ...data, senders: [{ ...first, networks: [network] }] };
    expect(() => readCatalogue(wrong)).toThrow(reason);
  });
});

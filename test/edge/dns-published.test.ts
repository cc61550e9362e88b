import { expect, it } from 'vitest';
import { readName } from '../../src/core/dns/dns-name.ts';
import { createResolver } from '../../src/edge/dns.ts';
import { publishedTexts, publishedZone } from '../corpus/spf/published.ts';
import { startDnsServer } from '../double/dns-server.ts';

const texts = Object.entries(publishedTexts());

it('published names are as they are asked for, and each text is one SPF record', () => {
  expect(texts.length).toBeGreaterThan(100);
  for (const [name, text] of texts) {
    expect(readName(name)).toEqual({ kind: 'name', name });
    expect(text).toMatch(/^v=spf1 [\x20-\x7e]+$/);
  }
});

it('every published record comes back byte for byte, under its own name', async () => {
  await using dns = await startDnsServer({ zone: publishedZone() });
  const { txt } = createResolver({ servers: [dns.server] });
  const answers = await Promise.all(texts.map(async ([name]) => [name, await txt(name)]));
  expect(answers).toEqual(texts.map(([name, text]) => [name, { kind: 'found', records: [text] }]));
  expect(dns.asked.some((question) => question.startsWith('tcp'))).toBe(true);
  expect(await txt('no-such-name.sendgrid.net')).toEqual({ kind: 'no-name' });
});

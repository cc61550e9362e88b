import { expect, it } from 'vitest';
import { parseServers } from '../../../src/core/dns/dns-servers.ts';

it.each([
  ['9.9.9.9, [2620:fe::fe]:53, 127.0.0.1:5353', ['9.9.9.9', '[2620:fe::fe]:53', '127.0.0.1:5353']],
  ['2620:fe::fe [2620:fe::9]', ['2620:fe::fe', '[2620:fe::9]']],
  [' 127.0.0.11 ', ['127.0.0.11']],
  ['127.0.0.1:65535', ['127.0.0.1:65535']],
  ['system', []],
])('reads %j', (text, servers) => {
  expect(parseServers(text)).toEqual({ ok: true, value: servers });
});

it.each([
  ['', 'no DNS server is named'],
  ['dns.google', '"dns.google" is a name'],
  ['dns.google:53', '"dns.google:53" is a name'],
  ['system, 9.9.9.9', '"system" is a name'],
  ['9.9.9', '"9.9.9" is not a DNS server'],
  ['9.9.9.9:', 'the port must be from 1 to 65535'],
  ['9.9.9.9:0', 'the port must be from 1 to 65535'],
  ['9.9.9.9:65536', 'the port must be from 1 to 65535'],
  ['9.9.9.9:5x', 'the port must be from 1 to 65535'],
  ['[2620:fe::fe]:0', 'the port must be from 1 to 65535'],
  ['[9.9.9.9]:53', '"[9.9.9.9]:53" is not a DNS server'],
  ['[2620:fe::fe', 'is not a DNS server'],
  ['2620:fe::fe]:53', 'is not a DNS server'],
  ['fe80::1%eth0', 'a zone (%eth0)'],
  ['tls://9.9.9.9', 'is not a DNS server'],
])('refuses %j', (text, problem) => {
  expect(parseServers(text)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
});

it('names every server that is wrong', () => {
  const read = parseServers('9.9.9.9,a.test,1.1.1.1:0');
  expect(!read.ok && read.problem).toMatch(/a\.test.*; .*1\.1\.1\.1:0/);
});

import { createResolver } from '../../src/edge/dns.ts';
import { startDnsServer } from '../double/dns-server.ts';
import { zoneResolver } from '../double/zone-resolver.ts';
import { resolverContract } from './resolver-contract.ts';

resolverContract('the resolver, asking a server', async (zone) => {
  const dns = await startDnsServer({ zone });
  // One try of a second: silence is tested too, and a busy machine must not look silent.
  const resolver = createResolver({ servers: [dns.server], timeoutMs: 1_000, tries: 1 });
  return { resolver, [Symbol.asyncDispose]: () => dns.close() };
});

resolverContract('the resolver of tests', async (zone) => ({
  resolver: zoneResolver(zone),
  [Symbol.asyncDispose]: async () => {},
}));

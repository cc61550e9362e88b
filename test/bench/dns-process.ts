// A DNS server with the published records, in a process of its own: it must not share the event loop of those who ask.
// Argument: time before each answer, in milliseconds.

import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import { publishedZone } from '../corpus/spf/published.ts';
import { startDnsServer } from '../double/dns-server.ts';
import { sendersZone } from '../double/senders-zone.ts';
import { answerParent } from './child.ts';

const zone = { ...sendersZone(readCatalogue(catalogue)), ...publishedZone() };
const dns = await startDnsServer({ zone, delayMs: Number(process.argv[2]) });

export type DnsQuestion = 'server' | 'asked';

answerParent(async (message) => (message === 'server' ? dns.server : dns.asked.length));

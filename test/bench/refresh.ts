import assert from 'node:assert/strict';
import type { SenderKnowledge } from '../../src/core/senders/knowledge.ts';
import type { SenderDefinition } from '../../src/core/senders/sender.ts';
import { expandDomain } from '../../src/core/spf/spf-expand.ts';
import { createResolver } from '../../src/edge/dns.ts';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import { type Child, startChild } from './child.ts';
import type { DnsQuestion } from './dns-process.ts';
import { median, type Row, rounded, type Suite } from './suite.ts';

const DELAY_MS = 20;
const ROUNDS = 3;
/** DESIGN section 6, for 45 senders. */
const LIMIT_MS = 200;

const SETS = ['default', 'whole'] as const;

/** How many questions at once, and how many refreshes in one process. One question at a time takes seconds. */
const WAYS = [
  { name: 'ours', concurrency: 'daemon', refreshes: 8 },
  { name: 'one at a time', concurrency: '1', refreshes: 2 },
] as const;

/** Of one refresh. */
export interface Refreshed {
  readonly ms: number;
  readonly learnt: SenderKnowledge;
}

export const refresh: Suite = {
  name: 'refresh',
  title: `all senders asked for their networks, of a DNS server that answers after ${DELAY_MS} ms`,
  async measure() {
    await using dns = startChild('dns-process.js', String(DELAY_MS));
    const server = await dns.ask<string>('server' satisfies DnsQuestion);
    const rows: Row[] = [];
    for (const set of SETS) rows.push(...(await compare(set, dns, server)));
    return rows;
  },
};

/** The senders that can be asked: all of them, or those that are watched by default. */
export function sendersOf(set: string): readonly SenderDefinition[] {
  return readCatalogue(catalogue).filter((one) => one.spf.length > 0 && (set === 'whole' || one.default));
}

async function compare(set: string, dns: Child, server: string): Promise<readonly Row[]> {
  const depth = await longestChain(sendersOf(set), server);
  const runs: Run[] = [];
  for (let round = 0; round < ROUNDS; round += 1)
    for (const { name, concurrency, refreshes } of WAYS)
      runs.push({ way: name, ...(await run(set, concurrency, refreshes, dns, server)) });
  const [first] = runs;
  for (const { way, learnt } of runs)
    for (const [id, known] of Object.entries(first?.learnt ?? {})) {
      assert.notEqual(known.trouble?.kind, 'failed', `${id} was not answered`);
      assert.deepEqual(learnt[id], known, `${way} gives other networks for ${id}`);
    }

  const slow = runs.filter(({ way }) => way === 'one at a time');
  return WAYS.map(({ name }) => {
    const ours = runs.filter(({ way }) => way === name);
    const warm = median(ours.flatMap((one) => one.warm));
    return {
      senders: `${Object.keys(ours[0]?.learnt ?? {}).length} (${set})`,
      way: name,
      questions: median(ours.map(({ questions }) => questions)),
      depth,
      'cold ms': rounded(median(ours.map(({ cold }) => cold))),
      'warm ms': rounded(warm),
      'x faster': rounded(median(slow.flatMap((one) => one.warm)) / warm),
      'goal ms': 2 * depth * DELAY_MS,
      'limit ms': LIMIT_MS,
    };
  });
}

interface Run {
  readonly way: string;
  /** Milliseconds of the first refresh of a process, and of the others. */
  readonly cold: number;
  readonly warm: readonly number[];
  readonly questions: number;
  readonly learnt: SenderKnowledge;
}

async function run(
  set: string,
  concurrency: string,
  refreshes: number,
  dns: Child,
  server: string,
): Promise<Omit<Run, 'way'>> {
  await using child = startChild('refresh-process.js', server, set, concurrency);
  const before = await dns.ask<number>('asked' satisfies DnsQuestion);
  const { ms: cold, learnt } = await child.ask<Refreshed>('refresh');
  const questions = (await dns.ask<number>('asked' satisfies DnsQuestion)) - before;
  const warm: number[] = [];
  while (warm.length < refreshes - 1) {
    const again = await child.ask<Refreshed>('refresh');
    assert.deepEqual(again.learnt, learnt, 'the second refresh gives other networks than the first');
    warm.push(again.ms);
  }
  return { cold, warm, questions, learnt };
}

/** Levels of records below the longest of their domains, the first included. */
async function longestChain(senders: readonly SenderDefinition[], server: string): Promise<number> {
  const resolver = createResolver({ servers: [server] });
  const domains = senders.flatMap(({ spf }) => spf);
  const expansions = await Promise.all(domains.map((domain) => expandDomain(domain, resolver)));
  return Math.max(...expansions.map((one) => (one.kind === 'listed' ? one.depth : 0)));
}

// Lists the networks that a domain authorises by SPF. For the result for one client, see spf-check.ts.
import type { DnsFailure, Resolver } from '../dns/resolver.ts';
import type { Network } from '../net/network.ts';
import { createLookups, EXPANSION_LIMITS, type ExpansionLimits, type Trouble } from './spf-lookup.ts';
import { toName } from './spf-macro.ts';
import { Planner, type Step } from './spf-plan.ts';
import { parseRecord, type SpfRecord, selectRecord } from './spf-record.ts';
import { passing } from './spf-union.ts';

/**
 * The networks that a domain authorises. `failed`: a lookup was not answered, which says nothing about the
 * networks. `invalid`: the records are no list of a sender (none at the top, a permerror,
 * everyone, too much).
 */
export type Expansion =
  | {
      readonly kind: 'listed';
      /** Canonical, aggregated. */
      readonly networks: readonly Network[];
      /**
       * Terms that authorise addresses which cannot be listed (exists, ptr, macros), and the domain of
       * that record.
       */
      readonly unlistable: readonly string[];
      readonly lookups: number;
      /** Levels of records, the first included. */
      readonly depth: number;
    }
  | { readonly kind: 'failed'; readonly domain: string; readonly reason: DnsFailure }
  | { readonly kind: 'invalid'; readonly domain: string; readonly problem: string };

/** The problem of a domain of which DNS says that it has none. */
export const NO_RECORD = 'has no SPF record';

/**
 * Lists the addresses for which check_host of RFC 7208 says pass, as far as a list can. Records are asked for
 * level by level, those of one level together, each name once; a name met again is not followed again, so
 * loops end. Terms with another qualifier than `+` list nothing and take away what they match from the terms
 * behind them, unless they cannot be listed themselves: the list is then as if they were not there. Never
 * rejects.
 */
export async function expandDomain(
  domain: string,
  resolver: Resolver,
  limits: ExpansionLimits = EXPANSION_LIMITS,
): Promise<Expansion> {
  const top = toName(domain);
  if (top === null) return { kind: 'invalid', domain, problem: 'is not the name of a domain' };
  const trouble: Trouble = {};
  const lookups = createLookups(resolver, limits.lookups, trouble);
  const planner = new Planner(lookups, limits.networks, trouble);
  const plans = new Map<string, readonly Step[]>();

  async function readLevel(names: readonly string[]): Promise<void> {
    const answers = await Promise.all(names.map(async (name) => ({ name, texts: await lookups.txt(name) })));
    for (const { name, texts } of answers) {
      const record = texts === undefined ? undefined : readRecord(texts);
      if (typeof record === 'string') trouble.invalid ??= { domain: name, problem: record };
      else if (record !== undefined) plans.set(name, planner.plan(record, name));
    }
  }

  let depth = 0;
  for (let level = [top]; level.length > 0 && !isTroubled(trouble); level = unvisited(plans, level)) {
    depth += 1;
    if (depth <= limits.depth) await readLevel(level);
    else trouble.invalid = { domain: level[0] ?? top, problem: `is more than ${limits.depth} records deep` };
  }
  await planner.settled();
  const networks = isTroubled(trouble) ? [] : passing(top, plans, limits, trouble);
  if (trouble.failed !== undefined) return { kind: 'failed', ...trouble.failed };
  if (trouble.invalid !== undefined) return { kind: 'invalid', ...trouble.invalid };
  return { kind: 'listed', networks, unlistable: planner.unlistable(), lookups: lookups.count(), depth };
}

function isTroubled({ failed, invalid }: Trouble): boolean {
  return failed !== undefined || invalid !== undefined;
}

/** A text says what is wrong. An included domain without a record is an error, too (RFC 7208 section 5.2). */
function readRecord(texts: readonly string[]): SpfRecord | string {
  const selected = selectRecord(texts);
  if (!selected.ok) return `has ${selected.problem}`;
  if (selected.value === undefined) return NO_RECORD;
  const record = parseRecord(selected.value);
  return record.ok ? record.value : record.problem;
}

/** The records that the last level leads to and that were not asked for yet. */
function unvisited(plans: ReadonlyMap<string, readonly Step[]>, level: readonly string[]): string[] {
  const next = new Set<string>();
  for (const name of level)
    for (const { source } of plans.get(name) ?? [])
      if (typeof source === 'string' && !plans.has(source)) next.add(source);
  return [...next];
}

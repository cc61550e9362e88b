// The networks that pass after all records of an expansion were read. It asks DNS nothing.
import type { Network } from '../net/network.ts';
import { aggregate, subtract } from '../net/network-set.ts';
import type { ExpansionLimits, Trouble } from './spf-lookup.ts';
import type { Step } from './spf-plan.ts';

/**
 * Taking networks away from each other costs so much more than passing one on to the record that includes it.
 */
const SUBTRACT_COST = 20;

/**
 * The addresses that pass at the record of `top`, aggregated: include is a test (RFC 7208 section 5.2), so a
 * domain gives what passes at its own record. A record that is still being worked out, as in a loop, adds
 * nothing. Records built to make this take long are noted as trouble: the work is at most each network passed
 * on at each depth.
 */
export function passing(
  top: string,
  plans: ReadonlyMap<string, readonly Step[]>,
  limits: ExpansionLimits,
  trouble: Trouble,
): readonly Network[] {
  const done = new Map<string, readonly Network[]>();
  const open = new Set<string>();
  let work = limits.networks * limits.depth;

  function passesAt(domain: string): readonly Network[] {
    const known = done.get(domain);
    if (known !== undefined || open.has(domain)) return known ?? [];
    open.add(domain);
    const passes = passesOf(plans.get(domain) ?? []);
    open.delete(domain);
    done.set(domain, passes);
    return passes;
  }

  function passesOf(steps: readonly Step[]): readonly Network[] {
    const passes = new Set<Network>();
    const holes: Network[] = [];
    let run: Network[] = [];
    const endRun = () => {
      for (const network of without(run, holes)) passes.add(network);
      run = [];
    };
    for (const { pass, source } of steps) {
      const found = typeof source === 'string' ? passesAt(source) : source;
      work -= found.length;
      if (work < 0) return [];
      if (!pass) endRun();
      for (const network of found) (pass ? run : holes).push(network);
    }
    endRun();
    return [...passes];
  }

  function without(networks: readonly Network[], holes: readonly Network[]): readonly Network[] {
    if (networks.length === 0 || holes.length === 0) return networks;
    work -= SUBTRACT_COST * (networks.length + holes.length);
    return work < 0 ? [] : subtract(networks, holes);
  }

  const all = passesAt(top);
  if (work >= 0 && all.length <= limits.networks) return aggregate(all);
  trouble.invalid ??= { domain: top, problem: `lists more than ${limits.networks} networks, or in a tangle` };
  return [];
}

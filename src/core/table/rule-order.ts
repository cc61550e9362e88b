// Which rules of an ordered list decide anything. It does not know what the rules do.

import { type Family, lastValue, type Network } from '../net/network.ts';
import { aggregate, cover } from '../net/network-set.ts';

/** What decides is the first rule that holds the address. Of two rules with one `effect` it does not matter which. */
export interface OrderedRule {
  readonly set: readonly Network[];
  readonly effect: string;
}

/**
 * What a rule is good for. `decides`: without it the answer for some address would be another. `dead`: rules before it,
 * `by`, decide for all of its addresses. `repeated`: with rules behind it, `by`, and without it, all answers are the same.
 */
export type Usefulness =
  | { readonly kind: 'decides' | 'empty' }
  | { readonly kind: 'dead' | 'repeated'; readonly by: readonly number[] };

export interface UsefulRules {
  /** By rule. All that are dead, repeated and empty can go together, and no answer changes. */
  readonly usefulness: readonly Usefulness[];
  /** The addresses for which rules of this effect decide, in the form that aggregate gives. */
  decided(effect: string): readonly Network[];
}

/** Finds out which rule decides where, in one pass over the ends of all networks. */
export function findUseless(rules: readonly OrderedRule[]): UsefulRules {
  const all = rules.map((_, rule) => rule);
  const before = rules.map(() => new Set<number>());
  const live = new Set<number>();
  sweep(rules, all, (_, holding) => {
    const first = holding[0] as number;
    live.add(first);
    for (let i = 1; i < holding.length; i += 1) before[holding[i] as number]?.add(first);
  });
  const behind = rules.map(() => new Set<number | undefined>());
  sweep(rules, [...live].sort(byNumber), (_, [first = 0, second]) => behind[first]?.add(second));
  const effectOf = (rule: number | undefined) => (rule === undefined ? undefined : rules[rule]?.effect);
  const isRepeated = (rule: number) =>
    [...(behind[rule] ?? [])].every((by) => effectOf(by) === effectOf(rule));
  const decided = effects(rules, all);
  const kept = [...live].filter((rule) => !isRepeated(rule)).sort(byNumber);
  // With `!` and `if` each of two rules can make the other useless; then all of them stay.
  const repeats = same(decided, effects(rules, kept));
  return {
    decided: (effect) => decided.get(effect) ?? [],
    usefulness: rules.map(({ set }, rule) => {
      if (set.length === 0) return { kind: 'empty' };
      if (!live.has(rule)) return { kind: 'dead', by: [...(before[rule] ?? [])].sort(byNumber) };
      if (!repeats || !isRepeated(rule)) return { kind: 'decides' };
      const by = [...(behind[rule] ?? [])].filter((one) => one !== undefined);
      return { kind: 'repeated', by: by.sort(byNumber) };
    }),
  };
}

interface Stretch {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

/** Shows each stretch of addresses that the same rules of `which` hold, with these rules in their order. */
function sweep(
  rules: readonly OrderedRule[],
  which: readonly number[],
  see: (stretch: Stretch, holding: readonly number[]) => void,
): void {
  for (const family of [4, 6] as const) {
    const ends = which.flatMap((rule) =>
      (rules[rule]?.set ?? [])
        .filter((network) => network.family === family)
        .flatMap((network) => [
          { at: network.base, rule },
          { at: lastValue(network) + 1n, rule },
        ]),
    );
    ends.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    const holding: number[] = [];
    let from = 0n;
    for (const { at, rule } of ends) {
      if (holding.length > 0 && at > from) see({ family, first: from, last: at - 1n }, holding);
      from = at;
      const place = placeOf(holding, rule);
      if (holding[place] === rule) holding.splice(place, 1);
      else holding.splice(place, 0, rule);
    }
  }
}

/** By binary search: where the rule is, or would be. */
function placeOf(sorted: readonly number[], rule: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < rule) low = middle + 1;
    else high = middle;
  }
  return low;
}

function effects(
  rules: readonly OrderedRule[],
  which: readonly number[],
): ReadonlyMap<string, readonly Network[]> {
  const found = new Map<string, Network[]>();
  sweep(rules, which, ({ family, first, last }, [decider = 0]) => {
    const effect = rules[decider]?.effect ?? '';
    const networks = found.get(effect) ?? [];
    networks.push(...cover({ first, last }, family, 1));
    found.set(effect, networks);
  });
  return new Map([...found].map(([effect, networks]) => [effect, aggregate(networks)]));
}

function same(
  a: ReadonlyMap<string, readonly Network[]>,
  b: ReadonlyMap<string, readonly Network[]>,
): boolean {
  const text = (effects: ReadonlyMap<string, readonly Network[]>) =>
    [...effects]
      .map(([effect, networks]) => `${effect} ${networks.map((n) => `${n.base}/${n.prefix}`).join(' ')}`)
      .sort()
      .join('\n');
  return text(a) === text(b);
}

function byNumber(a: number, b: number): number {
  return a - b;
}

// Asks DNS through c-ares. What an answer means is decided in core/dns, core/spf and core/postscreen.
import { Resolver as NodeResolver } from 'node:dns/promises';
import { ok } from '../core/base/result.ts';
import { readName, reverseName } from '../core/dns/dns-name.ts';
import { parseServers } from '../core/dns/dns-servers.ts';
import type { DnsAnswer, DnsFailure, Resolver } from '../core/dns/resolver.ts';

/** Wait for the first answer; a second try waits twice as long, which is enough for a slow recursion. */
const TIMEOUT_MS = 3_000;
const TRIES = 2;
/** Forwarders refuse what is too much at once: the DNS inside older Docker Engines from 100 on, dnsmasq from 150. */
const CONCURRENCY = 64;

export interface ResolverOptions {
  /** As parseServers gives them; empty: the system's. */
  readonly servers: readonly string[];
  /** Of the first try, in milliseconds, from 250; c-ares may be a second late. Later ones wait twice as long. */
  readonly timeoutMs?: number;
  /** Questions to each server before it counts as silent. */
  readonly tries?: number;
  /** Most questions under way at once, one or more; the others wait in order. */
  readonly concurrency?: number;
  /** When it aborts, nothing is asked any more: lookups under way and in the queue end at once, as `cancelled`. */
  readonly signal?: AbortSignal;
}

/**
 * Asks DNS through c-ares, without /etc/hosts and search domains. Equal questions that are under way share one
 * lookup; nothing is kept. Every failure is an answer of kind `failed` (RFC 7208 section 2.6.6: temperror), with
 * three limits of c-ares: an answer too long for UDP that TCP does not give either is `unreachable`; response codes
 * that it does not know (YXDOMAIN and above), and an answer cut over TCP too, come as `no-data`. TXT is one
 * character a byte. Throws on options out of range and on servers that parseServers does not accept: a bug of the
 * caller.
 */
export function createResolver(options: ResolverOptions): Resolver {
  const lookUp = createLookup(options);

  function question<T>(look: (resolver: NodeResolver, name: string) => Promise<readonly T[]>) {
    const underWay = new Map<string, Promise<DnsAnswer<T>>>();
    return (given: string): Promise<DnsAnswer<T>> => {
      const readable = readName(given);
      if (readable.kind !== 'name') return Promise.resolve(readable);
      const { name } = readable;
      const same = underWay.get(name);
      if (same !== undefined) return same;
      const answer = lookUp((resolver) => look(resolver, escapeName(name)));
      underWay.set(name, answer);
      void answer.finally(() => underWay.delete(name));
      return answer;
    };
  }

  const ptr = question((resolver, name) => resolver.resolvePtr(name));
  return {
    txt: question(async (resolver, name) =>
      (await resolver.resolveTxt(name)).map((strings) => strings.join('')),
    ),
    a: question((resolver, name) => resolver.resolve4(name)),
    aaaa: question((resolver, name) => resolver.resolve6(name)),
    mx: question((resolver, name) => resolver.resolveMx(name)),
    cname: question((resolver, name) => resolver.resolveCname(name)),
    // Not resolver.reverse, which reads /etc/hosts.
    ptr: (address) => ptr(reverseName(address) ?? ''),
  };
}

type Look<T> = (resolver: NodeResolver) => Promise<readonly T[]>;

/** Lets lookups wait for their turn and makes answers of what comes, until the signal aborts. */
function createLookup(options: ResolverOptions): <T>(look: Look<T>) => Promise<DnsAnswer<T>> {
  const { concurrency = CONCURRENCY, signal } = options;
  const open = opener(options);
  const inTurn = createQueue(concurrency);
  const busy = new Set<NodeResolver>();
  const cancel = () => {
    for (const resolver of busy) resolver.cancel();
  };
  signal?.addEventListener('abort', cancel, { once: true });

  async function run<T>(look: Look<T>): Promise<DnsAnswer<T>> {
    // Those under way end first, and let those in the queue come here.
    if (signal?.aborted) return { kind: 'failed', reason: 'cancelled' };
    const resolver = open();
    busy.add(resolver);
    const answer = await settle(() => look(resolver));
    busy.delete(resolver);
    return answer;
  }

  return (look) => inTurn(() => run(look));
}

/**
 * Makes a resolver for each question: an old one comes down to one second after quick answers and then gives up on a
 * slow name, and would not see a change of resolv.conf. It costs a tenth of a millisecond.
 */
function opener({ servers, timeoutMs = TIMEOUT_MS, tries = TRIES }: ResolverOptions): () => NodeResolver {
  const checked = servers.length === 0 ? ok([]) : parseServers(servers.join(','));
  if (!checked.ok) throw new TypeError(checked.problem);
  const open = () => {
    const resolver = new NodeResolver({ timeout: timeoutMs, tries });
    if (checked.value.length > 0) resolver.setServers(checked.value);
    return resolver;
  };
  // Throws now, if ever.
  open();
  return open;
}

/** For an `xn--` label that is not valid IDNA Node asks the root instead; it does not look into escapes. */
function escapeName(name: string): string {
  return name.replaceAll(/(^|\.)xn--/g, '$1xn\\045-');
}

async function settle<T>(lookup: () => Promise<readonly T[]>): Promise<DnsAnswer<T>> {
  try {
    const records = await lookup();
    // An alias whose target has no such records comes as an empty success.
    return records.length > 0 ? { kind: 'found', records } : { kind: 'no-data' };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND') return { kind: 'no-name' };
    if (code === 'ENODATA') return { kind: 'no-data' };
    return { kind: 'failed', reason: FAILURES[code ?? ''] ?? 'unreachable' };
  }
}

/** c-ares' codes; what is not here has to do with the machine and not with an answer. */
const FAILURES: Readonly<Record<string, DnsFailure>> = {
  ETIMEOUT: 'timeout',
  ESERVFAIL: 'servfail',
  EREFUSED: 'refused',
  ENOTIMP: 'refused',
  EFORMERR: 'malformed',
  EBADRESP: 'malformed',
  EBADQUERY: 'malformed',
  EBADNAME: 'malformed',
  EBADFAMILY: 'malformed',
  EBADSTR: 'malformed',
  ECANCELLED: 'cancelled',
};

/** Runs at most `limit` jobs at once, the others first come, first served. Jobs must not reject. */
function createQueue(limit: number): <T>(job: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (job) => {
    // A job that ends hands its place to the first in the queue, so that no other job can take it.
    if (running >= limit) await new Promise<void>((go) => waiting.push(go));
    else running += 1;
    const result = await job();
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
    return result;
  };
}

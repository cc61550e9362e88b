import { readName, reverseName } from '../../src/core/dns/dns-name.ts';
import type { DnsAnswer, DnsFailure, Resolver } from '../../src/core/dns/resolver.ts';
import { lookUp, type Records, type Zone, type ZoneFault, type ZoneType } from './dns-zone.ts';

/** What each fault of a server looks like to the one who asked. */
const SEEN_AS: Readonly<Record<ZoneFault, DnsFailure>> = {
  SERVFAIL: 'servfail',
  REFUSED: 'refused',
  TIMEOUT: 'timeout',
  TRUNCATED: 'unreachable',
  MALFORMED: 'malformed',
};

export interface ZoneResolver extends Resolver {
  /** `TYPE name` of each question put to it, in order and as it was written, also where no server would be asked. */
  readonly asked: readonly string[];
}

/**
 * Answers from a zone in memory, at once. resolverContract holds it to the behaviour of the real resolver; a test that
 * needs names which that one cannot ask for brings its own `read`.
 */
export function zoneResolver(zone: Zone, read = readName): ZoneResolver {
  const asked: string[] = [];

  function question<T extends ZoneType, R>(type: T, value: (record: Records<T>[number]) => R) {
    return async (given: string): Promise<DnsAnswer<R>> => {
      asked.push(`${type} ${given}`);
      const readable = read(given);
      if (readable.kind !== 'name') return readable;
      const answer = lookUp(zone, type, readable.name);
      if (answer.kind === 'fault') return { kind: 'failed', reason: SEEN_AS[answer.fault] };
      if (answer.kind === 'no-name') return { kind: 'no-name' };
      const records = (answer.records as readonly Records<T>[number][]).map(value);
      return records.length > 0 ? { kind: 'found', records } : { kind: 'no-data' };
    };
  }

  const ptr = question('PTR', (name) => name);
  return {
    asked,
    txt: question('TXT', (strings) => (typeof strings === 'string' ? strings : strings.join(''))),
    a: question('A', (address) => address),
    aaaa: question('AAAA', (address) => address),
    cname: question('CNAME', (name) => name),
    mx: question('MX', ([priority, exchange]) => ({ priority, exchange })),
    ptr: (address) => ptr(reverseName(address) ?? ''),
  };
}

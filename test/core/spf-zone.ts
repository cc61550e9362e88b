import type { DnsAnswer, DnsFailure, MailExchange, Resolver } from '../../src/ports.ts';

/** What a made-up DNS has under one name. A TXT record is a text or, as on the wire, a list of strings. */
export interface Name {
  txt?: readonly (string | readonly string[])[];
  a?: readonly string[];
  aaaa?: readonly string[];
  mx?: readonly string[];
  ptr?: readonly string[];
  /** Another name that has the records. */
  cname?: string;
  /** No answer for what is not there; for everything when nothing is. */
  fails?: DnsFailure;
}

export type Zone = Readonly<Record<string, Name>>;

export interface ZoneResolver extends Resolver {
  /** `type name` of each question, in order. */
  readonly asked: string[];
}

/** A resolver over a zone whose names are in lower case; addresses stand under their own text for `ptr`. */
export function zoneResolver(zone: Zone): ZoneResolver {
  const asked: string[] = [];
  const find = (name: string) => (Object.hasOwn(zone, name) ? zone[name] : undefined);

  async function ask<T>(
    type: string,
    given: string,
    records: (name: Name) => readonly T[] | undefined,
  ): Promise<DnsAnswer<T>> {
    asked.push(`${type} ${given}`);
    let name = find(given.toLowerCase());
    for (let links = 0; name?.cname !== undefined; links += 1) {
      if (links > 8) return { kind: 'failed', reason: 'servfail' };
      name = find(name.cname);
    }
    if (name === undefined) return { kind: 'no-name' };
    const found = records(name);
    if (found !== undefined && found.length > 0) return { kind: 'found', records: found };
    return name.fails === undefined ? { kind: 'no-data' } : { kind: 'failed', reason: name.fails };
  }

  const joined = (text: string | readonly string[]) => (typeof text === 'string' ? text : text.join(''));
  const exchange = (name: string, i: number): MailExchange => ({ exchange: name, priority: i });
  return {
    asked,
    txt: (name) => ask('txt', name, ({ txt }) => txt?.map(joined)),
    a: (name) => ask('a', name, ({ a }) => a),
    aaaa: (name) => ask('aaaa', name, ({ aaaa }) => aaaa),
    mx: (name) => ask('mx', name, ({ mx }) => mx?.map(exchange)),
    ptr: (address) => ask('ptr', address, ({ ptr }) => ptr),
  };
}

/** The usual zone of a test: names and their one TXT record. */
export function records(texts: Readonly<Record<string, string>>): Zone {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, { txt: [text] }]));
}

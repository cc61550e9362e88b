/** Instead of records: what a server, or the way to it, does wrong. */
export type ZoneFault = 'SERVFAIL' | 'REFUSED' | 'TIMEOUT' | 'TRUNCATED' | 'MALFORMED';

/** Records by type. One TXT record is a string (split at 255 on the wire) or its strings. Names without final dot. */
export interface ZoneRecords {
  readonly TXT?: readonly (string | readonly string[])[] | ZoneFault;
  readonly A?: readonly string[] | ZoneFault;
  readonly AAAA?: readonly string[] | ZoneFault;
  readonly MX?: readonly (readonly [priority: number, exchange: string])[] | ZoneFault;
  readonly PTR?: readonly string[] | ZoneFault;
  /** The name is an alias: all other records are those of this name. */
  readonly CNAME?: string;
}

/** Everything that a server knows, by name in lower case; a fault in place of records stands for every type. */
export type Zone = Readonly<Record<string, ZoneRecords | ZoneFault>>;

export type ZoneType = 'TXT' | 'A' | 'AAAA' | 'MX' | 'PTR' | 'CNAME';

export type Records<T extends ZoneType> = T extends 'CNAME'
  ? readonly string[]
  : Exclude<NonNullable<ZoneRecords[T]>, ZoneFault | string>;

/** What the zone says; `aliases` are the names passed on the way, the asked one first. */
export type ZoneAnswer<T extends ZoneType> =
  | { readonly kind: 'fault'; readonly fault: ZoneFault }
  | { readonly kind: 'no-name'; readonly aliases: readonly string[] }
  | { readonly kind: 'records'; readonly aliases: readonly string[]; readonly records: Records<T> };

/** A zone of names with one TXT record each. */
export function records(texts: Readonly<Record<string, string>>): Zone {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, { TXT: [text] }]));
}

/** MX records, the first preferred. */
export function exchanges(...names: string[]): Records<'MX'> {
  return names.map((name, i) => [i, name]);
}

const MOST_ALIASES = 8;

/** Looks a name up as an authoritative server does, empty names in the middle of the tree included (RFC 8020). */
export function lookUp<T extends ZoneType>(zone: Zone, type: T, asked: string): ZoneAnswer<T> {
  const aliases = [asked.toLowerCase()];
  for (;;) {
    const name = aliases.at(-1) ?? '';
    const entry = Object.hasOwn(zone, name) ? zone[name] : isBetween(zone, name) ? {} : undefined;
    if (entry === undefined) return { kind: 'no-name', aliases };
    if (typeof entry === 'string') return { kind: 'fault', fault: entry };
    if (type === 'CNAME') return typed<T>(entry.CNAME === undefined ? [] : [entry.CNAME], aliases);
    if (entry.CNAME === undefined) return typed<T>(entry[type], aliases);
    if (aliases.length > MOST_ALIASES) return { kind: 'fault', fault: 'SERVFAIL' };
    aliases.push(entry.CNAME.toLowerCase());
  }
}

function isBetween(zone: Zone, name: string): boolean {
  return Object.keys(zone).some((other) => other.endsWith(`.${name}`));
}

function typed<T extends ZoneType>(
  found: ZoneFault | readonly unknown[] | string | undefined,
  aliases: readonly string[],
): ZoneAnswer<T> {
  if (typeof found === 'string') return { kind: 'fault', fault: found as ZoneFault };
  return { kind: 'records', aliases, records: (found ?? []) as Records<T> };
}

// What DNS can be asked, and what it answers. The real resolver is in src/edge.

/**
 * What DNS says of a name and type (RFC 1035, RFC 2308). A name that is not there, a name without such records and
 * no usable answer are three things.
 */
export type DnsAnswer<T> =
  | { readonly kind: 'found'; readonly records: readonly T[] }
  | { readonly kind: 'no-data' }
  | { readonly kind: 'no-name' }
  | { readonly kind: 'failed'; readonly reason: DnsFailure };

/**
 * `unreachable`: no server could be asked, or the answer was too long for UDP and not had over TCP. `malformed`: an
 * answer that is none, or a name that cannot be asked for. `cancelled`: screenpass is stopping, which says nothing
 * about DNS.
 */
export type DnsFailure = 'timeout' | 'servfail' | 'refused' | 'unreachable' | 'malformed' | 'cancelled';

export interface MailExchange {
  readonly exchange: string;
  readonly priority: number;
}

/** Asks DNS. Never rejects. Names are without the final dot; and so are answers that are names. */
export interface Resolver {
  /** Each record with its strings joined, without anything between (RFC 7208 section 3.3). */
  txt(name: string): Promise<DnsAnswer<string>>;
  a(name: string): Promise<DnsAnswer<string>>;
  aaaa(name: string): Promise<DnsAnswer<string>>;
  mx(name: string): Promise<DnsAnswer<MailExchange>>;
  /** The name that this one is an alias of, and no further; a() and aaaa() follow aliases silently. */
  cname(name: string): Promise<DnsAnswer<string>>;
  /** Names of an address given as text. */
  ptr(address: string): Promise<DnsAnswer<string>>;
}

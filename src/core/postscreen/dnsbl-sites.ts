/** The setting postscreen_dnsbl_sites: its entries, and the score of a client by them. */
import { isIPv4 } from 'node:net';
import { ok, problem, type Result } from '../base/result.ts';
import type { DnsblAnswer } from './dnsbl-answers.ts';

/** One entry of postscreen_dnsbl_sites (postconf(5)): what an answer of the zone adds to a client's score. */
export interface DnsblSite {
  /** In lower case, as all zones here. */
  readonly zone: string;
  /** The answers that count; null: every one. */
  readonly filter: Filter | null;
  readonly weight: number;
}

/** For each octet of an IPv4 address, the numbers that match (ip_match(3)). */
type Filter = readonly (readonly Range[])[];
type Range = readonly [from: number, to: number];

/** A zone that lists a client, with all of its answers. */
export interface Listing {
  readonly zone: string;
  /** Sorted, each once. */
  readonly answers: readonly string[];
}

const EXPECTED = 'expected ZONE[=FILTER][*WEIGHT], such as zen.spamhaus.org=127.0.0.[2..11]*3';
const OCTET = String.raw`(\d{1,3}|\[[^\]]*\])`;
const FILTER = new RegExp(String.raw`^${OCTET}\.${OCTET}\.${OCTET}\.${OCTET}$`);
const LABEL = '[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?';
const ZONE = new RegExp(String.raw`^(?=.{1,255}$)(?:${LABEL}\.)*${LABEL}$`);

/** Reads a list as Postfix does: entries between blanks or commas. The problem names each bad entry, one a line. */
export function parseSites(text: string): Result<readonly DnsblSite[]> {
  const entries = text.split(/[\s,]+/).filter((entry) => entry !== '');
  const read = entries.map(parseSite);
  const wrong = read.flatMap((one) => (one.ok ? [] : [one.problem]));
  return wrong.length > 0
    ? problem(wrong.join('\n'))
    : ok(read.flatMap((one) => (one.ok ? [one.value] : [])));
}

function parseSite(entry: string): Result<DnsblSite> {
  const [, name = '', pattern, factor = '1'] = /^([^=*]*)(?:=([^*]*))?(?:\*(.*))?$/.exec(entry) ?? [];
  const zone = parseZone(name);
  if (!zone.ok) return problem(`"${entry}": ${zone.problem}; ${EXPECTED}`);
  if (!/^[+-]?\d{1,9}$/.test(factor)) return problem(`"${entry}": the weight must be a whole number`);
  const filter = pattern === undefined ? ok(null) : parseFilter(pattern);
  if (!filter.ok) return problem(`"${entry}": ${filter.problem}`);
  return ok({ zone: zone.value, filter: filter.value, weight: Number(factor) });
}

/** The name of a DNSBL zone, in lower case. */
export function parseZone(name: string): Result<string> {
  return ZONE.test(name) ? ok(name.toLowerCase()) : problem(`"${name}" is not the name of a DNSBL zone`);
}

function parseFilter(pattern: string): Result<Filter> {
  const octets = FILTER.exec(pattern)?.slice(1).map(parseOctet) ?? [];
  const filter = octets.filter((ranges) => ranges !== undefined);
  if (filter.length === 4) return ok(filter);
  return problem(
    `"${pattern}" is not a filter: expected four numbers up to 255, each of which can be a list such as [1;4..7]`,
  );
}

function parseOctet(text: string): readonly Range[] | undefined {
  const members = text.startsWith('[') ? text.slice(1, -1).split(';') : [text];
  const ranges = members.map((member): Range | undefined => {
    const [, from, to = from] = /^(\d{1,3})(?:\.\.(\d{1,3}))?$/.exec(member) ?? [];
    return Number(from) <= Number(to) && Number(to) <= 255 ? [Number(from), Number(to)] : undefined;
  });
  return ranges.every((range) => range !== undefined) ? ranges : undefined;
}

/** What dnsblog said of one client, by zone and in a fixed order. */
export function listingsOf(answers: readonly DnsblAnswer[]): readonly Listing[] {
  const zones = new Map<string, Set<string>>();
  for (const { zone, answer } of answers) {
    const name = zone.toLowerCase();
    zones.set(name, (zones.get(name) ?? new Set()).add(answer));
  }
  return [...zones]
    .map(([zone, answers]) => ({ zone, answers: [...answers].sort() }))
    .sort((a, b) => (a.zone < b.zone ? -1 : 1));
}

/**
 * The score of a client, as postscreen adds it up (postscreen_dnsbl.c): each entry whose zone lists it counts once,
 * if any answer matches its filter.
 */
export function scoreOf(sites: readonly DnsblSite[], listings: readonly Listing[]): number {
  const answers = new Map(listings.map((listing) => [listing.zone, listing.answers]));
  return sites
    .filter(({ zone, filter }) =>
      answers.get(zone)?.some((answer) => filter === null || matches(filter, answer)),
    )
    .reduce((score, { weight }) => score + weight, 0);
}

function matches(filter: Filter, answer: string): boolean {
  if (!isIPv4(answer)) return false;
  const octets = answer.split('.').map(Number);
  return filter.every((ranges, i) => ranges.some(([from, to]) => isWithin(octets[i], from, to)));
}

function isWithin(octet: number | undefined, from: number, to: number): boolean {
  return octet !== undefined && octet >= from && octet <= to;
}

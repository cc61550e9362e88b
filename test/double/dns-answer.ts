import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  type DecodedPacket,
  encode,
  type Packet,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
} from 'dns-packet';
import { lookUp, type Zone, type ZoneAnswer, type ZoneFault, type ZoneType } from './dns-zone.ts';

/** RFC 1035 section 4.2.1: longest answer over UDP to a client that does not say more (RFC 6891). */
const UDP_BYTES = 512;
const TTL = 300;
const NAME_ERROR = 3;
const CODES: Readonly<Partial<Record<ZoneFault, number>>> = { SERVFAIL: 2, REFUSED: 5 };
const NOT_IMPLEMENTED = 4;

/**
 * The bytes that a server with this zone sends, without the length that stands before them on TCP. Undefined: it says
 * nothing. `cut`: it ends the connection.
 */
export function answerTo(
  query: DecodedPacket,
  zone: Zone,
  transport: 'udp' | 'tcp',
): Buffer | 'cut' | undefined {
  const [question] = query.questions ?? [];
  if (question === undefined || !isZoneType(question.type)) return encode(reply(query, NOT_IMPLEMENTED));
  const answer = lookUp(zone, question.type, question.name);
  if (answer.kind === 'fault') return faulty(query, answer.fault, transport);
  const flags = answer.kind === 'no-name' ? NAME_ERROR : 0;
  const bytes = encode({ ...reply(query, flags), answers: records(question.type, answer) });
  if (transport === 'tcp' || bytes.length <= udpLimit(query)) return bytes;
  return encode(reply(query, TRUNCATED_RESPONSE));
}

function isZoneType(type: string): type is ZoneType {
  return ['TXT', 'A', 'AAAA', 'MX', 'PTR', 'CNAME'].includes(type);
}

function udpLimit({ additionals = [] }: DecodedPacket): number {
  const option = additionals.find((record) => record.type === 'OPT');
  return Math.max(UDP_BYTES, option?.udpPayloadSize ?? 0);
}

function reply({ id, flags = 0, questions }: DecodedPacket, code: number): Packet {
  const asRecursor = AUTHORITATIVE_ANSWER | RECURSION_AVAILABLE | (flags & RECURSION_DESIRED);
  return { type: 'response', id, flags: asRecursor | code, questions };
}

function faulty(
  query: DecodedPacket,
  fault: ZoneFault,
  transport: 'udp' | 'tcp',
): Buffer | 'cut' | undefined {
  if (fault === 'TIMEOUT') return undefined;
  if (fault === 'TRUNCATED') return transport === 'udp' ? encode(reply(query, TRUNCATED_RESPONSE)) : 'cut';
  if (fault !== 'MALFORMED') return encode(reply(query, CODES[fault] ?? 0));
  const name = query.questions?.[0]?.name ?? '';
  const whole = encode({ ...reply(query, 0), answers: [{ type: 'A', name, ttl: TTL, data: '192.0.2.1' }] });
  return whole.subarray(0, -2);
}

function records<T extends ZoneType>(type: T, answer: Exclude<ZoneAnswer<T>, { kind: 'fault' }>): Answer[] {
  const name = answer.aliases.at(-1) ?? '';
  const links = answer.aliases
    .slice(1)
    .map((data, i): Answer => ({ type: 'CNAME', name: answer.aliases[i] ?? '', ttl: TTL, data }));
  if (answer.kind === 'no-name') return links;
  return [...links, ...answer.records.map((record) => wireRecord(type, name, record))];
}

function wireRecord(type: ZoneType, name: string, record: string | readonly unknown[]): Answer {
  if (type === 'TXT') return { type, name, ttl: TTL, data: strings(record as string | readonly string[]) };
  if (type !== 'MX') return { type, name, ttl: TTL, data: record as string };
  const [preference, exchange] = record as readonly [number, string];
  return { type, name, ttl: TTL, data: { preference, exchange } };
}

/** One character a byte; a record given as one string is split where the wire needs it. */
function strings(record: string | readonly string[]): Buffer[] {
  const parts = typeof record === 'string' ? (record.match(/.{1,255}/gs) ?? ['']) : record;
  return parts.map((part) => Buffer.from(part, 'latin1'));
}

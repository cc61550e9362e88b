/** Remembers what dnsblog said of clients. It asks no zone: that is dnsbl-zone.ts. */
import { createMemory, type Limits, own } from '../base/bounded-memory.ts';

/** One A record with which a DNSBL zone lists a client, as dnsblog logs it. */
export interface DnsblAnswer {
  readonly zone: string;
  readonly answer: string;
  /** Log time in ms. */
  readonly at: number;
}

/** Answers kept of one client. */
const MOST = 40;

/** What dnsblog said lately, by client: its lines come before the score, and name no port. */
export interface DnsblAnswers {
  add(ip: string, answer: DnsblAnswer): void;
  of(ip: string): readonly DnsblAnswer[];
  readonly size: number;
}

/** Forgets each answer after the age, and the clients that were heard of longest ago when there are too many. */
export function createDnsblAnswers(limits: Limits): DnsblAnswers {
  /** Few zones are asked, and one text of each is enough. */
  let lastZone = '';
  const clients = createMemory<{ readonly since: number; readonly answers: readonly DnsblAnswer[] }>(limits);

  function of(ip: string): readonly DnsblAnswer[] {
    return clients.get(ip)?.answers ?? [];
  }

  return {
    add(ip, found) {
      const { zone, answer, at } = found;
      const others = of(ip).filter(
        (one) => (one.zone !== zone || one.answer !== answer) && at - one.at <= limits.ageMs,
      );
      if (zone !== lastZone) lastZone = own(zone);
      const kept = { zone: lastZone, answer: own(answer), at };
      clients.set(own(ip), { since: at, answers: [...others.slice(1 - MOST), kept] });
    },
    of,
    get size() {
      return clients.size;
    },
  };
}

// Which refusals DNS is asked about, and when. The answers are judged elsewhere.
import { type Address, parseAddress } from '../net/network.ts';
import type { Refusal } from '../postscreen/session.ts';

/**
 * Which refusals DNS is asked about, and when: so few at a time and a minute that a flood of strangers does not become a
 * flood of questions, and shared between networks so that one of them cannot keep the others waiting. Whose an address
 * is, is not decided here.
 */

/** A refusal about which DNS is asked until it answers. */
export interface Question {
  readonly refusal: Refusal;
  /** How often DNS gave no answer, and when last (ms of the clock); null: never. */
  readonly tries: number;
  readonly askedAt: number | null;
}

/** So many wait for their first answer at a time, and as many for one that DNS did not give yet. */
export const MOST_QUESTIONS = 50;
/** One without an answer is asked again with the next look a minute later (looks come a little early or late), an hour long. */
const RETRY_MS = 55_000;
const MINUTE_MS = 60_000;
const MOST_TRIES = 60;
/** Addresses asked about a minute: in all, and of one neighbourhood. */
const MOST_A_MINUTE = 120;
const MOST_OF_ONE = { '/24': 12, '/64': 12, '/48': 24 } as const;
/** An address of no sender is not asked about again for so long. */
const STRANGER_MS = 3_600_000;
const MOST_STRANGERS = 10_000;
/** Of one site. */
const MOST_STRANGERS_OF_ONE = 256;

interface Share {
  readonly key: string;
  readonly most: number;
}

/** The neighbourhoods of an address, the widest first: whoever has one of its addresses can have all of them. */
function sharesOf({ family, words }: Address): readonly [Share, ...Share[]] {
  const [first = 0, second = 0] = words;
  const share = (size: keyof typeof MOST_OF_ONE, ...parts: number[]): Share => ({
    key: `${parts.join(':')}${size}`,
    most: MOST_OF_ONE[size],
  });
  return family === 4
    ? [share('/24', first >>> 8)]
    : [share('/48', first, second >>> 16), share('/64', first, second)];
}

function keysOf(ip: string): readonly string[] {
  const address = parseAddress(ip);
  return address === undefined ? [] : sharesOf(address).map(({ key }) => key);
}

/** Questions after a change, and those that found no room: they are to be counted. */
interface Bounded {
  readonly questions: readonly Question[];
  readonly dropped: readonly Question[];
}

/** With one more question. The one in `dropped` may be another. */
export function withQuestion(questions: readonly Question[], refusal: Refusal): Bounded {
  return bounded([...questions, { refusal, tries: 0, askedAt: null }]);
}

/** After DNS gave no answer about an address, asked at `now`. `givenUp`: it was asked about for an hour. */
export function withoutAnswer(
  questions: readonly Question[],
  ip: string,
  now: number,
): Bounded & { readonly givenUp: readonly Question[] } {
  const asked = questions.map((one) =>
    one.refusal.ip === ip ? { ...one, tries: one.tries + 1, askedAt: now } : one,
  );
  const givenUp = asked.filter(({ tries }) => tries >= MOST_TRIES);
  return { ...bounded(asked.filter((one) => !givenUp.includes(one))), givenUp };
}

/**
 * When too many wait, the network that has most of them loses its newest one. Those that got no answer yet are limited
 * by themselves: broken reverse zones are common, and must not take the places of what was never asked.
 */
function bounded(questions: readonly Question[]): Bounded {
  const dropped: Question[] = [];
  for (const isMeant of [isNew, isTried]) {
    let left = questions.filter(isMeant);
    while (left.length > MOST_QUESTIONS) {
      const worst = newestOfMost(left);
      left = left.filter((one) => one !== worst);
      dropped.push(worst);
    }
  }
  return { questions: questions.filter((one) => !dropped.includes(one)), dropped };
}

const isNew = ({ tries }: Question) => tries === 0;
const isTried = ({ tries }: Question) => tries > 0;

/** The newest question of the site, and in it of the smaller network, that has most; of equal ones the newest of all. */
function newestOfMost(questions: readonly Question[]): Question {
  const counts = countBy(questions.flatMap(({ refusal }) => keysOf(refusal.ip)));
  const weights = questions.map(({ refusal }) => keysOf(refusal.ip).map((key) => counts.get(key) ?? 0));
  let worst = 0;
  for (const [i, [site = 0, part = 0]] of weights.entries()) {
    const [mostSite = 0, mostPart = 0] = weights[worst] ?? [];
    if (site > mostSite || (site === mostSite && part >= mostPart)) worst = i;
  }
  return questions[worst] as Question;
}

function countBy(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

/** A clock that jumped makes no wait longer. */
function isDue({ askedAt }: Question, now: number): boolean {
  return askedAt === null || Math.abs(now - askedAt) >= RETRY_MS;
}

export interface Turns {
  /** The addresses to ask about at `now`, each once, none of them in `underWay` (texts as in refusals). */
  next(questions: readonly Question[], underWay: ReadonlySet<string>, now: number): readonly string[];
}

/** Gives each network its turn, within the number of questions a minute. */
export function createTurns(): Turns {
  let minute = { since: Number.NEGATIVE_INFINITY, asked: 0, by: new Map<string, number>() };

  function takes(address: Address, busy: Map<string, number>): boolean {
    if (minute.asked >= MOST_A_MINUTE) return false;
    const shares = sharesOf(address);
    const isFull = ({ key, most }: Share) =>
      (minute.by.get(key) ?? 0) >= most || (busy.get(key) ?? 0) >= most;
    if (shares.some(isFull)) return false;
    for (const { key } of shares) {
      minute.by.set(key, (minute.by.get(key) ?? 0) + 1);
      busy.set(key, (busy.get(key) ?? 0) + 1);
    }
    minute.asked += 1;
    return true;
  }

  const turnOf = (question: Question) => minute.by.get(keysOf(question.refusal.ip)[0] ?? '') ?? 0;

  return {
    next(questions, underWay, now) {
      if (Math.abs(now - minute.since) >= MINUTE_MS) minute = { since: now, asked: 0, by: new Map() };
      let left = questions.filter((one) => isDue(one, now) && !underWay.has(one.refusal.ip));
      const chosen: string[] = [];
      const busy = countBy([...underWay].flatMap(keysOf));
      while (left.length > 0 && underWay.size + chosen.length < MOST_QUESTIONS) {
        const first = left.reduce((best, one) => (turnOf(one) < turnOf(best) ? one : best));
        const { ip } = first.refusal;
        left = left.filter(({ refusal }) => refusal.ip !== ip);
        const address = parseAddress(ip);
        if (address !== undefined && takes(address, busy)) chosen.push(ip);
      }
      return chosen;
    },
  };
}

/** Addresses of no sender, remembered for an hour. */
export interface Strangers {
  has(address: Address, now: number): boolean;
  add(address: Address, now: number): void;
  readonly size: number;
}

/** One network can make it forget its own addresses only. */
export function createStrangers(): Strangers {
  const sites = new Map<string, Map<string, number>>();
  let size = 0;

  function forgetOldest(site: string): void {
    const known = sites.get(site);
    const [oldest] = known?.keys() ?? [];
    if (known === undefined || oldest === undefined) return;
    known.delete(oldest);
    size -= 1;
    if (known.size === 0) sites.delete(site);
  }

  const siteOf = (address: Address) => sharesOf(address)[0].key;
  const textOf = ({ words }: Address) => words.join(' ');

  return {
    has(address, now) {
      const at = sites.get(siteOf(address))?.get(textOf(address));
      return at !== undefined && Math.abs(now - at) < STRANGER_MS;
    },
    add(address, now) {
      const site = siteOf(address);
      const known = sites.get(site) ?? new Map<string, number>();
      if (known.delete(textOf(address))) size -= 1;
      known.set(textOf(address), now);
      size += 1;
      // The site that was added to last is the last one.
      sites.delete(site);
      sites.set(site, known);
      if (known.size > MOST_STRANGERS_OF_ONE) forgetOldest(site);
      const [first] = sites.keys();
      if (size > MOST_STRANGERS && first !== undefined) forgetOldest(first);
    },
    get size() {
      return size;
    },
  };
}

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Refusal } from '../../../src/core/postscreen/session.ts';
import {
  createStrangers,
  createTurns,
  MOST_QUESTIONS,
  type Question,
  withoutAnswer,
  withQuestion,
} from '../../../src/core/senders/questions.ts';
import { address } from '../../double/address.ts';

const refusal = (ip: string, at = 0): Refusal => ({
  ...{ ip, port: 1, connectedAt: null, at, gate: 'dnsbl', code: 550 },
  ...{ enhanced: null, zones: [] },
});

/** The nth address of the network that floods, in a /64 of its own or in one of four. */
const flooding = (n: number, wide: boolean) =>
  `2a0e:97c0:1:${(wide ? n : n % 4).toString(16)}::${((n % 60_000) + 1).toString(16)}`;
const elsewhere = (n: number) => `185.${150 + (n >> 8)}.${n & 255}.9`;
const isFlood = (ip: string) => ip.startsWith('2a0e:97c0:1:');

/** The questions as a flood leaves them. */
function flooded(count: number, wide: boolean): readonly Question[] {
  let questions: readonly Question[] = [];
  for (let n = 0; n < count; n += 1)
    questions = withQuestion(questions, refusal(flooding(n, wide))).questions;
  return questions;
}

type Step =
  | { readonly kind: 'flood'; readonly count: number; readonly wide: boolean }
  | { readonly kind: 'stranger' }
  | { readonly kind: 'answers'; readonly known: boolean; readonly share: number }
  | { readonly kind: 'time'; readonly ms: number };

const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('flood' as const),
      count: fc.integer({ min: 1, max: 80 }),
      wide: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('stranger' as const) }),
    fc.record({
      kind: fc.constant('answers' as const),
      known: fc.boolean(),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: -90_000, max: 90_000 }) }),
  ),
  { maxLength: 60 },
);

/** DNS and the daemon around the questions, and what must hold of them at every moment. */
class Model {
  questions: readonly Question[] = [];
  readonly underWay = new Set<string>();
  readonly turns = createTurns();
  now = 1_000_000;
  taken = 0;
  ended = 0;
  #n = 0;
  #strangers = 0;
  /** Since the minute began in which they were asked about. */
  #asked: { at: number; ip: string }[] = [];

  run(step: Step): void {
    if (step.kind === 'time') this.now += step.ms;
    if (step.kind === 'flood')
      for (let i = 0; i < step.count; i += 1) this.take(flooding(this.#n++, step.wide));
    if (step.kind === 'stranger') this.#strangerComes();
    if (step.kind === 'answers') this.#answer(step.known, step.share);
    this.ask();
    this.check();
  }

  take(ip: string): void {
    const { questions, dropped } = withQuestion(this.questions, refusal(ip, this.taken));
    this.questions = questions;
    this.taken += 1;
    this.ended += dropped.length;
  }

  ask(): void {
    for (const ip of this.turns.next(this.questions, this.underWay, this.now)) {
      expect(this.underWay.has(ip)).toBe(false);
      this.underWay.add(ip);
      this.#asked.push({ at: this.now, ip });
    }
  }

  /** One from elsewhere finds a place and is asked about at once, unless that many others from elsewhere came before. */
  #strangerComes(): void {
    const ip = elsewhere(this.#strangers++);
    this.take(ip);
    const others = [...this.underWay].filter((one) => !isFlood(one)).length;
    const recent = this.#asked.filter(
      ({ at, ip: one }) => !isFlood(one) && Math.abs(this.now - at) < 180_000,
    );
    if (others >= 20 || recent.length >= 20) return;
    expect(this.questions.some((one) => one.refusal.ip === ip)).toBe(true);
    this.ask();
    expect(this.underWay.has(ip)).toBe(true);
  }

  #answer(known: boolean, share: number): void {
    for (const ip of [...this.underWay].slice(0, Math.ceil(this.underWay.size * share))) {
      this.underWay.delete(ip);
      if (known) {
        const left = this.questions.filter((one) => one.refusal.ip !== ip);
        this.ended += this.questions.length - left.length;
        this.questions = left;
      } else {
        const { questions, dropped, givenUp } = withoutAnswer(this.questions, ip, this.now);
        this.questions = questions;
        this.ended += dropped.length + givenUp.length;
      }
    }
  }

  check(): void {
    expect(this.questions.length).toBeLessThanOrEqual(2 * MOST_QUESTIONS);
    expect(this.underWay.size).toBeLessThanOrEqual(MOST_QUESTIONS);
    expect([...this.underWay].filter(isFlood).length).toBeLessThanOrEqual(24);
    expect(this.ended + this.questions.length).toBe(this.taken);
  }
}

describe('questions to DNS', () => {
  it('are bounded, lose none uncounted, and let no network take the turn of another, whatever happens', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const model = new Model();
        for (const step of all) model.run(step);
      }),
      { numRuns: 300 },
    );
  });

  it.each([true, false])('of one /48 give way to a stranger from elsewhere (a /64 each: %s)', (wide) => {
    const questions = flooded(1_000, wide);
    expect(questions).toHaveLength(MOST_QUESTIONS);
    const after = withQuestion(questions, refusal(elsewhere(1)));
    expect(after.questions.at(-1)?.refusal.ip).toBe(elsewhere(1));
    expect(after.dropped.every((one) => isFlood(one.refusal.ip))).toBe(true);
  });

  it('of 50 networks with one each keep their places', () => {
    let questions: readonly Question[] = [];
    for (let n = 0; n < 50; n += 1) questions = withQuestion(questions, refusal(elsewhere(n))).questions;
    const after = withQuestion(questions, refusal(elsewhere(50)));
    expect(after.questions).toEqual(questions);
    expect(after.dropped.map((one) => one.refusal.ip)).toEqual([elsewhere(50)]);
  });

  it('without an answer take no place of a new one', () => {
    let questions: readonly Question[] = [];
    for (let n = 0; n < 50; n += 1) {
      questions = withQuestion(questions, refusal(elsewhere(n))).questions;
      questions = withoutAnswer(questions, elsewhere(n), 0).questions;
    }
    const after = withQuestion(questions, refusal(elsewhere(50)));
    expect([after.questions.length, after.dropped]).toEqual([51, []]);
  });

  it('are asked again by time alone, an hour long, and no more than 120 a minute', () => {
    let { questions } = withQuestion([], refusal(elsewhere(1)));
    const turns = createTurns();
    let asked = 0;
    let now = 0;
    for (; questions.length > 0; now += 1_000)
      for (const ip of turns.next(questions, new Set(), now)) {
        asked += 1;
        questions = withoutAnswer(questions, ip, now).questions;
      }
    expect(asked).toBe(60);
    expect(now).toBeGreaterThan(54 * 60_000);
    const many = Array.from({ length: 200 }, (_, n) => ({
      refusal: refusal(elsewhere(n)),
      tries: 0,
      askedAt: null,
    }));
    const flood = createTurns();
    let inMinute = 0;
    for (let i = 0; i < 10; i += 1) inMinute += flood.next(many, new Set(), 1).length;
    expect(inMinute).toBe(120);
  });
});

describe('addresses that are nobody’s', () => {
  it('are remembered for an hour, and one network makes it forget its own only', () => {
    const nobodies = createStrangers();
    nobodies.add(address('185.199.108.9'), 0);
    for (let n = 0; n < 100_000; n += 1) nobodies.add(address(flooding(n % 60_000, true)), 1);
    expect(nobodies.has(address('185.199.108.9'), 3_599_999)).toBe(true);
    expect(nobodies.has(address('185.199.108.9'), 3_600_000)).toBe(false);
    expect(nobodies.has(address('185.199.108.8'), 1)).toBe(false);
    expect(nobodies.size).toBeLessThan(300);
  });

  it('are bounded, whatever networks they are of', () => {
    const nobodies = createStrangers();
    for (let n = 0; n < 30_000; n += 1) nobodies.add(address(`11.${n >> 8}.${n & 255}.1`), 0);
    expect(nobodies.size).toBe(10_000);
    expect(nobodies.has(address('11.117.47.1'), 1)).toBe(true);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listingsOf, parseSites, scoreOf } from '../../../src/core/postscreen/dnsbl-sites.ts';

function sites(text: string) {
  const parsed = parseSites(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

/** Answers written as `zone=answer`. */
function score(list: string, ...answers: string[]): number {
  const read = answers.map((text) => {
    const [zone = '', answer = ''] = text.split('=');
    return { zone, answer, at: 0 };
  });
  return scoreOf(sites(list), listingsOf(read));
}

describe('postscreen_dnsbl_sites', () => {
  it.each([
    ['bl.example', ['bl.example=127.0.0.2'], 1],
    ['bl.example', ['other.example=127.0.0.2'], 0],
    ['bl.example*3', ['bl.example=127.0.0.2'], 3],
    ['bl.example*-2', ['bl.example=127.0.0.2'], -2],
    ['bl.example*+2', ['bl.example=127.0.0.2'], 2],
    ['bl.example*0', ['bl.example=127.0.0.2'], 0],
    ['BL.Example*3', ['bl.eXample=127.0.0.2'], 3],
    ['a.example*3, b.example ,\n\tc.example*2', ['a.example=127.0.0.2', 'c.example=127.0.0.2'], 5],
    ['bl.example=127.0.0.4*2', ['bl.example=127.0.0.4'], 2],
    ['bl.example=127.0.0.4*2', ['bl.example=127.0.0.40'], 0],
    ['bl.example=127.0.0.[2..11]', ['bl.example=127.0.0.11'], 1],
    ['bl.example=127.0.0.[2..11]', ['bl.example=127.0.0.12'], 0],
    ['bl.example=127.0.0.[1;3..5]', ['bl.example=127.0.0.1'], 1],
    ['bl.example=127.0.0.[1;3..5]', ['bl.example=127.0.0.2'], 0],
    ['bl.example=127.0.0.[1;3..5]', ['bl.example=127.0.0.4'], 1],
    ['bl.example=[127].[0..255].[1;2].[7..7]', ['bl.example=127.9.2.7'], 1],
    ['list.dnswl.org=127.0.[0..255].[1..3]*-2', ['list.dnswl.org=127.0.15.3'], -2],
    ['list.dnswl.org=127.0.[0..255].[1..3]*-2', ['list.dnswl.org=127.0.15.0'], 0],
    // An entry counts once however many answers match it, and each entry of a zone for itself.
    ['bl.example*3', ['bl.example=127.0.0.2', 'bl.example=127.0.0.4'], 3],
    ['bl.example=127.0.0.2*3 bl.example=127.0.0.4*4', ['bl.example=127.0.0.2', 'bl.example=127.0.0.4'], 7],
    ['bl.example=127.0.0.2*3 bl.example*4', ['bl.example=127.0.0.2'], 7],
    ['bl.example bl.example', ['bl.example=127.0.0.2'], 2],
    ['key.zen.dq.example*3', ['key.zen.dq.example=127.0.0.2'], 3],
    ['bl.example=127.0.0.2', ['bl.example=garbage'], 0],
    ['', ['bl.example=127.0.0.2'], 0],
  ])('"%s" gives %j the score %i', (list, answers, expected) => {
    expect(score(list, ...answers)).toBe(expected);
  });

  it.each([
    ['bl.example*', 'weight'],
    ['bl.example*x', 'weight'],
    ['bl.example*1.5', 'weight'],
    ['bl.example*3=127.0.0.2', 'weight'],
    ['bl.example=127.0.0', 'filter'],
    ['bl.example=127.0.0.2.3', 'filter'],
    ['bl.example=127.0.0.256', 'filter'],
    ['bl.example=127.0.0.[5..3]', 'filter'],
    ['bl.example=127.0.0.[1..256]', 'filter'],
    ['bl.example=127.0.0.[]', 'filter'],
    ['bl.example=127.0.0.[1;]', 'filter'],
    ['bl.example=127.0.0.[1', 'filter'],
    ['bl.example=127.0.[3.4]', 'filter'],
    ['bl.example=127.0.0.3[6..9]', 'filter'],
    ['bl.example=', 'filter'],
    ['=127.0.0.2', 'name of a DNSBL zone'],
    ['bl..example', 'name of a DNSBL zone'],
    ['bl.example/24', 'name of a DNSBL zone'],
    [`${'a.'.repeat(128)}a`, 'name of a DNSBL zone'],
  ])('refuses "%s" for its %s', (list, reason) => {
    const parsed = parseSites(list);
    expect(parsed).toEqual({ ok: false, problem: expect.stringContaining(reason) });
  });

  it('tells of every bad entry at once', () => {
    const parsed = parseSites('a.example*x good.example b.example=1.2.3 c..example');
    expect(parsed.ok || parsed.problem.split('\n')).toEqual([
      expect.stringContaining('a.example'),
      expect.stringContaining('b.example'),
      expect.stringContaining('c..example'),
    ]);
  });

  it('survives any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab.=*[];,0129- é') }), (text) => {
        parseSites(text);
      }),
    );
  });
});

/** An entry as lists of numbers: the plainest model there is. */
interface Plain {
  readonly zone: string;
  readonly octets: readonly (readonly number[])[] | null;
  readonly weight: number;
}

const zone = fc.constantFrom('a.example', 'b.example', 'c.example');
const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 4 });
const plain: fc.Arbitrary<Plain> = fc.record({
  zone,
  octets: fc.option(fc.array(numbers, { minLength: 4, maxLength: 4 })),
  weight: fc.integer({ min: -9, max: 9 }),
});
const answer = fc.record({
  zone,
  octets: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 4, maxLength: 4 }),
});

/** The same numbers in Postfix's words: neighbours as a range, a single one with or without brackets. */
function write({ zone, octets, weight }: Plain): string {
  const field = (list: readonly number[]) => {
    const sorted = [...list].sort();
    const first = sorted[0] ?? 0;
    const isRun = sorted.every((number, i) => number === first + i);
    if (sorted.length === 1 && first % 2 === 0) return `${first}`;
    return isRun ? `[${first}..${sorted.at(-1)}]` : `[${list.join(';')}]`;
  };
  const filter = octets === null ? '' : `=${octets.map(field).join('.')}`;
  return `${zone}${filter}${weight === 1 ? '' : `*${weight}`}`;
}

it('scores any list and any answers as the plain model does', () => {
  fc.assert(
    fc.property(fc.array(plain), fc.array(answer), (entries, answers) => {
      const expected = entries
        .filter((entry) =>
          answers.some(
            (given) =>
              given.zone === entry.zone &&
              (entry.octets === null || given.octets.every((octet, i) => entry.octets?.[i]?.includes(octet))),
          ),
        )
        .reduce((sum, { weight }) => sum + weight, 0);
      const given = answers.map(({ zone, octets }) => `${zone}=${octets.join('.')}`);
      expect(score(entries.map(write).join(' '), ...given)).toBe(expected);
    }),
  );
});

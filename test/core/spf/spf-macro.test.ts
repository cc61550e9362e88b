import { describe, expect, it } from 'vitest';
import {
  expandMacros,
  type MacroValues,
  macroLetters,
  parseDomainSpec,
  parseExplanation,
  toName,
} from '../../../src/core/spf/spf-macro.ts';

const VALUES: MacroValues = {
  s: 'strong-bad@email.example.com',
  l: 'strong-bad',
  o: 'email.example.com',
  d: 'email.example.com',
  i: '192.0.2.3',
  p: 'mx.example.org',
  h: 'mail.example.net',
  v: 'in-addr',
  c: '192.0.2.3',
  r: 'mx.example.org',
  t: '1700000000',
};

function expand(text: string, values: Partial<MacroValues> = {}): string | null {
  const parsed = parseExplanation(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return expandMacros(parsed.value, { ...VALUES, ...values });
}

describe('a macro', () => {
  it.each([
    ['%{s}', 'strong-bad@email.example.com'],
    ['%{o}', 'email.example.com'],
    ['%{d4}', 'email.example.com'],
    ['%{d1}', 'com'],
    ['%{d2}', 'example.com'],
    ['%{dr}', 'com.example.email'],
    ['%{d2r}', 'example.email'],
    ['%{d128}', 'email.example.com'],
    ['%{d99999999999999999999}', 'email.example.com'],
    ['%{DR}', 'com.example.email'],
    ['%{l}', 'strong-bad'],
    ['%{l-}', 'strong.bad'],
    ['%{lr}', 'strong-bad'],
    ['%{lr-}', 'bad.strong'],
    ['%{l1r-}', 'strong'],
    ['%{ir}.%{v}._spf.%{d2}', '3.2.0.192.in-addr._spf.example.com'],
    ['%{lr-}.lp._spf.%{d2}', 'bad.strong.lp._spf.example.com'],
    ['%{c} %{r} %{t} %{p} %{h}', '192.0.2.3 mx.example.org 1700000000 mx.example.org mail.example.net'],
    ['100%% of%_all%-of', '100% of all%20of'],
    ['%{S}', 'strong-bad%40email.example.com'],
  ])('%s is %s', (text, expanded) => expect(expand(text)).toBe(expanded));

  it('splits at each of its delimiters, and puts dots between', () => {
    expect(expand('%{l+-/}', { l: 'a+b-c/d.e' })).toBe('a.b.c.d.e');
    expect(expand('%{l2r+-}', { l: 'foo-bar+zip+quux' })).toBe('bar.foo');
    expect(expand('%{l,=_}', { l: 'a,b=c_d' })).toBe('a.b.c.d');
  });

  it('in upper case escapes all but the unreserved characters, as UTF-8', () => {
    expect(expand('%{L}', { l: "~a&b=c_d.e'(é\ud800)" })).toBe('~a%26b%3Dc_d.e%27%28%C3%A9%EF%BF%BD%29');
  });

  it('that makes a text of no proportion gives none', () => {
    expect(expand('%{l}'.repeat(15_000), { l: 'x'.repeat(500) })).toBeNull();
  });

  it('is known by its letter', () => {
    const parsed = parseDomainSpec('%{ir}.%{V}.%%.example.com');
    expect(parsed.ok && [...macroLetters(parsed.value)]).toEqual(['i', 'v']);
  });

  it.each([
    '%',
    'a%b',
    '%{',
    '%{}',
    '%{x}',
    '%{d0}',
    '%{d00}',
    '%{dr1}',
    '%{d!}',
    '%{d}%',
    'é',
    'a\nb',
    '\0',
  ])('%j is an error in an explanation', (text) => expect(parseExplanation(text).ok).toBe(false));
});

describe('the name to ask for', () => {
  const label = 'a'.repeat(63);
  it.each<[string, string | null, string]>([
    ['Mail.Example.COM.', 'mail.example.com', 'lower case, without the final dot'],
    [
      `x.${label}.${label}.${label}.${label.slice(2)}`,
      `${label}.${label}.${label}.${label.slice(2)}`,
      '253 stay',
    ],
    [
      `x.yy.${label}.${label}.${label}.${label}`,
      `${label}.${label}.${label}`,
      'labels at the left are cut off',
    ],
    ['com', null, 'one label'],
    ['', null, 'nothing'],
    ['.', null, 'a dot'],
    ['a..example.com', null, 'an empty label'],
    ['.example.com', null, 'an empty label in front'],
    [`a${label}.example.com`, null, 'a label of 64'],
    ['a'.repeat(500), null, 'one long label'],
    ['ä.example.com', null, 'not ASCII'],
    ['a\0.example.com', null, 'a control character'],
    ['a b%20.example.com', 'a b%20.example.com', 'what macros can make'],
  ])('%j is %j: %s', (text, name) => expect(toName(text)).toBe(name));
});

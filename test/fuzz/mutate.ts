import type { Random } from '../random.ts';

/** An input is text of one character a byte, as everywhere in screenpass. */
type Mutation = (input: string, random: Random, seeds: readonly string[], words: readonly string[]) => string;

/** Bytes that mean something to one parser or another. */
const SIGNS = '\0\t\n\r "#%\'()*+,-./:;<=>?@[\\]^_`{|}~\x7f\x80\x85\xa0\xc2\xe2\xffaZ019';
/** Now and then an input is blown up to about this length, to find time that is not linear. */
const LONG = 20_000;

const byte: Mutation = (input, random) => {
  const sign =
    random.below(2) === 0 ? SIGNS.charAt(random.below(SIGNS.length)) : String.fromCharCode(random.below(256));
  const at = random.below(input.length + 1);
  return input.slice(0, at) + sign + input.slice(at + random.below(2));
};
const cut: Mutation = (input, random) => {
  const at = random.below(input.length + 1);
  return input.slice(0, at) + input.slice(at + 1 + random.below(16));
};
const truncate: Mutation = (input, random) => input.slice(0, random.below(input.length + 1));
const repeat: Mutation = (input, random) => {
  const at = random.below(input.length + 1);
  const piece = input.slice(at, at + 1 + random.below(40));
  const most = random.below(200) === 0 ? LONG / Math.max(1, piece.length) : 4;
  return input.slice(0, at) + piece.repeat(1 + random.below(most)) + input.slice(at);
};
const splice: Mutation = (input, random, seeds) => {
  const other = seeds[random.below(seeds.length)] ?? '';
  return input.slice(0, random.below(input.length + 1)) + other.slice(random.below(other.length + 1));
};
const word: Mutation = (input, random, _seeds, words) => {
  const at = random.below(input.length + 1);
  return input.slice(0, at) + (words[random.below(words.length)] ?? '') + input.slice(at + random.below(3));
};
const swap: Mutation = (input, random) => {
  const [a = 0, b = 0, c = 0] = [0, 0, 0].map(() => random.below(input.length + 1)).sort((x, y) => x - y);
  return input.slice(0, a) + input.slice(b, c) + input.slice(a, b) + input.slice(c);
};

const MUTATIONS = [byte, byte, cut, truncate, repeat, splice, word, word, swap];

/** One of the seeds after one to six mutations. */
export function mutant(random: Random, seeds: readonly string[], words: readonly string[]): string {
  let input = seeds[random.below(seeds.length)] ?? '';
  for (let left = 1 + random.below(6); left > 0; left -= 1) {
    input = (MUTATIONS[random.below(MUTATIONS.length)] ?? byte)(input, random, seeds, words);
  }
  return input;
}

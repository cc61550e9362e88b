import { createRandom, type Random } from '../random.ts';
import { mutant } from './mutate.ts';

/** A parser with what it is fed. */
export interface Target {
  readonly name: string;
  readonly seeds: readonly string[];
  /** Words of its language, to be put in anywhere. */
  readonly words: readonly string[];
  /** Reads the input, one character a byte, and throws when anything is not as declared. */
  readonly read: (input: string, random: Random) => void;
}

interface Crash {
  readonly input: string;
  readonly error: unknown;
}

export interface Findings {
  readonly inputs: number;
  readonly bytes: number;
  /** The first few. */
  readonly crashes: readonly Crash[];
  /** By time for each byte, of inputs of 1000 bytes and more, where the clock is fine enough. */
  readonly slowest: { readonly nsPerByte: number; readonly bytes: number };
  readonly longestMs: number;
}

const MOST_CRASHES = 10;
const WORTH_TIMING = 1000;

/** Feeds mutants of the seeds to the target while `goOn` says so; the same inputs for the same seed. */
export function fuzz(target: Target, seed: number, goOn: (inputs: number) => boolean): Findings {
  const random = createRandom(seed);
  const crashes: Crash[] = [];
  let [inputs, bytes, longestMs] = [0, 0, 0];
  let slowest = { nsPerByte: 0, bytes: 0 };
  for (; goOn(inputs) && crashes.length < MOST_CRASHES; inputs += 1) {
    const input = mutant(random, target.seeds, target.words);
    const began = performance.now();
    try {
      target.read(input, random);
    } catch (error) {
      crashes.push({ input, error });
    }
    const ms = performance.now() - began;
    bytes += input.length;
    longestMs = Math.max(longestMs, ms);
    const nsPerByte = (ms * 1e6) / input.length;
    if (input.length >= WORTH_TIMING && nsPerByte > slowest.nsPerByte)
      slowest = { nsPerByte, bytes: input.length };
  }
  return { inputs, bytes, crashes, slowest, longestMs };
}

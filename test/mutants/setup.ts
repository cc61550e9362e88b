import fc from 'fast-check';

/**
 * A mutant is killed by the first counterexample: no other and no smaller one is looked for. The cases are the same in
 * each run, so that the same mutants survive.
 */
fc.configureGlobal({ endOnFailure: true, seed: 20_261_124, numRuns: 20 });

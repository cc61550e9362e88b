import fc from 'fast-check';

/** A mutant is killed by the first counterexample: no other and no smaller one is looked for. */
fc.configureGlobal({ endOnFailure: true });

import { defineConfig } from 'vitest/config';

/** The tests that judge a mutant: those that need no built program, no Engine and no child process. */
export default defineConfig({
  test: {
    include: ['test/core/**/*.test.ts', 'test/writer/**/*.test.ts', 'test/edge/file.test.ts'],
    exclude: ['test/core/spf-suite.test.ts', 'test/core/replay-truth.test.ts'],
    setupFiles: ['test/mutants/setup.ts'],
    testTimeout: 20_000,
  },
});

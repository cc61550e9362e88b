import { defineConfig } from 'vitest/config';

/** Far more than any test needs: a slow machine is no failure, and a test that hangs says itself what it waits for. */
const testTimeout = 120_000;

/** `fast` runs anywhere; `engine` needs a Docker Engine and is started by test/e2e/run.mjs. */
export default defineConfig({
  test: {
    // Not one fewer than there are cores: nothing else is to be done meanwhile.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'fast',
          testTimeout,
          root: '.',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', '**/*.engine.test.ts'],
        },
      },
      { test: { name: 'engine', root: '.', include: ['test/e2e/**/*.test.ts', 'test/**/*.engine.test.ts'] } },
    ],
  },
});

import { defineConfig } from 'vitest/config';

/** Far more than any test needs: a slow machine is no failure, and a test that hangs names itself what it waits for. */
const testTimeout = 120_000;

/** Needs a Docker Engine. */
const ENGINE = ['test/e2e/**/*.test.ts', 'test/**/*.engine.test.ts'];
/** Exhaustive: every step of a kill, thousands of histories, real processes that hang. */
const LONG = ['test/**/*.long.test.ts'];

/**
 * `fast` is what people run while they work, `long` what CI runs beside it; both run anywhere. `engine` is started by
 * test/e2e/run.mjs.
 */
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
          // Half of the time would go into loading src again for each file. No test changes what a module keeps.
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [...ENGINE, ...LONG],
        },
      },
      { test: { name: 'long', testTimeout, root: '.', include: LONG } },
      { test: { name: 'engine', root: '.', include: ENGINE } },
    ],
  },
});

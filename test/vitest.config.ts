import { defineConfig } from 'vitest/config';

/** `fast` runs anywhere; `engine` needs a Docker Engine and is started by test/e2e/run.mjs. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          root: '.',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', '**/*.engine.test.ts'],
        },
      },
      { test: { name: 'engine', root: '.', include: ['test/e2e/**/*.test.ts', '**/*.engine.test.ts'] } },
    ],
  },
});

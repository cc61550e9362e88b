import { defineConfig } from 'vitest/config';

const { MUTANTS_TESTS = '' } = process.env;

/** Under mutation each property is tried hundreds of times: with fewer cases each, and always the same ones. */
const MOST_RUNS = 20;

/** The tests that judge the module: run.mjs names them. None of them waits for real time, a program or an Engine. */
export default defineConfig({
  plugins: [
    {
      name: 'fewer-runs',
      transform: (code, id) =>
        /\.test\.ts$/.test(id)
          ? code.replace(/numRuns: [\d_]+/g, (runs) =>
              Number(runs.slice(9).replaceAll('_', '')) > MOST_RUNS ? `numRuns: ${MOST_RUNS}` : runs,
            )
          : undefined,
    },
  ],
  test: {
    include: MUTANTS_TESTS.split(' '),
    setupFiles: ['test/mutants/setup.ts'],
    testTimeout: 20_000,
  },
});

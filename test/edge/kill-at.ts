// Loaded before commit-process: kills the process as KILL_AT says (`before 3`, `within 9`, `after 3`); writes the name of
// each step to the file STEPS.
import { appendFileSync } from 'node:fs';
import { standStill, type When, watchSteps } from './file-steps.ts';

const { KILL_AT: killAt = '', STEPS: stepsFile = '' } = process.env;
const [when, at] = killAt.split(' ') as [When, string?];
let steps = 0;

watchSteps(
  (name) => {
    steps += 1;
    appendFileSync(stepsFile, `${name}\n`);
    return String(steps) === at ? when : undefined;
  },
  () => {
    process.kill(process.pid, 'SIGKILL');
    return standStill();
  },
);

// Loaded before screenpass (NODE_OPTIONS): does to it what the chaos run orders through files. Its clock goes wrong by as
// many ms as ORDERS/clock says. With ORDERS/stall, `N WHEN`, it stands still at the Nth step of its files from then on, says
// so in ORDERS/stalled, and waits to be killed.
import { readFileSync, writeFileSync } from 'node:fs';
import { standStill, type When, watchSteps } from '../edge/file-steps.ts';

const ORDERS = '/run/chaos';
const { now } = Date;
let wrongBy = 0;
let ahead: { steps: number; readonly when: When } | null = null;
let step = '';

function order(name: string): string | null {
  try {
    return readFileSync(`${ORDERS}/${name}`, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function lookAtClock(): void {
  wrongBy = Number(order('clock') ?? 0);
}

Date.now = () => now() + wrongBy;
globalThis.Date = new Proxy(Date, {
  construct: (target, given, made) =>
    Reflect.construct(target, given.length === 0 ? [Date.now()] : given, made),
});
lookAtClock();
setInterval(lookAtClock, 50).unref();

// Commands run in the same container as the daemon.
if (process.pid === 1) {
  watchSteps(
    (name) => {
      step = name;
      if (ahead === null) {
        const [steps, when] = order('stall')?.split(' ') ?? [];
        if (steps === undefined) return undefined;
        ahead = { steps: Number(steps), when: when as When };
      }
      ahead.steps -= 1;
      return ahead.steps <= 0 ? ahead.when : undefined;
    },
    () => {
      writeFileSync(`${ORDERS}/stalled`, `${step} ${ahead?.when}`);
      return standStill();
    },
  );
}

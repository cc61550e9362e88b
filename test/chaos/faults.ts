// The faults by name. Each is there for a time and then over, whatever comes of it in between.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '../e2e/harness.ts';
import { must, run } from '../e2e/program.ts';
import type { EngineProxy } from './engine-proxy.ts';
import type { Operator } from './operator.ts';
import type { Random } from './random.ts';

export interface World {
  readonly stack: Stack;
  readonly proxy: EngineProxy;
  readonly operator: Operator;
  readonly random: Random;
  /** Times (ms) at which screenpass was killed. */
  readonly kills: number[];
  /** Waits until screenpass has read all that the mail container has logged; false: it has not in time. */
  caughtUp(): Promise<boolean>;
  /** Waits until screenpass follows no log; false: it does not see in time that it cannot. */
  detached(): Promise<boolean>;
  /** Waits until Postfix serves, for a time at most. */
  serving(): Promise<boolean>;
  /** Keeps the log of the mail container, which is about to be removed. */
  keepLog(): Promise<void>;
}

export type Fault = (world: World, ms: number) => Promise<void>;

const WRAPPER = '/usr/local/sbin/postfix';

/** In place of the postfix command, until `endWrapper`. */
async function wrapPostfix({ stack }: World, onReload: string): Promise<void> {
  const script = `#!/bin/sh\n[ "$1" = reload ] && { ${onReload}; }\nexec /usr/sbin/postfix "$@"\n`;
  const install = `printf '%s' "$1" >${WRAPPER}.new && chmod +x ${WRAPPER}.new && mv ${WRAPPER}.new ${WRAPPER}`;
  await stack.inMail('sh', '-c', install, 'sh', script);
}

function endWrapper({ stack }: World): Promise<string> {
  return stack.inMail('rm', '-f', WRAPPER);
}

async function stayAway(stack: Stack, verb: 'kill' | 'stop', ms: number): Promise<void> {
  await stack.engine(verb, 'mailserver');
  await sleep(ms);
  await stack.engine('start', 'mailserver');
}

/**
 * An exec that begins while the Engine pauses a container can stop in the frozen container, and the Engine's unpause
 * then waits for it without end: the container is thawed by hand, and unpaused after that.
 */
async function unpause(stack: Stack, service: 'mailserver' | 'dns' | 'screenpass'): Promise<void> {
  const name = stack.nameOf(service);
  const attempt = () => run('timeout', ['10', 'docker', 'unpause', name]);
  const { stdout } = await run('timeout', [
    '10',
    'docker',
    'ps',
    '-q',
    '--no-trunc',
    '--filter',
    `name=^${name}$`,
  ]);
  if ((await attempt()).code !== 124) return;
  const thaw = `for f in $(find /sys/fs/cgroup -path "*$1*" -name freezer.state); do echo THAWED >$f; done
for f in $(find /sys/fs/cgroup -path "*$1*" -name cgroup.freeze); do echo 0 >$f; done`;
  await must('timeout', ['30', 'sh', '-c', thaw, 'sh', stdout.trim()]);
  await attempt();
}

/** What cuts nothing else short: these can come in the middle of others. */
export const SMALL: Readonly<Record<string, Fault>> = {
  'stream-cut': async ({ proxy }) => void proxy.cut(),
  async 'stream-cut-mid-frame'({ proxy, random }, ms) {
    proxy.cutWithin(random.next());
    await sleep(ms);
  },
  async 'stream-half-open'({ proxy }, ms) {
    proxy.hold();
    await sleep(ms);
    proxy.cut();
  },
  async 'screenpass-kill'({ stack, kills }, ms) {
    kills.push(Date.now());
    await stack.engine('kill', 'screenpass');
    kills.push(Date.now());
    await sleep(ms / 4);
    await stack.engine('start', 'screenpass');
  },
  'table-edit': async ({ operator }) => operator.edit(),
};

const LARGE: Readonly<Record<string, Fault>> = {
  async 'engine-gone'({ proxy }, ms) {
    proxy.setGone(true);
    await sleep(ms);
    proxy.setGone(false);
  },
  async 'exec-refused'({ proxy }, ms) {
    proxy.setExecRefused(true);
    await sleep(ms);
    proxy.setExecRefused(false);
  },
  'mail-restart': ({ stack }) => stack.engine('restart', 'mailserver'),
  'mail-stop': ({ stack }, ms) => stayAway(stack, 'stop', ms),
  'mail-kill': ({ stack }, ms) => stayAway(stack, 'kill', ms),
  async 'mail-pause'({ stack }, ms) {
    await stack.engine('pause', 'mailserver');
    await sleep(ms);
    await unpause(stack, 'mailserver');
  },
  async 'postfix-stop'({ stack, serving }, ms) {
    await serving();
    await stack.inMail('touch', '/run/postfix-held');
    await stack.inMail('postfix', 'stop');
    await sleep(ms);
    await stack.inMail('rm', '/run/postfix-held');
  },
  async 'reload-fails'(world, ms) {
    await wrapPostfix(world, 'echo "postfix: fatal: not now" >&2; exit 1');
    await sleep(ms * 2);
    await endWrapper(world);
  },
  async 'reload-hangs'(world, ms) {
    await wrapPostfix(world, `sleep ${Math.round(world.random.between(3, 40))}`);
    await sleep(ms * 2);
    await endWrapper(world);
  },
  async 'screenpass-restart'({ stack, kills }, ms) {
    await stack.engine('stop', 'screenpass');
    if ((await stack.inspect('screenpass', '{{.State.ExitCode}}')) === '137') kills.push(Date.now());
    await sleep(ms / 4);
    await stack.engine('start', 'screenpass');
  },
  'table-delete': async ({ operator }) => operator.delete(),
  async 'disk-full'({ stack }, ms) {
    const filler = join(stack.shared, 'filler');
    try {
      writeFileSync(filler, Buffer.alloc(1024 * 1024));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
    await sleep(ms * 2);
    rmSync(filler);
  },
  async 'disk-read-only'({ stack }, ms) {
    await must('mount', ['-o', 'remount,ro', stack.shared]);
    await sleep(ms * 2);
    await must('mount', ['-o', 'remount,rw', stack.shared]);
  },
  async 'dns-dead'({ stack }, ms) {
    await stack.engine('pause', 'dns');
    await sleep(ms);
    await unpause(stack, 'dns');
  },
};

/** A new container in place of the old one, as `docker-compose up` does it. What the Engine still has is read before. */
export const RECREATION: Readonly<Record<string, Fault>> = {
  async 'mail-recreate'({ stack, caughtUp, detached, keepLog }) {
    if (!(await caughtUp())) throw new Error('screenpass did not catch up with the log');
    await stack.engine('stop', 'mailserver');
    if (!(await detached())) throw new Error('screenpass did not see that the mail container stopped');
    await keepLog();
    await stack.compose('rm', '--force', 'mailserver');
    await stack.compose('up', '-d', 'mailserver');
  },
};

export const FAULTS: Readonly<Record<string, Fault>> = { ...SMALL, ...LARGE, ...RECREATION };

/** Ends all that a fault which failed half-way may have left. */
export async function heal(world: World): Promise<void> {
  const { stack, proxy } = world;
  proxy.setGone(false);
  proxy.setExecRefused(false);
  proxy.cut();
  rmSync(join(stack.shared, 'filler'), { force: true });
  await must('mount', ['-o', 'remount,rw', stack.shared]);
  for (const service of ['dns', 'mailserver', 'screenpass'] as const) {
    await unpause(stack, service);
    await run('timeout', ['60', 'docker', 'start', stack.nameOf(service)]);
  }
  const remove = ['exec', stack.nameOf('mailserver'), 'rm', '-f', '/run/postfix-held', WRAPPER];
  await run('timeout', ['60', 'docker', ...remove]);
}

// A Docker Engine of the test's own, so that it can be stopped and started while others use the one of this machine.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, run } from '../e2e/program.ts';
import { becomes } from './watch.ts';

export interface OwnEngine {
  readonly socket: string;
  start(): Promise<void>;
  /** Containers go on while it is away if `live` (live-restore); else it stops them. */
  stop(live: boolean): Promise<void>;
  /** Takes images over from the Engine that the docker command uses. */
  load(images: readonly string[]): Promise<void>;
  /** Removes its containers, ends it, and takes its directory away. */
  remove(): Promise<void>;
}

/** `directory` is its alone and short, since paths of sockets are. Needs root and the dockerd program; starts nothing yet. */
export function createOwnEngine(directory: string, logFile: string): OwnEngine {
  const socket = join(directory, 'sock');
  const data = join(directory, 'data');
  const configuration = join(directory, 'daemon.json');
  const options = [
    ...['--config-file', configuration, '--data-root', data, '--exec-root', join(directory, 'exec')],
    ...['--pidfile', join(directory, 'pid'), '--host', `unix://${socket}`],
    // It has a network of its own, which leads nowhere.
    ...['--bridge=none', '--iptables=false', '--ip6tables=false', '--group', String(process.getgid?.() ?? 0)],
  ];
  /** Keeps the network while the Engine is away; ends with us. */
  let network: ChildProcess | null = null;
  let daemon: ChildProcess | null = null;

  async function startDaemon(): Promise<ChildProcess> {
    const log = openSync(logFile, 'a');
    if (network === null) {
      network = spawn('unshare', ['--net', 'sh', '-c', 'echo; exec cat'], { stdio: ['pipe', 'pipe', log] });
      await once(network.stdout as NodeJS.ReadableStream, 'data');
    }
    const inside = [`--net=/proc/${network.pid}/ns/net`, 'dockerd', ...options];
    const started = spawn('nsenter', inside, { stdio: ['ignore', log, log] });
    closeSync(log);
    return started;
  }

  const docker = (...args: string[]) =>
    run('timeout', ['60', 'docker', '--host', `unix://${socket}`, ...args]);
  const says = async (template: string) => (await docker('info', '--format', template)).stdout.trim();

  async function setLive(live: boolean): Promise<void> {
    writeFileSync(configuration, JSON.stringify({ 'live-restore': live }));
    daemon?.kill('SIGHUP');
    if (
      daemon === null ||
      (await becomes(30, async () => (await says('{{.LiveRestoreEnabled}}')) === `${live}`))
    )
      return;
    throw new Error(`the Engine did not take live-restore ${live}`);
  }

  async function end(): Promise<void> {
    const ending = daemon;
    if (ending === null) return;
    ending.kill('SIGTERM');
    if (await becomes(180, async () => ending.exitCode !== null || ending.signalCode !== null)) daemon = null;
    else throw new Error('the Engine did not end');
  }

  const engine: OwnEngine = {
    socket,
    async start() {
      daemon ??= await startDaemon();
      const started = daemon;
      const ended = () => started.exitCode !== null || started.signalCode !== null;
      const answers = async () => (await docker('version')).code === 0;
      const there = await becomes(120, async () => ended() || (await answers()));
      if (there && !ended()) return;
      daemon = null;
      throw new Error(`the Engine does not answer (is dockerd installed?); its log is ${logFile}`);
    },
    async stop(live) {
      await setLive(live);
      await end();
    },
    async load(images) {
      const pipe = `docker save "$@" | docker --host "unix://${socket}" load`;
      await must('sh', ['-c', pipe, 'sh', ...images]);
    },
    async remove() {
      if (network !== null) {
        await engine.start();
        const ours = `docker --host "unix://${socket}"`;
        await must('sh', ['-c', `${ours} ps -aq | xargs -r ${ours} rm -f`]);
        await end();
        network.kill('SIGKILL');
        // dockerd mounts it onto itself, and leaves that.
        await run('umount', ['--lazy', data]);
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
  writeFileSync(configuration, '{}');
  return engine;
}

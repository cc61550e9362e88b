import { execFile } from 'node:child_process';

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let ownEngine: NodeJS.ProcessEnv = {};

/** From now on the programs that are run use the Engine behind this socket; null: that of the environment. */
export function useEngine(socket: string | null): void {
  ownEngine = socket === null ? {} : { DOCKER_HOST: `unix://${socket}` };
}

/** Runs a program to its end. An exit code is an answer; a program that cannot run, or hangs, is an error. */
export function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Output> {
  const options = {
    env: { ...process.env, ...ownEngine, ...env },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 600_000,
  };
  return new Promise((resolve, reject) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      const code = error?.code ?? 0;
      if (typeof code === 'number' && !error?.killed) resolve({ code, stdout, stderr });
      else reject(new Error(`${program} ${args.join(' ')}: ${error?.message}`));
    });
  });
}

/** Gives what it printed; any exit code but 0 is an error. */
export async function must(
  program: string,
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, env);
  if (code !== 0)
    throw new Error(`${program} ${args.join(' ')}: exit ${code}\n${stderr}${stdout.slice(-4000)}`);
  return stdout;
}

/** `docker compose` where the plugin is there, else the older program of its own. */
export async function composeCommand(): Promise<readonly [string, ...string[]]> {
  const plugin = await run('docker', ['compose', 'version']);
  return plugin.code === 0 ? ['docker', 'compose'] : ['docker-compose'];
}

/** The Engine's socket on this machine, to be mounted. */
export function engineSocket(): string {
  const { DOCKER_HOST: dockerHost } = process.env;
  return dockerHost?.startsWith('unix://') ? dockerHost.slice('unix://'.length) : '/var/run/docker.sock';
}

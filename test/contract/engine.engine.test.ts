// Run by the vitest project `engine` only: it needs a Docker Engine and an image with a shell.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StreamName } from '../../src/core/log/log-line.ts';
import { engineContract } from './engine-contract.ts';
import type { Subject, SubjectOptions } from './subject.ts';

const { DEBIAN_IMAGE: image = '', DOCKER_HOST: dockerHost } = process.env;
if (image === '') {
  throw new Error('DEBIAN_IMAGE is not set: name an image with a shell, as test/e2e/stand-ins.sh prints it');
}
const socketPath = dockerHost?.startsWith('unix://')
  ? dockerHost.slice('unix://'.length)
  : '/var/run/docker.sock';

engineContract('a real Engine', async (options) => {
  const container = new Container(await mkdtemp(join(tmpdir(), 'screenpass-contract-')), options);
  try {
    await container.create();
  } catch (error) {
    await container[Symbol.asyncDispose]();
    throw error;
  }
  return container;
});

/** By the docker command, so that what is tested is not needed for the test. */
class Container implements Subject {
  readonly host = dockerHost;
  readonly socketPath = socketPath;
  readonly name = `screenpass-contract-${randomBytes(6).toString('hex')}`;
  readonly service = `${this.name}-service`;
  readonly label = `contract.subject=${this.name}`;
  readonly mount = '/etc/screenpass';
  readonly image = image;
  /** The network `none` has no addresses. */
  readonly networks = [];
  readonly gateways = [];
  readonly #directory: string;
  readonly #options: readonly string[];

  constructor(directory: string, { tty = false, logDriver = 'json-file' }: SubjectOptions = {}) {
    this.#directory = directory;
    this.#options = [
      ...['--name', this.name, '--network', 'none', '--volume', `${directory}:${this.mount}`],
      ...['--label', `com.docker.compose.service=${this.service}`, '--label', this.label],
      ...['--log-driver', logDriver, ...(tty ? ['--tty'] : [])],
    ];
  }

  async create(): Promise<void> {
    await docker(['run', '--detach', ...this.#options, image, 'sleep', 'infinity']);
  }

  async id(): Promise<string> {
    return (await docker(['inspect', '--format', '{{.Id}}', this.name])).trim();
  }

  /** What another process writes to the first process's stream is the container's output as well. */
  async say(stream: StreamName, ...lines: string[]): Promise<void> {
    const script = `cat >/proc/1/fd/${stream === 'stdout' ? 1 : 2}`;
    const input = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1');
    await docker(['exec', '--interactive', this.name, 'sh', '-c', script], input);
  }

  async stop(): Promise<void> {
    await docker(['kill', this.name]);
  }

  async recreate(): Promise<void> {
    await this.remove();
    await this.create();
  }

  async remove(): Promise<void> {
    await docker(['rm', '--force', '--volumes', this.name]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove().catch(ifGone);
    await rm(this.#directory, { recursive: true });
  }
}

function docker(args: readonly string[], input?: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile('docker', args, { timeout: 30_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`docker ${args.join(' ')}: ${stderr.trim() || error.message}`));
    });
    child.stdin?.end(input);
  });
}

/** `docker rm --force` of old clients complains when there is nothing to remove. */
function ifGone(error: Error): void {
  if (!error.message.includes('No such container')) throw error;
}

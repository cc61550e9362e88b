// The part of `npm test` that needs a Docker Engine. Without one it says what was not run, or fails if
// REQUIRE_ENGINE=1.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** Why there is no Engine to be had, or undefined if one answers (the one of DOCKER_HOST, if that is set). */
function whyNoEngine() {
  const args = ['version', '--format', '{{.Server.Version}}'];
  const { error, status, stderr } = spawnSync('docker', args, { encoding: 'utf8', timeout: 20_000 });
  if (error?.code === 'ENOENT') return 'the docker command is not installed';
  if (error) return `the docker command failed: ${error.message}`;
  return status === 0 ? undefined : stderr.trim().replace(/\s+/g, ' ');
}

/** The names of the base images, as environment variables. */
function baseImages() {
  const stdio = ['ignore', 'pipe', 'inherit'];
  const { error, status, stdout } = spawnSync(join(here, 'stand-ins.sh'), { encoding: 'utf8', stdio });
  if (error) throw error;
  if (status !== 0) process.exit(1);
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')),
  );
}

function main() {
  const reason = whyNoEngine();
  if (reason !== undefined) {
    const required = process.env.REQUIRE_ENGINE === '1';
    console.log(
      `Not run, because there is no Docker Engine: the end-to-end and Engine contract tests (${reason})`,
    );
    return required ? 1 : 0;
  }
  const env = { ...process.env, ...baseImages() };
  const args = [
    'vitest',
    'run',
    '--config',
    'test/vitest.config.ts',
    '--project',
    'engine',
    ...process.argv.slice(2),
  ];
  const { error, status } = spawnSync('npx', args, { cwd: join(here, '..', '..'), env, stdio: 'inherit' });
  if (error) throw error;
  return status ?? 1;
}

process.exitCode = main();

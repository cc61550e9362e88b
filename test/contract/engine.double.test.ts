import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecResult } from '../../src/core/engine/mail-container.ts';
import { startEngineDouble } from '../double/engine.ts';
import { engineContract } from './engine-contract.ts';
import type { Subject, SubjectOptions } from './subject.ts';

engineContract('the Engine double', async ({ tty = false, logDriver = 'json-file' }: SubjectOptions = {}) => {
  const directory = await mkdtemp(join(tmpdir(), 'screenpass-contract-'));
  const socketPath = join(directory, 'engine.sock');
  const labels = { 'com.docker.compose.service': 'mail', 'contract.subject': 'this one' };
  const networks = { mail_default: '172.18.0.5/16', mail_six: 'fd00:18::5/64' };
  const image = 'debian:bookworm-slim';
  const container = { name: 'mailserver', image, labels, networks, tty, mounts: ['/etc/screenpass'] };
  const double = await startEngineDouble({ socketPath, container });
  double.logDriver(logDriver);
  const end = new AbortController();
  double.onExec((argv) => runHere(argv, end.signal));

  const subject: Subject = {
    host: double.host,
    socketPath,
    name: 'mailserver',
    service: 'mail',
    label: 'contract.subject=this one',
    mount: '/etc/screenpass',
    image,
    networks: ['172.18.0.5/16', 'fd00:18::5/64'],
    gateways: ['172.18.0.1'],
    id: async () => double.id,
    say: async (stream, ...lines) => {
      for (const line of lines) double.say(stream, `${line}\n`);
    },
    stop: async () => double.stop(),
    recreate: async () => double.recreate(),
    remove: async () => double.remove(),
    async [Symbol.asyncDispose]() {
      end.abort();
      await double.close();
      await rm(directory, { recursive: true });
    },
  };
  return subject;
});

/** The container's programs are this machine's. */
function runHere([program = '', ...args]: readonly string[], signal: AbortSignal): Promise<ExecResult> {
  const options = { encoding: 'latin1', maxBuffer: 1_000_000, signal } as const;
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

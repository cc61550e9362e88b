import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

export interface Dnsmasq extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly server: string;
}

/** Whether there is a dnsmasq to start. */
export function hasDnsmasq(): boolean {
  const { error } = spawnSync('dnsmasq', ['--version']);
  if (error === undefined) return true;
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
  throw error;
}

/**
 * A real dnsmasq (Debian: dnsmasq-base) that knows what the options say and refuses everything else; ended when it
 * is disposed of.
 */
export async function startDnsmasq(options: readonly string[]): Promise<Dnsmasq> {
  const port = await freePort();
  const own = ['--no-daemon', '--conf-file=/dev/null', '--pid-file=', '--no-resolv', '--no-hosts'];
  const place = [`--port=${port}`, '--listen-address=127.0.0.1', '--bind-interfaces'];
  const child = spawn('dnsmasq', [...own, ...place, ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((done) => child.on('close', () => done()));
  await new Promise<void>((started, failed) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('started')) started();
    });
    child.on('error', ({ message }) => failed(new Error(`no dnsmasq (Debian: dnsmasq-base): ${message}`)));
    child.on('close', () => failed(new Error(`dnsmasq ended: ${said}`)));
  });
  return {
    server: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** `--txt-record` with the text in strings of at most 255. Commas part them; a text must not have its own. */
export function txtOption(name: string, text: string): string {
  if (text.includes(',')) throw new Error(`dnsmasq would split this text: ${text}`);
  return `--txt-record=${name},${(text.match(/.{1,255}/gs) ?? []).join(',')}`;
}

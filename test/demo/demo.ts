// `npm run demo`: the real daemon against a mail server that is played, with nothing but Node. Exits 0 if everything
// came as it should, 1 if not, 2 if called wrongly.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import { startDnsServer } from '../double/dns-server.ts';
import { startEngineDouble } from '../double/engine.ts';
import { MailServerDouble } from '../double/mailserver.ts';
import { SALESFORCE_ZONE } from '../double/salesforce-zone.ts';
import { sendersZone } from '../double/senders-zone.ts';
import { DaemonProcess } from './daemon-process.ts';
import { createScreen, quietScreen, type Screen } from './screen.ts';
import { play } from './story.ts';

/** Both are bundled into one directory. */
const DAEMON = fileURLToPath(new URL('./screenpass.js', import.meta.url));
const TABLE_IN_CONTAINER = '/etc/screenpass/postscreen_access.cidr';
/** What the operator had in the table before. */
const OWN_RULES = '# Our own rules.\n198.51.100.66 reject\n';
/** postscreen waits 6 s; nobody wants to watch that. */
const GREET_WAIT_MS = 800;

async function demo(screen: Screen, json: boolean, interrupted: AbortSignal): Promise<void> {
  const begun = performance.now();
  await using stage = await setStage(json ? (line) => process.stdout.write(`${line}\n`) : undefined, screen);
  const { daemon, engine, mail, table } = stage;
  interrupted.addEventListener('abort', () => daemon.giveUp(new Error('interrupted')));

  await play({ daemon, engine, mail, screen });
  await daemon.stop();
  const text = await readFile(table, 'utf8');
  if (!text.startsWith(OWN_RULES)) throw new Error(`the operator's own rules were changed:\n${text}`);
  screen.table(TABLE_IN_CONTAINER, text);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  screen.summary(`Refused, allowed, reloaded, recovered, and a clean end: all seen in ${seconds} s.`);
}

interface Stage extends AsyncDisposable {
  readonly daemon: DaemonProcess;
  readonly engine: Awaited<ReturnType<typeof startEngineDouble>>;
  readonly mail: MailServerDouble;
  readonly table: string;
}

/** A directory for everything, the doubles, and the daemon. */
async function setStage(raw: ((line: string) => void) | undefined, screen: Screen): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'screenpass-demo-'));
  const table = join(directory, 'table', 'postscreen_access.cidr');
  const stateDir = join(directory, 'state');
  await mkdir(join(directory, 'table'));
  await mkdir(stateDir);
  await writeFile(table, OWN_RULES);

  const networks = { mail_default: '172.18.0.5/16' };
  const container = { name: 'mailserver', networks, mounts: ['/etc/screenpass'] };
  const engine = await startEngineDouble({ socketPath: join(directory, 'engine.sock'), container });
  const paths = { inContainer: TABLE_IN_CONTAINER, onHost: table };
  const mail = new MailServerDouble({ engine, table: paths, greetWait: () => sleep(GREET_WAIT_MS) });
  const zone = { ...sendersZone(readCatalogue(catalogue)), ...SALESFORCE_ZONE };
  const dns = await startDnsServer({ zone });
  const settings = {
    DOCKER_HOST: engine.host,
    SCREENPASS_CONTAINER: 'mailserver',
    SCREENPASS_TABLE: table,
    SCREENPASS_TABLE_IN_CONTAINER: TABLE_IN_CONTAINER,
    SCREENPASS_STATE_DIR: stateDir,
    SCREENPASS_RELOAD_INTERVAL: '1s',
    SCREENPASS_DNS: dns.server,
  };
  const daemon = new DaemonProcess(DAEMON, settings, { line: raw, alert: (alert) => screen.alert(alert) });
  return {
    daemon,
    engine,
    mail,
    table,
    async [Symbol.asyncDispose]() {
      daemon.kill();
      await engine.close();
      await dns.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function main(args: readonly string[]): Promise<number> {
  const json = args[0] === '--json';
  if (args.length > (json ? 1 : 0)) {
    process.stderr.write('usage: node dist/demo.js [--json]\n');
    return 2;
  }
  const { NO_COLOR: noColour } = process.env;
  const colour = process.stdout.isTTY && !noColour;
  const screen = json ? quietScreen : createScreen((line) => process.stdout.write(`${line}\n`), colour);
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
  try {
    await demo(screen, json, interruption.signal);
    return 0;
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));

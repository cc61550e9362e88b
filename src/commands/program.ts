import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { type Config, readConfig, SETTINGS } from '../config.ts';
import { parseServers } from '../core/dns-servers.ts';
import { type Address, parseAddress } from '../core/network.ts';
import { type GivenSettings, readOtherSettings } from '../core/other-settings.ts';
import { duration } from '../core/values.ts';
import { cronInterval } from '../edge/clock.ts';
import { readCatalogue } from '../schema.ts';
import catalogueData from '../senders/catalogue.json' with { type: 'json' };
import { check } from './check.ts';
import { doctor } from './doctor.ts';
import { allow, list, revoke } from './entries.ts';
import { importList } from './import.ts';
import { parse } from './parse.ts';
import { probe } from './probe.ts';
import { refresh } from './refresh.ts';
import { replay } from './replay.ts';
import { run } from './run.ts';
import { senders } from './senders.ts';
import { type SpfArguments, spf } from './spf.ts';
import { health, status } from './status.ts';

export { CommanderError };

/** 0 done, 1 found a problem or not allowed, 2 wrong usage or configuration, 3 the world failed. */
export type ExitCode = 0 | 1 | 2 | 3;

const EXIT_CODES = `
Exit codes: 0 done, 1 found a problem or not allowed, 2 wrong usage or settings, 3 Engine, file or DNS failed.`;

/** The command line: each command with its options, and what it does. `done` takes the exit code. */
export function program(done: (code: ExitCode) => void): Command {
  const root = new Command('screenpass')
    .description(manifest.description)
    .version(manifest.version)
    .addHelpText('after', EXIT_CODES)
    .exitOverride();

  root
    .command('run', { isDefault: true })
    .description('follow the mail container and let refused senders through (the default)')
    .addHelpText('after', settingsHelp())
    .action(async () => {
      await run(configured(), manifest.version);
      done(0);
    });

  root
    .command('parse')
    .description('print each Postfix line of a log as an object')
    .argument('[file]', 'log file, - for stdin', '-')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExample: docker logs mailserver 2>&1 | screenpass parse --json')
    .action(async (file: string, options: { json?: true }) => {
      await parse(file, options.json === true);
      done(0);
    });

  root
    .command('replay')
    .description('what an old log tells, and what screenpass or other settings would have changed')
    .argument('[file]', 'log file, also gzip; - for stdin', '-')
    .option('--dnsbl-threshold <number>', 'what if postscreen_dnsbl_threshold had been this')
    .option('--dnsbl-sites <list>', "what if postscreen_dnsbl_sites had been this, in Postfix's syntax")
    .option('--without-dnsbl <zone>', 'what if this zone had not been asked; can be repeated', collect)
    .option('--pregreet <action>', 'what if postscreen_greet_action had been this: ignore')
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nExample: screenpass replay /var/log/mail/mail.log.1.gz --dnsbl-threshold 5')
    .action(async (file: string, { json, ...given }: Options & GivenSettings) => {
      const read = readOtherSettings(given);
      const config = configured(read.ok ? [] : read.problems);
      const otherSettings = read.ok ? read.settings : null;
      await replay(config, file, { json: json === true, otherSettings });
      done(0);
    });

  root
    .command('check')
    .description('whose addresses these are, by which evidence, and what policy would do about a refusal')
    .argument('<address...>', 'IPv4 or IPv6 addresses', collectAddresses, [])
    .option('--json', 'one JSON document')
    .addOption(dnsOption())
    .addHelpText('after', '\nExample: screenpass check 54.240.27.75 --json')
    .action(async (addresses: Address[], { json, dns }: Options) => {
      const config = configured();
      done(await check(config, addresses, { json: json === true, dnsServers: dns ?? config.dnsServers }));
    });

  root
    .command('spf')
    .description('the result of check_host (RFC 7208)')
    .requiredOption('--ip <address>', 'address of the client', readAddress)
    .requiredOption('--sender <address>', "MAIL FROM; '' for the null sender")
    .requiredOption('--helo <name>', 'HELO of the client')
    .option('--json', 'one JSON document')
    .addOption(dnsOption())
    .addHelpText(
      'after',
      '\nExample: screenpass spf --ip 54.240.27.75 --sender a@amazonses.com --helo a27-75.smtp-out.amazonses.com' +
        '\nExit codes: 0 pass, 3 DNS did not answer, 1 any other result.',
    )
    .action(async ({ ip, sender, helo, json, dns }: Options & SpfArguments) => {
      const dnsServers = dns ?? configured().dnsServers;
      done(await spf({ ip, sender, helo }, { json: json === true, dnsServers }));
    });

  root
    .command('senders')
    .description('the senders that are known, with the number and age of their networks')
    .option('--json', 'one JSON document, with the networks')
    .addHelpText('after', '\nExample: screenpass senders | grep suspicious')
    .action(async ({ json }: Options) => {
      await senders(configured(), json === true);
      done(0);
    });

  root
    .command('import')
    .description(
      'what screenpass can take over from a list of your own, and what is wrong in it; changes nothing',
    )
    .argument('<file>', "Postfix's CIDR table, or a list of networks; - for stdin")
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      '\nExample: screenpass import /etc/postfix/postscreen_spf_whitelist.cidr' +
        '\nExit codes: 0 nothing is wrong in it, 1 something is, 3 it cannot be read.',
    )
    .action(async (file: string, { json }: Options) => {
      done(await importList(configured(), file, json === true));
    });

  root
    .command('refresh')
    .description('have the running daemon ask the senders for their networks now')
    .option('--accept <id...>', 'take the change of this sender, however large')
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nExample: docker exec screenpass screenpass refresh --accept zoho')
    .action(async ({ accept = [], json }: Options & { accept?: string[] }) => {
      done(await refresh(configured(), accept, json === true));
    });

  root
    .command('doctor')
    .description('look at the whole installation and say what to put right, and how; changes nothing')
    .option('--json', 'one JSON document')
    .addOption(dnsOption())
    .addHelpText(
      'after',
      '\nExample: docker exec screenpass screenpass doctor' +
        '\nExit codes: 0 nothing failed (there may be warnings), 1 a check failed, 3 the Engine did not answer.',
    )
    .action(async ({ json, dns }: Options) => {
      const config = configured();
      const options = { json: json === true, dnsServers: dns ?? config.dnsServers };
      done(await doctor(config, catalogueData.generated, options));
    });

  root
    .command('probe')
    .description('which watched senders postscreen would refuse now, by a sample of their addresses')
    .argument('[sender]', 'sender id; all that are watched, if left out')
    .option('--json', 'one JSON document')
    .addOption(dnsOption())
    .addHelpText(
      'after',
      '\nExample: docker exec screenpass screenpass probe amazon-ses' +
        '\nExit codes: 0 none, 1 one would be refused, 3 Engine or DNS gave no answer that was needed.',
    )
    .action(async (sender: string | undefined, { json, dns }: Options) => {
      const config = configured();
      done(await probe(config, sender, { json: json === true, dnsServers: dns ?? config.dnsServers }));
    });

  addEntryCommands(root, done);
  return root;
}

/** The commands that look at the entries of the running daemon, and change them. */
function addEntryCommands(root: Command, done: (code: ExitCode) => void): void {
  root
    .command('status')
    .description('how the running daemon stands; exit code 1 when it does not do what it is for')
    .option('--json', 'one JSON document')
    .action(async ({ json }: Options) => done(await status(configured(), json === true)));

  root
    .command('health')
    .description('exit code 0 when all is well, else 1: for HEALTHCHECK')
    .action(async () => done(await health(configured())));

  root
    .command('list')
    .description('the entries, each with its networks and why it is there')
    .option('--json', 'one JSON document, with the networks')
    .action(async ({ json }: Options) => done(await list(configured(), json === true)));

  root
    .command('allow')
    .description('allow a watched sender, or a network, without a refusal')
    .argument('<target>', 'sender id or CIDR')
    .option('--ttl <duration>', 'for so long: 30m, 24h, 7d; else until it is revoked', readDuration)
    .option('--reason <text>', 'why, for `screenpass list`')
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      '\nExample: screenpass allow 185.199.108.0/22 --ttl 7d --reason "migration of a partner"',
    )
    .action(async (target: string, { ttl, reason, json }: Options & { ttl?: number; reason?: string }) => {
      const options = { ttlMs: ttl ?? null, reason: reason ?? null, json: json === true };
      done(await allow(configured(), target, options));
    });

  root
    .command('revoke')
    .description('take an entry away')
    .argument('<target>', 'sender id or CIDR')
    .option('--json', 'one JSON document')
    .action(async (target: string, { json }: Options) =>
      done(await revoke(configured(), target, json === true)),
    );
}

function readDuration(text: string): number {
  const read = duration(text);
  if (!read.ok) throw new InvalidArgumentError(read.problem);
  return read.value;
}

interface Options {
  readonly json?: true;
  readonly dns?: readonly string[];
}

function dnsOption(): Option {
  return new Option('--dns <servers>', 'DNS servers to ask instead of SCREENPASS_DNS').argParser((text) => {
    const servers = parseServers(text);
    if (!servers.ok) throw new InvalidArgumentError(servers.problem);
    return servers.value;
  });
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function collectAddresses(text: string, before: Address[]): Address[] {
  return [...before, readAddress(text)];
}

function readAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined)
    throw new InvalidArgumentError('Expected an address such as 54.240.27.75 or 2001:db8::1.');
  return address;
}

function settingsHelp(): string {
  const lines = Object.entries(SETTINGS).map(
    ([name, { default: value, help }]) =>
      `  ${name}\n      ${help}${value === null ? '' : ` (default ${value})`}`,
  );
  return `\nSettings (environment; each also from a file named in NAME__FILE):\n${lines.join('\n')}`;
}

/** Several problems, told at once. */
export class WrongSettings extends Error {}

/** Reads the settings. Throws what is wrong with them, together with the problems that are known before. */
function configured(problems: readonly string[] = []): Config {
  const catalogue = readCatalogue(catalogueData);
  const readFile = (path: string) => readFileSync(path, 'utf8');
  const read = readConfig(process.env, { catalogue, readFile, cronInterval });
  const wrong = [...problems, ...(read.ok ? [] : read.problems)];
  if (!read.ok || wrong.length > 0) throw new WrongSettings(wrong.join('\n'));
  return read.config;
}

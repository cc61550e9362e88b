#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { check } from './commands/check.ts';
import { parse } from './commands/parse.ts';
import { refresh } from './commands/refresh.ts';
import { run } from './commands/run.ts';
import { senders } from './commands/senders.ts';
import { type SpfArguments, spf } from './commands/spf.ts';
import { type Config, readConfig, SETTINGS } from './config.ts';
import { parseServers } from './core/dns-servers.ts';
import { type Address, parseAddress } from './core/network.ts';
import { cronInterval } from './edge/clock.ts';
import { FileError } from './ports.ts';
import { readCatalogue } from './schema.ts';
import catalogueData from './senders/catalogue.json' with { type: 'json' };

/** 0 done, 1 found a problem or not allowed, 2 wrong usage or configuration, 3 the world failed. */
type ExitCode = 0 | 1 | 2 | 3;

const EXIT_CODES = `
Exit codes: 0 done, 1 found a problem or not allowed, 2 wrong usage or settings, 3 Engine, file or DNS failed.`;

function program(done: (code: ExitCode) => void): Command {
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
    .command('refresh')
    .description('have the running daemon ask the senders for their networks now')
    .option('--accept <id...>', 'take the change of this sender, however large')
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nExample: docker exec screenpass screenpass refresh --accept zoho')
    .action(async ({ accept = [], json }: Options & { accept?: string[] }) => {
      done(await refresh(configured(), accept, json === true));
    });

  return root;
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
class WrongSettings extends Error {}

function configured(): Config {
  const catalogue = readCatalogue(catalogueData);
  const readFile = (path: string) => readFileSync(path, 'utf8');
  const read = readConfig(process.env, { catalogue, readFile, cronInterval });
  if (!read.ok) throw new WrongSettings(read.problems.join('\n'));
  return read.config;
}

function explain(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof WrongSettings) {
    process.stderr.write(`screenpass: these settings are wrong:\n${error.message.replace(/^/gm, '  ')}\n`);
    return 2;
  }
  const { code, message } = error as NodeJS.ErrnoException;
  if (!(error instanceof FileError) && code === undefined) throw error;
  process.stderr.write(`screenpass: ${message}\n`);
  return 3;
}

// A reader that has seen enough, such as head(1), is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  await program((code) => {
    process.exitCode = code;
  }).parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { check } from './commands/check.ts';
import { parse } from './commands/parse.ts';
import { run } from './commands/run.ts';
import { type CatalogueEntry, type Config, readConfig, SETTINGS } from './config.ts';
import { type Address, parseAddress } from './core/network.ts';
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
      await run(configured(readCatalogue(catalogueData)), manifest.version);
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
    .description('whose addresses these are, and what policy would do about a refusal')
    .argument('<address...>', 'IPv4 or IPv6 addresses', collectAddresses, [])
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nExample: screenpass check 54.240.27.75 --json')
    .action(async (addresses: Address[], options: { json?: true }) => {
      const catalogue = readCatalogue(catalogueData);
      done((await check(configured(catalogue), catalogue, addresses, options.json === true)) as ExitCode);
    });

  return root;
}

function collectAddresses(text: string, before: Address[]): Address[] {
  const address = parseAddress(text);
  if (address === undefined)
    throw new InvalidArgumentError('Expected an address such as 54.240.27.75 or 2001:db8::1.');
  return [...before, address];
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

function configured(catalogue: readonly CatalogueEntry[]): Config {
  const read = readConfig(process.env, catalogue, (path) => readFileSync(path, 'utf8'));
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

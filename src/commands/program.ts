import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { type Config, readConfig } from '../config.ts';
import { parseServers } from '../core/dns-servers.ts';
import { type Address, parseAddress } from '../core/network.ts';
import { type GivenSettings, readOtherSettings } from '../core/other-settings.ts';
import { safeLines } from '../core/safe-text.ts';
import { duration } from '../core/values.ts';
import { cronInterval } from '../edge/clock.ts';
import { readSettingsFile } from '../edge/settings-file.ts';
import { readCatalogue } from '../schema.ts';
import catalogueData from '../senders/catalogue.json' with { type: 'json' };
import { check } from './check.ts';
import { doctor } from './doctor.ts';
import { allow, list, revoke } from './entries.ts';
import { type CommandName, HELP, settingsHelp, usageHelp } from './help.ts';
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
    .configureOutput({
      outputError: (text, write) => write(safeLines(text.replace(/^error: /, 'screenpass: '))),
    })
    .exitOverride();
  const commands = createCommands(root);

  commands.run
    .addHelpText('after', settingsHelp())
    // A command that does not exist is taken for an argument of the default one.
    .allowExcessArguments()
    .action(async (_options: unknown, { args: [unknown] }: Command) => {
      if (unknown !== undefined)
        root.error(`screenpass: unknown command '${unknown}'\nscreenpass --help lists the commands`);
      await run(configured(), manifest.version);
      done(0);
    });

  commands.parse
    .argument('[file]', 'log file, also gzip; - for stdin', '-')
    .option('--json', 'one JSON object a line')
    .action(async (file: string, options: { json?: true }) => {
      done(await parse(file, options.json === true));
    });

  commands.replay
    .argument('[file]', 'log file, also gzip; - for stdin', '-')
    .option('--dnsbl-threshold <number>', 'what if postscreen_dnsbl_threshold had been this')
    .option('--dnsbl-sites <list>', "what if postscreen_dnsbl_sites had been this, in Postfix's syntax")
    .option('--without-dnsbl <zone>', 'what if this zone had not been asked; can be repeated', collect)
    .option('--pregreet <action>', 'what if postscreen_greet_action had been this: ignore')
    .option('--json', 'one JSON document')
    .action(async (file: string, { json, ...given }: Options & GivenSettings) => {
      const read = readOtherSettings(given);
      const config = configured(read.ok ? [] : read.problems);
      const otherSettings = read.ok ? read.settings : null;
      done(await replay(config, file, { json: json === true, otherSettings }));
    });

  commands.check
    .argument('<address...>', 'IPv4 or IPv6 addresses', collectAddresses)
    .option('--json', 'one JSON document')
    .addOption(dnsOption())
    .action(async (addresses: readonly Address[], { json, dns }: Options) => {
      const config = configured();
      done(await check(config, addresses, { json: json === true, dnsServers: dns ?? config.dnsServers }));
    });

  commands.spf
    .requiredOption('--ip <address>', 'address of the client', readAddress)
    .requiredOption('--sender <address>', "MAIL FROM; '' for the null sender")
    .requiredOption('--helo <name>', 'HELO of the client')
    .option('--json', 'one JSON document')
    .addOption(dnsOption())
    .action(async ({ ip, sender, helo, json, dns }: Options & SpfArguments) => {
      const dnsServers = dns ?? configured().dnsServers;
      done(await spf({ ip, sender, helo }, { json: json === true, dnsServers }));
    });

  commands.senders
    .option('--json', 'one JSON document, with the networks')
    .action(async ({ json }: Options) => {
      await senders(configured(), json === true);
      done(0);
    });

  commands.import
    .argument('<file>', "Postfix's CIDR table, or a list of networks; - for stdin")
    .option('--json', 'one JSON document')
    .action(async (file: string, { json }: Options) => {
      done(await importList(configured(), file, json === true));
    });

  commands.refresh
    .option('--accept <id...>', 'take the change of this sender, however large')
    .option('--json', 'one JSON document')
    .action(async ({ accept = [], json }: Options & { accept?: string[] }) => {
      done(await refresh(configured(), accept, json === true));
    });

  commands.doctor
    .option('--json', 'one JSON document')
    .addOption(dnsOption())
    .action(async ({ json, dns }: Options) => {
      const config = configured();
      const options = { json: json === true, dnsServers: dns ?? config.dnsServers };
      done(await doctor(config, catalogueData.generated, options));
    });

  commands.probe
    .argument('[sender]', 'sender id; all that are watched, if left out')
    .option('--json', 'one JSON document')
    .addOption(dnsOption())
    .action(async (sender: string | undefined, { json, dns }: Options) => {
      const config = configured();
      done(await probe(config, sender, { json: json === true, dnsServers: dns ?? config.dnsServers }));
    });

  addEntryCommands(commands, done);
  return root;
}

type Commands = Readonly<Record<CommandName, Command>>;

/** All commands with what their help says, without options yet. */
function createCommands(root: Command): Commands {
  const made = Object.entries(HELP).map(([name, help]) => {
    const command = root
      .command(name, { isDefault: name === 'run' })
      .summary(help.does)
      .description(`${help.does}\n\n${help.prints}`)
      .addHelpText('after', usageHelp(help))
      .showHelpAfterError(`screenpass ${name} --help has an example`);
    return [name, command];
  });
  return Object.fromEntries(made);
}

/** The commands that look at the entries of the running daemon, and change them. */
function addEntryCommands(commands: Commands, done: (code: ExitCode) => void): void {
  commands.status
    .option('--json', 'one JSON document')
    .action(async ({ json }: Options) => done(await status(configured(), json === true)));

  commands.health.action(async () => done(await health(configured())));

  commands.list
    .option('--json', 'one JSON document, with the networks')
    .action(async ({ json }: Options) => done(await list(configured(), json === true)));

  commands.allow
    .argument('<target>', 'sender id or CIDR')
    .option('--ttl <duration>', 'for so long: 30m, 24h, 7d; else until it is revoked', readDuration)
    .option('--reason <text>', 'why, for `screenpass list`')
    .option('--json', 'one JSON document')
    .action(async (target: string, { ttl, reason, json }: Options & { ttl?: number; reason?: string }) => {
      const options = { ttlMs: ttl ?? null, reason: reason ?? null, json: json === true };
      done(await allow(configured(), target, options));
    });

  commands.revoke
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

function collectAddresses(text: string, before: readonly Address[] = []): readonly Address[] {
  return [...before, readAddress(text)];
}

function readAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined)
    throw new InvalidArgumentError('Expected an address such as 54.240.27.75 or 2001:db8::1.');
  return address;
}

/** Several problems, told at once. */
export class WrongSettings extends Error {}

/** Reads the settings. Throws what is wrong with them, together with the problems that are known before. */
function configured(problems: readonly string[] = []): Config {
  const catalogue = readCatalogue(catalogueData);
  const read = readConfig(process.env, { catalogue, readFile: readSettingsFile, cronInterval });
  const wrong = [...problems, ...(read.ok ? [] : read.problems)];
  if (!read.ok || wrong.length > 0) throw new WrongSettings(wrong.join('\n'));
  return read.config;
}

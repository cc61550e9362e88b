import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { type Config, type Outside, readConfig } from '../config/settings.ts';
import { lifetime } from '../config/values.ts';
import { safeLines } from '../core/base/safe-text.ts';
import { didYouMean } from '../core/base/suggest.ts';
import { parseServers } from '../core/dns/dns-servers.ts';
import { type Address, parseAddress, parseNetwork } from '../core/net/network.ts';
import { forbiddenNetwork, unwatched } from '../core/policy/manual-entry.ts';
import { type GivenSettings, readOtherSettings } from '../core/replay/other-settings.ts';
import { cronInterval } from '../edge/clock.ts';
import { readSettingsFile } from '../edge/settings-file.ts';
import catalogueData from '../senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../senders/catalogue-schema.ts';
import { check } from './check.ts';
import { doctor } from './doctor.ts';
import { allow, list, revoke } from './entries.ts';
import { type CommandName, HELP, settingsHelp, usageHelp } from './help.ts';
import { importList } from './import.ts';
import { complain } from './output.ts';
import { parse } from './parse.ts';
import { probe } from './probe.ts';
import { refresh } from './refresh.ts';
import { replay } from './replay.ts';
import { run } from './run.ts';
import { senders } from './senders.ts';
import { type SpfArguments, spf } from './spf.ts';
import { health, status } from './status.ts';
import { usageProblems } from './usage.ts';

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
        root.error(
          `screenpass: unknown command '${unknown}'${didYouMean(unknown, Object.keys(HELP))}\nscreenpass --help lists the commands`,
        );
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
    .option(
      '--dnsbl-threshold <number>',
      'what if postscreen_dnsbl_threshold had been this',
      otherSetting('dnsblThreshold'),
    )
    .option(
      '--dnsbl-sites <list>',
      "what if postscreen_dnsbl_sites had been this, in Postfix's syntax",
      otherSetting('dnsblSites'),
    )
    .option('--without-dnsbl <zone>', 'what if this zone had not been asked; can be repeated', collectZones)
    .option(
      '--pregreet <action>',
      'what if postscreen_greet_action had been this: ignore',
      otherSetting('pregreet'),
    )
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
    .option('--accept <id...>', 'take the change of this sender, however large', collectSenders)
    .option('--json', 'one JSON document')
    .action(async ({ accept = [], json }: Options & { accept?: readonly string[] }) => {
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
    .argument('[sender]', 'sender id; all that are watched, if left out', readSender)
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
      .configureOutput({ outputError: () => {} })
      .exitOverride((error) => {
        if (error.exitCode !== 0) complainOf(command, error.message);
        throw error;
      });
    return [name, command];
  });
  return Object.fromEntries(made);
}

/** Names all that is wrong with the arguments, and with the settings; `first` is what Commander stopped at. */
function complainOf(command: Command, first: string): void {
  const given = process.argv.slice(2);
  const problems = usageProblems(command, given[0] === command.name() ? given.slice(1) : given);
  const settings = readConfig(process.env, outside());
  const all = [
    ...(problems.length > 0 ? problems : [first.replace(/^error: /, '')]),
    ...(settings.ok ? [] : settings.problems),
  ];
  const text = all.length === 1 ? all[0] : `this is wrong:\n${all.map((one) => `  ${one}`).join('\n')}`;
  complain(`${text}\nscreenpass ${command.name()} --help has an example`);
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
    .argument('<target>', 'sender id or CIDR', readAllowed)
    .option('--ttl <duration>', 'for so long: 30m, 24h, 7d; else until it is revoked', readDuration)
    .option('--reason <text>', 'why, for `screenpass list`')
    .option('--json', 'one JSON document')
    .action(async (target: string, { ttl, reason, json }: Options & { ttl?: number; reason?: string }) => {
      const options = { ttlMs: ttl ?? null, reason: reason ?? null, json: json === true };
      done(await allow(configured(), target, options));
    });

  commands.revoke
    .argument('<target>', 'sender id or CIDR', readTarget)
    .option('--json', 'one JSON document')
    .action(async (target: string, { json }: Options) =>
      done(await revoke(configured(), target, json === true)),
    );
}

function readDuration(text: string): number {
  const read = lifetime(text);
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

function collectZones(text: string, before: readonly string[] = []): readonly string[] {
  refuseWrong({ withoutDnsbl: [text] });
  return [...before, text];
}

function collectAddresses(text: string, before: readonly Address[] = []): readonly Address[] {
  return [...before, readAddress(text)];
}

function readAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined)
    throw new InvalidArgumentError(
      `"${text}" is not an address: expected one such as 54.240.27.75 or 2001:db8::1`,
    );
  return address;
}

function otherSetting(name: 'dnsblThreshold' | 'dnsblSites' | 'pregreet') {
  return (text: string): string => {
    refuseWrong({ [name]: text });
    return text;
  };
}

function refuseWrong(given: GivenSettings): void {
  const read = readOtherSettings(given);
  if (!read.ok) throw new InvalidArgumentError(read.problems.map(withoutOption).join('\n'));
}

/** The option is named by whoever reports the problem. */
function withoutOption(problem: string): string {
  return problem.replace(/^--[\w-]+: /, '');
}

/** An id of the catalogue or of the senders file. Which are watched, the daemon knows. */
function readSender(text: string): string {
  const read = readConfig(process.env, outside());
  const known = read.ok ? read.config.catalogue.map(({ id }) => id) : [];
  if (read.ok && !known.includes(text))
    throw new InvalidArgumentError(unwatched(text, { watched: [], known }));
  return text;
}

function collectSenders(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, readSender(text)];
}

function readTarget(text: string): string {
  if (!/[/.:]/.test(text)) return readSender(text);
  const read = parseNetwork(text);
  if (!read.ok) throw new InvalidArgumentError(read.problem);
  return text;
}

function readAllowed(text: string): string {
  const read = parseNetwork(readTarget(text));
  const forbidden = read.ok ? forbiddenNetwork(read.value) : null;
  if (forbidden !== null) throw new InvalidArgumentError(forbidden);
  return text;
}

function outside(): Outside {
  return { catalogue: readCatalogue(catalogueData), readFile: readSettingsFile, cronInterval };
}

/** Several problems, told at once. */
export class WrongSettings extends Error {}

/** Reads the settings. Throws what is wrong with them, together with the problems that are known before. */
function configured(problems: readonly string[] = []): Config {
  const read = readConfig(process.env, outside());
  const wrong = [...problems, ...(read.ok ? [] : read.problems)];
  if (!read.ok || wrong.length > 0) throw new WrongSettings(wrong.join('\n'));
  return read.config;
}

// The command line: each command with its options, and what it runs. What --help says is in help.ts.
import { Command, CommanderError } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { readConfig } from '../config/settings.ts';
import { safeLines } from '../core/base/safe-text.ts';
import { didYouMean } from '../core/base/suggest.ts';
import type { Address } from '../core/net/network.ts';
import { type GivenSettings, readOtherSettings } from '../core/replay/other-settings.ts';
import catalogueData from '../senders/catalogue.json' with { type: 'json' };
import {
  collectAddresses,
  collectSenders,
  collectZones,
  configured,
  dnsOption,
  otherSetting,
  outside,
  readAddress,
  readAllowed,
  readDuration,
  readSender,
  readTarget,
} from './arguments.ts';
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

/** 0 done, 1 found a problem or not allowed, 2 wrong usage or settings, 3 Engine, file or DNS failed. */
export type ExitCode = 0 | 1 | 2 | 3;

const EXIT_CODES = `
Exit codes: 0 done, 1 found a problem or not allowed,
  2 wrong usage or settings, 3 Engine, file or DNS failed.`;

type Done = (code: ExitCode) => void;
type Commands = Readonly<Record<CommandName, Command>>;

interface Options {
  readonly json?: true;
  readonly dns?: readonly string[];
}

/** The command line; `done` takes the exit code. */
export function program(done: Done): Command {
  const root = new Command('screenpass')
    .description(manifest.description)
    .version(manifest.version)
    .addHelpText('after', EXIT_CODES)
    .configureOutput({
      outputError: (text, write) => write(safeLines(text.replace(/^error: /, 'screenpass: '))),
    })
    .exitOverride();
  const commands = createCommands(root);

  addRun(root, commands, done);
  addLogCommands(commands, done);
  addSenderCommands(commands, done);
  addDiagnosis(commands, done);
  addEntryCommands(commands, done);
  return root;
}

function addRun(root: Command, commands: Commands, done: Done): void {
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
}

/** The commands that read a file. */
function addLogCommands(commands: Commands, done: Done): void {
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

  commands.import
    .argument('<file>', "Postfix's CIDR table, or a list of networks; - for stdin")
    .option('--json', 'one JSON document')
    .action(async (file: string, { json }: Options) => {
      done(await importList(configured(), file, json === true));
    });
}

/** The commands about addresses and senders. */
function addSenderCommands(commands: Commands, done: Done): void {
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

  commands.refresh
    .option('--accept <id...>', 'take the change of this sender, however large', collectSenders)
    .option('--json', 'one JSON document')
    .action(async ({ accept = [], json }: Options & { accept?: readonly string[] }) => {
      done(await refresh(configured(), accept, json === true));
    });
}

/** The commands that check the installation. */
function addDiagnosis(commands: Commands, done: Done): void {
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
}

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

/** The commands that ask the running daemon, and change its entries. */
function addEntryCommands(commands: Commands, done: Done): void {
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

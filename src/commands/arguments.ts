// Reads the values of the command line and the settings, and refuses wrong ones. The commands are in program.ts.
import { InvalidArgumentError, Option } from 'commander';
import { type Config, type Outside, readConfig } from '../config/settings.ts';
import { lifetime } from '../config/values.ts';
import { parseServers } from '../core/dns/dns-servers.ts';
import { type Address, parseAddress, parseNetwork } from '../core/net/network.ts';
import { forbiddenNetwork, unwatched } from '../core/policy/manual-entry.ts';
import { type GivenSettings, readOtherSettings } from '../core/replay/other-settings.ts';
import { cronInterval } from '../edge/clock.ts';
import { readSettingsFile } from '../edge/settings-file.ts';
import catalogueData from '../senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../senders/catalogue-schema.ts';

export function readDuration(text: string): number {
  const read = lifetime(text);
  if (!read.ok) throw new InvalidArgumentError(read.problem);
  return read.value;
}

export function dnsOption(): Option {
  return new Option('--dns <servers>', 'DNS servers to ask instead of SCREENPASS_DNS').argParser((text) => {
    const servers = parseServers(text);
    if (!servers.ok) throw new InvalidArgumentError(servers.problem);
    return servers.value;
  });
}

export function collectZones(text: string, before: readonly string[] = []): readonly string[] {
  refuseWrong({ withoutDnsbl: [text] });
  return [...before, text];
}

export function collectAddresses(text: string, before: readonly Address[] = []): readonly Address[] {
  return [...before, readAddress(text)];
}

export function readAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined)
    throw new InvalidArgumentError(
      `"${text}" is not an address: expected one such as 54.240.27.75 or 2001:db8::1`,
    );
  return address;
}

export function otherSetting(name: 'dnsblThreshold' | 'dnsblSites' | 'pregreet') {
  return (text: string): string => {
    refuseWrong({ [name]: text });
    return text;
  };
}

function refuseWrong(given: GivenSettings): void {
  const read = readOtherSettings(given);
  if (!read.ok) throw new InvalidArgumentError(read.problems.map(withoutOption).join('\n'));
}

/** Commander, or usage.ts, names the option. */
function withoutOption(problem: string): string {
  return problem.replace(/^--[\w-]+: /, '');
}

/** An id of the catalogue or of the senders file; only the daemon knows which are watched. */
export function readSender(text: string): string {
  const read = readConfig(process.env, outside());
  const known = read.ok ? read.config.catalogue.map(({ id }) => id) : [];
  if (read.ok && !known.includes(text))
    throw new InvalidArgumentError(unwatched(text, { watched: [], known }));
  return text;
}

export function collectSenders(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, readSender(text)];
}

export function readTarget(text: string): string {
  if (!/[/.:]/.test(text)) return readSender(text);
  const read = parseNetwork(text);
  if (!read.ok) throw new InvalidArgumentError(read.problem);
  return text;
}

export function readAllowed(text: string): string {
  const read = parseNetwork(readTarget(text));
  const forbidden = read.ok ? forbiddenNetwork(read.value) : null;
  if (forbidden !== null) throw new InvalidArgumentError(forbidden);
  return text;
}

/** What the settings are read against. */
export function outside(): Outside {
  return { catalogue: readCatalogue(catalogueData), readFile: readSettingsFile, cronInterval };
}

/** All problems of the settings at once. */
export class WrongSettings extends Error {}

/** Reads the settings. Throws WrongSettings with their problems and the given ones. */
export function configured(problems: readonly string[] = []): Config {
  const read = readConfig(process.env, outside());
  const wrong = [...problems, ...(read.ok ? [] : read.problems)];
  if (!read.ok || wrong.length > 0) throw new WrongSettings(wrong.join('\n'));
  return read.config;
}

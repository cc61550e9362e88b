// `npm run catalogue`: for maintainers. Asks the senders of the catalogue for their networks and writes them into it.
// Exits 0 when all answered, 1 when one is not trusted, 2 if called wrongly or the file is no catalogue, 3 when
// one did not answer or the file cannot be used.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ok, problem, type Result } from './core/base/result.ts';
import { parseServers } from './core/dns/dns-servers.ts';
import type { Resolver } from './core/dns/resolver.ts';
import { type Answers, summarise } from './core/senders/list-judgement.ts';
import type { SenderDefinition } from './core/senders/sender.ts';
import { expandDomain } from './core/spf/spf-expand.ts';
import { createResolver } from './edge/dns.ts';
import { createWholeFile } from './edge/file.ts';
import { FileError } from './ports.ts';
import { readCatalogue } from './senders/catalogue-schema.ts';
import { renew, tellRenewal } from './senders/renewal.ts';

/** Seen from the bundle, which is in dist. */
const CATALOGUE = fileURLToPath(new URL('../src/senders/catalogue.json', import.meta.url));

const USAGE = 'npm run catalogue -- [--dns SERVERS] [--dry-run] [--file PATH] [--accept ID...]';

interface Options {
  /** Empty: the system's. */
  readonly servers: readonly string[];
  readonly dryRun: boolean;
  readonly path: string;
  readonly accept: ReadonlySet<string>;
}

async function main(args: readonly string[]): Promise<0 | 1 | 2 | 3> {
  const options = readOptions(args);
  if (!options.ok) return complain(2, `${options.problem}\nusage: ${USAGE}`);
  const { servers, dryRun, path, accept } = options.value;
  try {
    const file = createWholeFile(path);
    const text = await file.read();
    if (text === undefined) return complain(3, `there is no ${path}`);
    const catalogue = readText(text);
    if (!catalogue.ok) return complain(2, `${path} is not a catalogue: ${catalogue.problem}`);
    const senders = catalogue.value.filter(({ spf }) => spf.length > 0);
    const strange = [...accept].filter((id) => !senders.some((sender) => sender.id === id));
    if (strange.length > 0) return complain(2, `no sender that can be asked is called ${strange.join(', ')}`);

    const renewal = renew(text, await askAll(senders, createResolver({ servers })), Date.now(), accept);
    if (!dryRun && renewal.text !== text) await file.write(renewal.text);
    process.stdout.write(tellRenewal(renewal.judged));
    const { failed, suspicious } = summarise(renewal.judged);
    return failed.length > 0 ? 3 : suspicious.length > 0 ? 1 : 0;
  } catch (error) {
    if (error instanceof FileError) return complain(3, error.message);
    throw error;
  }
}

function complain<Code extends 2 | 3>(code: Code, problem: string): Code {
  process.stderr.write(`catalogue: ${problem}\n`);
  return code;
}

function readOptions(args: readonly string[]): Result<Options> {
  const options = {
    dns: { type: 'string' },
    'dry-run': { type: 'boolean' },
    file: { type: 'string' },
    accept: { type: 'string', multiple: true },
  } as const;
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const { dns, 'dry-run': dryRun = false, file: path = CATALOGUE, accept = [] } = values;
    // There are no other arguments than the ids behind the first one.
    if (accept.length === 0 && positionals.length > 0) return problem(`what is "${positionals.join(' ')}"?`);
    const servers = dns === undefined ? ok([]) : parseServers(dns);
    if (!servers.ok) return servers;
    return ok({ servers: servers.value, dryRun, path, accept: new Set([...accept, ...positionals]) });
  } catch (error) {
    return problem((error as Error).message);
  }
}

function readText(text: string): Result<readonly SenderDefinition[]> {
  try {
    return ok(readCatalogue(JSON.parse(text)));
  } catch (error) {
    return problem((error as Error).message);
  }
}

function askAll(senders: readonly SenderDefinition[], resolver: Resolver): Promise<readonly Answers[]> {
  return Promise.all(
    senders.map(async (sender) => {
      const expansions = await Promise.all(sender.spf.map((domain) => expandDomain(domain, resolver)));
      return { sender, expansions, identities: new Map() };
    }),
  );
}

process.exitCode = await main(process.argv.slice(2));

/** The commands that doctor runs in the mail container, and what it makes of a look that failed. */

import type { Config } from '../config/settings.ts';
import { type EngineFacts, runningContainer } from '../core/doctor/engine-checks.ts';
import { type Fact, known, skipped } from '../core/doctor/finding.ts';
import { isShared, type Marks } from '../core/doctor/table-checks.ts';
import type { MailContainer } from '../core/engine/mail-container.ts';
import { type ListCheck, sampleOpened } from '../core/postscreen/list-fault.ts';
import { namesakes, type PostfixConfiguration } from '../core/postscreen/wiring.ts';
import { blockSenders } from '../core/table/managed-block.ts';
import { type Engine, EngineError, FileError, type FileLook } from '../ports.ts';
import { checkLists } from '../postfix/ask-access.ts';
import { type Postfix, postfixIn } from '../postfix/postfix-commands.ts';

const COMMAND_MS = 10_000;
/** So many opened networks are asked about: some seconds. */
const SAMPLES = 24;
/** The running daemon may replace the table between two looks. */
const LOOKS = 3;
export const NO_COMMANDS = 'no command can be run in the mail container';

/** What the command prints. Rejects with EngineError, also when it exits with another code than 0. */
export async function run(engine: Engine, { id }: MailContainer, argv: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await engine.exec(id, argv, COMMAND_MS);
  if (exitCode !== 0) throw new EngineError('failed', `${argv.join(' ')}: ${(stderr || stdout).trim()}`);
  return stdout.trim();
}

/** What commands in the mail container tell; skipped when none can be run. */
export type Ask = <T>(work: (postfix: Postfix, command: Command) => Promise<T>) => Promise<Fact<T>>;
type Command = (...argv: string[]) => Promise<string>;

export function asking({ inspection, user }: EngineFacts, engine: Engine): Ask {
  const container = runningContainer(inspection);
  return async (work) => {
    if (user.kind === 'skipped') return user;
    if (user.kind === 'failed' || container === null) return skipped(NO_COMMANDS);
    return factOf(() => work(postfixIn(engine, container.id), (...argv) => run(engine, container, argv)));
  };
}

/** A path in the access list that has the table's name, and is the table. */
export async function findElsewhere(
  { table, tableInContainer }: Config,
  files: FileLook,
  ask: Ask,
  configuration: Fact<PostfixConfiguration>,
): Promise<string | null> {
  if (configuration.kind !== 'known') return null;
  for (const path of namesakes(configuration.value, tableInContainer)) {
    const marks = await ask((_, command) => compareWith(files, table, path, command));
    if (isShared(marks)) return path;
  }
  return null;
}

export async function lookAtList(
  { tableInContainer }: Config,
  ask: Ask,
  configuration: Fact<PostfixConfiguration>,
  block: string,
): Promise<Fact<ListCheck>> {
  if (configuration.kind === 'failed') return skipped("Postfix's configuration cannot be read");
  if (configuration.kind === 'skipped') return configuration;
  const { value } = configuration;
  const opened = blockSenders(block);
  return ask((postfix) =>
    checkLists(postfix, value, tableInContainer, opened, sampleOpened(opened, SAMPLES, 0)),
  );
}

export function compareWith(
  files: FileLook,
  path: string,
  inContainer: string,
  command: Command,
): Promise<Marks> {
  return compare(files, path, () => command('stat', '-L', '-c', '%i %s %Y', inContainer));
}

async function compare(files: FileLook, path: string, there: () => Promise<string>): Promise<Marks> {
  for (let look = 1; ; look += 1) {
    const before = (await files.marks(path)) ?? null;
    const seen = await there();
    const after = (await files.marks(path)) ?? null;
    if (before === after || look === LOOKS) return { here: after, there: seen };
  }
}

/** What the Engine and the file system say no to is a fact as well. */
export async function factOf<T>(look: () => Promise<T>): Promise<Fact<T>> {
  try {
    return known(await look());
  } catch (error) {
    if (error instanceof EngineError) return { kind: 'failed', reason: error.message, error: error.kind };
    if (error instanceof FileError) return { kind: 'failed', reason: error.message, error: null };
    throw error;
  }
}

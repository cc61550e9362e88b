/** The commands that doctor runs in the mail container, and how it records what failed. It judges nothing. */

import type { Config } from '../config/settings.ts';
import { known, type Observed, skipped } from '../core/doctor/check-result.ts';
import { type EngineFacts, runningContainer } from '../core/doctor/engine-checks.ts';
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

/** What commands in the mail container print; skipped when none can be run. */
export type Ask = <T>(work: (postfix: Postfix, command: Command) => Promise<T>) => Promise<Observed<T>>;
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
  configuration: Observed<PostfixConfiguration>,
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
  configuration: Observed<PostfixConfiguration>,
  block: string,
): Promise<Observed<ListCheck>> {
  if (configuration.kind === 'failed') return skipped("Postfix's configuration cannot be read");
  if (configuration.kind === 'skipped') return configuration;
  const { value } = configuration;
  const opened = blockSenders(block);
  return ask((postfix) =>
    checkLists(postfix, value, tableInContainer, opened, sampleOpened(opened, SAMPLES, 0)),
  );
}

/** Looks at both until the file here did not change in between, so that the marks are of the same moment. */
export async function compareWith(
  files: FileLook,
  path: string,
  inContainer: string,
  command: Command,
): Promise<Marks> {
  for (let look = 1; ; look += 1) {
    const before = (await files.marks(path)) ?? null;
    const there = await command('stat', '-L', '-c', '%i %s %Y', inContainer);
    const here = (await files.marks(path)) ?? null;
    if (before === here || look === LOOKS) return { here, there };
  }
}

/** A refusal of the Engine or of the file system is an observation as well. */
export async function factOf<T>(look: () => Promise<T>): Promise<Observed<T>> {
  try {
    return known(await look());
  } catch (error) {
    if (error instanceof EngineError) return { kind: 'failed', reason: error.message, error: error.kind };
    if (error instanceof FileError) return { kind: 'failed', reason: error.message, error: null };
    throw error;
  }
}

import { checkLists } from './ask-access.ts';
import type { Config } from './config.ts';
import { blockNetworks, blockSenders, splitTable } from './core/allowlist.ts';
import { type Facts, judgeAll } from './core/doctor.ts';
import { type EngineFacts, execCalls, type LogSample, runningContainer } from './core/doctor-engine.ts';
import { type PostfixFacts, SCREENING } from './core/doctor-postfix.ts';
import type { SelfFacts } from './core/doctor-self.ts';
import { isShared, type Marks, type TableFacts } from './core/doctor-table.ts';
import { type Fact, type Finding, known, skipped } from './core/finding.ts';
import type { SenderKnowledge } from './core/knowledge.ts';
import { type ListCheck, sampleOpened } from './core/list-fault.ts';
import { isLiveLine } from './core/log-line.ts';
import { parseEvent } from './core/postfix-event.ts';
import { namesakes, type PostfixConfiguration } from './core/wiring.ts';
import {
  type ControlReply,
  type DiagnosticEngine,
  type Engine,
  EngineError,
  FileError,
  type FileLook,
  type LogLine,
  type MailContainer,
  type Resolver,
  type TableFile,
  type WholeFile,
} from './ports.ts';
import { readState } from './schema.ts';
import { type Postfix, postfixIn } from './writer/postfix.ts';

/** So much of the log is read to see who connects. */
const LOG_LINES = 5_000;
const COMMAND_MS = 10_000;
/** So many senders' domains are asked for. */
const DOMAINS = 3;
/** So many opened networks are asked about: some seconds. */
const SAMPLES = 24;
/** The running daemon may replace the table between two looks. */
const LOOKS = 3;

/** The world as doctor looks at it. Nothing in it is changed. */
export interface DoctorPorts {
  readonly engine: DiagnosticEngine;
  readonly resolver: Resolver;
  readonly table: Pick<TableFile, 'read'>;
  readonly state: Pick<WholeFile, 'read'>;
  readonly files: FileLook;
  /** Rejects with FileError when no daemon answers. */
  askDaemon(): Promise<ControlReply>;
  now(): number;
}

export interface DoctorOptions {
  readonly config: Config;
  readonly dnsServers: readonly string[];
  /** ISO date of the bundled catalogue. */
  readonly catalogue: string;
  readonly stateFile: string;
}

/** Looks at the whole installation, from the outside in, and judges it. Does not reject, save on a bug. */
export async function examine(options: DoctorOptions, ports: DoctorPorts): Promise<readonly Finding[]> {
  const [mail, self] = await Promise.all([lookAtMail(options.config, ports), lookAtSelf(options, ports)]);
  return judgeAll({ ...mail, self });
}

async function lookAtMail(config: Config, ports: DoctorPorts): Promise<Omit<Facts, 'self'>> {
  const engine = await lookAtEngine(config, ports.engine);
  const ask = asking(engine, ports.engine);
  const postfix = await lookAtPostfix(config, ask);
  const elsewhere = await findElsewhere(config, ports, ask, postfix.configuration);
  const { block, ...table } = await lookAtTable(config, ports, ask, engine);
  const isRead = table.check.kind === 'known' && table.check.value.good;
  const list = isRead
    ? await lookAtList(config, ask, postfix.configuration, block)
    : skipped('Postfix does not read the table as meant');
  return { engine, postfix: { ...postfix, list, elsewhere }, table: { ...table, elsewhere } };
}

async function lookAtEngine(config: Config, engine: DiagnosticEngine): Promise<EngineFacts> {
  const inspection = await factOf(() => engine.inspect());
  const isAway = inspection.kind === 'failed' && inspection.error === 'unreachable';
  const refused = isAway ? skipped('it does not answer') : await factOf(() => engine.refusedCalls());
  const isMissing = inspection.kind === 'known' && inspection.value.kind === 'missing';
  const others = isMissing ? await factOf(() => engine.containers()) : skipped('it is there');
  const container = runningContainer(inspection);
  const mayRun = refused.kind !== 'known' || execCalls(refused.value).length === 0;
  const log =
    container === null
      ? skipped(NOT_RUNNING)
      : await factOf(async () => sampleOf(await engine.lastLines(container, LOG_LINES)));
  const user =
    container === null
      ? skipped(NOT_RUNNING)
      : mayRun
        ? await factOf(() => run(engine, container, ['id', '-u']))
        : skipped(NO_COMMANDS);
  const observing = config.mode === 'observe';
  return { container: config.container, observing, inspection, refused, others, log, user };
}

const NOT_RUNNING = 'no mail container was found running';
const NO_COMMANDS = 'no command can be run in the mail container';

/** What the command prints. Rejects with EngineError, also when it exits with another code than 0. */
async function run(engine: Engine, { id }: MailContainer, argv: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await engine.exec(id, argv, COMMAND_MS);
  if (exitCode !== 0) throw new EngineError('failed', `${argv.join(' ')}: ${(stderr || stdout).trim()}`);
  return stdout.trim();
}

/** What commands in the mail container tell; skipped when none can be run. */
type Ask = <T>(work: (postfix: Postfix, command: Command) => Promise<T>) => Promise<Fact<T>>;
type Command = (...argv: string[]) => Promise<string>;

function asking({ inspection, user }: EngineFacts, engine: Engine): Ask {
  const container = runningContainer(inspection);
  return async (work) => {
    if (user.kind === 'skipped') return user;
    if (user.kind === 'failed' || container === null) return skipped(NO_COMMANDS);
    return factOf(() => work(postfixIn(engine, container.id), (...argv) => run(engine, container, argv)));
  };
}

async function lookAtPostfix(
  { tableInContainer: table }: Config,
  ask: Ask,
): Promise<Omit<PostfixFacts, 'list' | 'elsewhere'>> {
  const running = await ask((postfix) => postfix.running());
  if (running.kind === 'known' && running.value) {
    const configuration = await ask((postfix) => postfix.configuration());
    const settings = await ask((postfix) => postfix.settings(SCREENING));
    return { table, running, configuration, settings };
  }
  // Before Postfix is up, docker-mailserver is still writing its configuration.
  const unasked = running.kind === 'skipped' ? running : skipped('Postfix does not run');
  return { table, running, configuration: unasked, settings: unasked };
}

/** A path in the access list that has the table's name, and is the table. */
async function findElsewhere(
  { table, tableInContainer }: Config,
  { files }: DoctorPorts,
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

async function lookAtList(
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

async function lookAtTable(
  { table: path, tableInContainer: inContainer }: Config,
  { table, files }: DoctorPorts,
  ask: Ask,
  { inspection, observing }: EngineFacts,
): Promise<Omit<TableFacts, 'elsewhere'> & { readonly block: string }> {
  const text = await factOf(async () => (await table.read()) ?? null);
  const replaceable = await writable(files, path);
  const container = runningContainer(inspection);
  const mounts = container === null ? skipped(NOT_RUNNING) : known(container.mounts);
  const marks = await ask((_, command) => compareWith(files, path, inContainer, command));
  // What our rules are says nothing about another file.
  const ours = text.kind === 'known' && isShared(marks) ? (text.value ?? '') : '';
  const block = splitTable(ours).block ?? '';
  const members = blockNetworks(block);
  // The command would wait for good, and stay behind in the mail container.
  const isFifo = text.kind === 'failed' && text.reason.includes('is a FIFO');
  const check = isFifo
    ? skipped('it is a FIFO')
    : await ask((postfix) => postfix.checkTable(inContainer, ours, members));
  return { table: path, inContainer, observing, text, replaceable, check, mounts, marks, block };
}

function sampleOf(lines: readonly LogLine[]): LogSample {
  const clients: string[] = [];
  const unread = new Set<string>();
  for (const { text } of lines) {
    const event = parseEvent(text);
    if (event?.program !== 'postscreen' || event.kind !== 'connect' || event.ip === null) continue;
    if (isLiveLine(text)) clients.push(event.ip);
    else unread.add(beginningOf(text));
  }
  return { lines: lines.length, clients, unread: [...unread] };
}

/** What is in front of the process id. */
function beginningOf(text: string): string {
  return text.slice(0, text.search(/\[\d/)).replace(/^.* /, '');
}

function compareWith(files: FileLook, path: string, inContainer: string, command: Command): Promise<Marks> {
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

async function lookAtSelf(options: DoctorOptions, ports: DoctorPorts): Promise<SelfFacts> {
  const { config, dnsServers, catalogue, stateFile } = options;
  const { state, files, resolver, askDaemon } = ports;
  const names = config.senders.flatMap(({ spf }) => spf.slice(0, 1)).slice(0, DOMAINS);
  const asked = names.map(async (name) => ({ name, answer: await resolver.txt(name) }));
  return {
    now: ports.now(),
    mode: config.mode,
    stateDir: config.stateDir,
    dnsServers,
    answers: await Promise.all(asked),
    senders: config.senders,
    maxAgeMs: 2 * config.refresh.everyMs,
    catalogue,
    known: await knowledge(state),
    replaceable: await writable(files, stateFile),
    daemon: await factOf(async () => {
      // Any answer is one, also of a daemon that does not know the question.
      await askDaemon();
      return true as const;
    }),
  };
}

async function knowledge(state: DoctorPorts['state']): Promise<Fact<SenderKnowledge | null>> {
  const text = await factOf(() => state.read());
  if (text.kind !== 'known') return text;
  if (text.value === undefined) return known(null);
  const read = readState(text.value);
  return read.ok ? known(read.state.senders) : { kind: 'failed', reason: read.problem, error: null };
}

function writable(files: FileLook, path: string): Promise<Fact<true>> {
  return factOf(async () => {
    await files.replaceable(path);
    return true as const;
  });
}

/** What the Engine and the file system say no to is a fact as well. */
async function factOf<T>(look: () => Promise<T>): Promise<Fact<T>> {
  try {
    return known(await look());
  } catch (error) {
    if (error instanceof EngineError) return { kind: 'failed', reason: error.message, error: error.kind };
    if (error instanceof FileError) return { kind: 'failed', reason: error.message, error: null };
    throw error;
  }
}

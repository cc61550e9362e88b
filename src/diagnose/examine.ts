/** Looks at the whole installation for doctor, from the outside in. The judgement is in src/core/doctor. */

import type { Config } from '../config/settings.ts';
import type { ControlReply } from '../core/base/control-message.ts';
import type { Resolver } from '../core/dns/resolver.ts';
import { type InstallationFacts, judgeAll } from '../core/doctor/all-checks.ts';
import { type CheckResult, known, type Observed, skipped } from '../core/doctor/check-result.ts';
import {
  type EngineFacts,
  execCalls,
  type LogSample,
  runningContainer,
} from '../core/doctor/engine-checks.ts';
import { type PostfixFacts, SCREENING } from '../core/doctor/postfix-checks.ts';
import type { SelfFacts } from '../core/doctor/self-checks.ts';
import { isShared, type TableFacts } from '../core/doctor/table-checks.ts';
import { isLiveLine, type LogLine } from '../core/log/log-line.ts';
import { parseEvent } from '../core/log/postfix-event.ts';
import type { Address } from '../core/net/network.ts';
import { TEST_ENTRIES } from '../core/policy/veto-answer.ts';
import { listingName, readZoneAnswer } from '../core/postscreen/dnsbl-zone.ts';
import type { SenderKnowledge } from '../core/senders/knowledge.ts';
import { readState } from '../core/state/state-schema.ts';
import { blockNetworks, splitTable } from '../core/table/managed-block.ts';
import type { DiagnosticEngine, FileLook, TableFile, WholeFile } from '../ports.ts';
import {
  type Ask,
  asking,
  compareWith,
  factOf,
  findElsewhere,
  lookAtList,
  NO_COMMANDS,
  run,
} from './doctor-commands.ts';

/** So many lines of the log are read to see which clients connect. */
const LOG_LINES = 5_000;
/** So many senders' domains are asked for. */
const DOMAINS = 3;

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

/** Observes and judges. Rejects only on a bug. */
export async function examine(options: DoctorOptions, ports: DoctorPorts): Promise<readonly CheckResult[]> {
  const [mail, self] = await Promise.all([lookAtMail(options.config, ports), lookAtSelf(options, ports)]);
  return judgeAll({ ...mail, self });
}

async function lookAtMail(config: Config, ports: DoctorPorts): Promise<Omit<InstallationFacts, 'self'>> {
  const engine = await lookAtEngine(config, ports.engine);
  const ask = asking(engine, ports.engine);
  const postfix = await lookAtPostfix(config, ask);
  const elsewhere = await findElsewhere(config, ports.files, ask, postfix.configuration);
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
  // Our rules say nothing about another file.
  const ours = text.kind === 'known' && isShared(marks) ? (text.value ?? '') : '';
  const block = splitTable(ours).block ?? '';
  const members = blockNetworks(block);
  // The command would never end, and would remain in the mail container.
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
    vetoes: await Promise.all([...config.rules.vetoZones].map((zone) => lookAtZone(zone, resolver))),
    senders: config.senders,
    maxAgeMs: 2 * config.refresh.everyMs,
    catalogue,
    known: await knowledge(state),
    replaceable: await writable(files, stateFile),
    daemon: await factOf(async () => {
      // Any answer counts, also that of a daemon that does not know the question.
      await askDaemon();
      return true as const;
    }),
  };
}

async function lookAtZone(zone: string, resolver: Pick<Resolver, 'a'>): Promise<SelfFacts['vetoes'][number]> {
  const look = async (address: Address) => readZoneAnswer(await resolver.a(listingName(address, zone)));
  const [listed, clear] = await Promise.all([look(TEST_ENTRIES.listed), look(TEST_ENTRIES.clear)]);
  return { zone, listed, clear };
}

async function knowledge(state: DoctorPorts['state']): Promise<Observed<SenderKnowledge | null>> {
  const text = await factOf(() => state.read());
  if (text.kind !== 'known') return text;
  if (text.value === undefined) return known(null);
  const read = readState(text.value);
  return read.ok ? known(read.state.senders) : { kind: 'failed', reason: read.problem, error: null };
}

function writable(files: FileLook, path: string): Promise<Observed<true>> {
  return factOf(async () => {
    await files.replaceable(path);
    return true as const;
  });
}

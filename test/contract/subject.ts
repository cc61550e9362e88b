import type { MailContainer } from '../../src/core/engine/mail-container.ts';
import type { StreamName } from '../../src/core/log/log-line.ts';
import { createDockerEngine } from '../../src/edge/docker.ts';
import type { DiagnosticEngine, Engine } from '../../src/ports.ts';

export interface SubjectOptions {
  readonly tty?: boolean;
  readonly logDriver?: string;
}

/** One running container whose first process only waits, in an Engine that is real or not; gone when disposed of. */
export interface Subject extends AsyncDisposable {
  /** As in DOCKER_HOST; undefined is the default socket. */
  readonly host: string | undefined;
  /** The Engine's Unix socket, whatever `host` says. */
  readonly socketPath: string;
  readonly name: string;
  readonly service: string;
  /** `KEY=VALUE`, on this container only. */
  readonly label: string;
  readonly mount: string;
  readonly image: string;
  readonly networks: readonly string[];
  readonly gateways: readonly string[];
  id(): Promise<string>;
  /** The container writes these lines, one character a byte, each ended by LF. */
  say(stream: StreamName, ...lines: string[]): Promise<void>;
  stop(): Promise<void>;
  recreate(): Promise<void>;
  remove(): Promise<void>;
}

export type Setup = (options?: SubjectOptions) => Promise<Subject>;

/** So long may the slowest Engine take for one test. */
export const PATIENCE_MS = 40_000;

/** The edge under test, for the subject by its name unless said otherwise. */
export function engineOf(subject: Subject, container = subject.name, host = subject.host): DiagnosticEngine {
  return createDockerEngine({ host, container });
}

/** What the Engine says of a container that must be running. */
export async function running(engine: Engine): Promise<MailContainer> {
  const inspection = await engine.inspect();
  if (inspection.kind !== 'running') throw new Error(`the container is ${inspection.kind}`);
  return inspection.container;
}

import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { ExecResult } from '../../src/core/engine/mail-container.ts';
import { ApiError } from './api.ts';
import { frame } from './wire.ts';

/** What a command in the container does. Text is one character a byte. */
export type ExecHandler = (argv: readonly string[]) => Promise<ExecResult>;

interface Exec {
  readonly id: string;
  readonly argv: readonly string[];
  readonly stdout: boolean;
  readonly stderr: boolean;
  state: 'created' | 'running' | 'ended';
  exitCode: number | null;
  /** Inspections that still say running, though the output has ended. */
  late: number;
  response: ServerResponse | undefined;
}

/** The exit code of a process whose container was stopped under it. */
const KILLED = 137;

/** The exec instances of one container. */
export class Execs {
  handler: ExecHandler = unknownProgram;
  late = 0;
  readonly #execs = new Map<string, Exec>();

  create(body: unknown): { Id: string } {
    const { Cmd, AttachStdout, AttachStderr } = body as Record<string, unknown>;
    if (!Array.isArray(Cmd) || Cmd.length === 0) throw new ApiError(400, 'No exec command specified');
    const exec: Exec = {
      id: randomBytes(32).toString('hex'),
      argv: Cmd.map(String),
      stdout: AttachStdout === true,
      stderr: AttachStderr === true,
      state: 'created',
      exitCode: null,
      late: this.late,
      response: undefined,
    };
    this.#execs.set(exec.id, exec);
    return { Id: exec.id };
  }

  /** Runs it; the answer is its framed output and ends with it. */
  start(id: string, response: ServerResponse): void {
    const exec = this.#find(id);
    if (exec.state !== 'created') throw new ApiError(409, `Error: Exec command ${id} has already run`);
    exec.state = 'running';
    exec.response = response;
    response.writeHead(200, { 'Content-Type': 'application/vnd.docker.raw-stream' });
    response.flushHeaders();
    this.handler(exec.argv).then(
      (result) => finish(exec, result),
      (error: unknown) => finish(exec, { exitCode: 126, stdout: `${error}\r\n`, stderr: '' }),
    );
  }

  inspect(id: string): object {
    const exec = this.#find(id);
    const late = exec.state === 'ended' && exec.late > 0;
    if (late) exec.late -= 1;
    const running = exec.state === 'running' || late;
    return { ID: exec.id, Running: running, ExitCode: running ? null : exec.exitCode };
  }

  /** The container stopped, and every process in it. The Engine forgets what had not been started. */
  killAll(): void {
    for (const exec of this.#execs.values()) {
      if (exec.state === 'running') finish(exec, { exitCode: KILLED, stdout: '', stderr: '' });
      if (exec.state === 'created') this.#execs.delete(exec.id);
    }
  }

  #find(id: string): Exec {
    const exec = this.#execs.get(id);
    if (exec === undefined) throw new ApiError(404, `No such exec instance: ${id}`);
    return exec;
  }
}

function finish(exec: Exec, { exitCode, stdout, stderr }: ExecResult): void {
  if (exec.state === 'ended') return;
  exec.state = 'ended';
  exec.exitCode = exitCode;
  if (exec.stdout && stdout !== '') exec.response?.write(frame(1, Buffer.from(stdout, 'latin1')));
  if (exec.stderr && stderr !== '') exec.response?.write(frame(2, Buffer.from(stderr, 'latin1')));
  exec.response?.end();
}

/** The Engine cannot find the program: told on stdout, with this exit code. */
async function unknownProgram([program = '']: readonly string[]): Promise<ExecResult> {
  const reason = `exec: "${program}": executable file not found in $PATH: unknown`;
  const stdout = `OCI runtime exec failed: exec failed: unable to start container process: ${reason}\r\n`;
  return { exitCode: 126, stdout, stderr: '' };
}

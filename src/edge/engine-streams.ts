// Reads what the Engine streams: the log of a container, and the output of a command. The calls are in docker.ts.
import { setImmediate as turn } from 'node:timers/promises';
import { createFrameSplitter, createLogReader } from '../core/log/frames.ts';
import { createLineReader } from '../core/log/line-reader.ts';
import type { LogLine, StreamName } from '../core/log/log-line.ts';

/** In characters of each stream; what a command prints beyond is dropped. */
const MOST_OUTPUT = 1024 * 1024;

/**
 * The lines of a log stream, a batch a chunk; those with a header that the daemon does not use have no text. The event loop turns after
 * each batch: a full socket has one chunk after the other ready, and timers and other connections would wait for all.
 */
export async function* readLog(
  stream: AsyncIterable<Buffer | string>,
  tty: boolean,
): AsyncGenerator<readonly LogLine[]> {
  const reader = createLineReader();
  const read = createLogReader(tty, (...line) => reader.read(...line)?.isIdle === false || !reader.hasHeader);
  for await (const chunk of untilCut(stream)) {
    const lines = read(chunk);
    if (lines.length === 0) continue;
    yield lines;
    await turn();
  }
}

/** A lost connection (aborted, reset, closed by a proxy) is a normal end of a stream. */
async function* untilCut(stream: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

/** All output of a command, up to MOST_OUTPUT a stream. Rejects when the signal aborts. */
export async function collectOutput(
  stream: NodeJS.ReadableStream,
  signal: AbortSignal,
): Promise<Record<StreamName, string>> {
  const output = { stdout: '', stderr: '' };
  const split = createFrameSplitter((name, bytes, from, to) => {
    if (output[name].length < MOST_OUTPUT) output[name] += bytes.toString('latin1', from, to);
  });
  const stop = () => (stream as unknown as { destroy(): void }).destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of stream) split(chunk as Buffer);
  } finally {
    signal.removeEventListener('abort', stop);
  }
  if (signal.aborted) throw signal.reason;
  return output;
}

/** `screenpass parse`: prints what each Postfix line of a log says. It judges nothing. */
import { safeText } from '../core/base/safe-text.ts';
import { createLineSplitter } from '../core/log/frames.ts';
import { createLineReader } from '../core/log/line-reader.ts';
import { eventOf, type PostfixEvent } from '../core/log/postfix-event.ts';
import { openLog } from '../edge/log-file.ts';
import { createEventLines, fieldsOf } from './event-lines.ts';
import { createProgress, foundNothing, MAIL_LOG, readSoFar } from './output.ts';

/**
 * Prints each recognised Postfix line of a log: NDJSON with `json`, else a line for people. `-` is stdin; gzip is
 * unpacked. Gives the exit code: 1 when there is none. Rejects with FileError when the log cannot be read to its end.
 */
export async function parse(file: string, json: boolean): Promise<0 | 1> {
  const log = await openLog(file);
  const output = json ? createJson() : createText();
  const splitter = createLineSplitter(output.line);
  const progress = createProgress();
  try {
    for await (const chunk of log.chunks) {
      splitter.push(chunk);
      await written(output.take());
      // On a terminal the output itself shows it.
      if (!process.stdout.isTTY) progress.report(() => readSoFar(log.share(), output.lines()));
    }
  } finally {
    progress.clear();
  }
  splitter.end();
  await written(output.take());
  if (output.events() > 0) return 0;
  foundNothing(file, 'line of Postfix', output.lines(), MAIL_LOG);
  return 1;
}

interface Output {
  line(bytes: Buffer, from: number, to: number): void;
  /** How many lines there were so far. */
  lines(): number;
  /** How many of them were Postfix's. */
  events(): number;
  /** What came of the lines since the last time, to be written before the next line comes. */
  take(): Buffer | string;
}

async function written(output: Buffer | string): Promise<void> {
  if (output.length > 0) await new Promise<unknown>((done) => process.stdout.write(output, done));
}

function createJson(): Output {
  const reader = createLineReader();
  const events = createEventLines();
  let n = 0;
  let found = 0;
  return {
    line(bytes, from, to) {
      n += 1;
      const form = reader.read(bytes, from, to);
      if (form !== undefined && events.add(n, form, reader.line)) found += 1;
    },
    lines: () => n,
    events: () => found,
    take: events.take,
  };
}

function createText(): Output {
  const reader = createLineReader();
  let n = 0;
  let found = 0;
  let text = '';
  return {
    line(bytes, from, to) {
      n += 1;
      const form = reader.read(bytes, from, to);
      const event = form && eventOf(form, reader.line);
      if (event === undefined) return;
      found += 1;
      text += `${lineOf(n, event)}\n`;
    },
    lines: () => n,
    events: () => found,
    take() {
      const taken = text;
      text = '';
      return taken;
    },
  };
}

function lineOf(n: number, event: PostfixEvent): string {
  const { program, kind, ip, port, ...details } = fieldsOf(event);
  const printed = Object.entries(details).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${safeText(String(value))}`],
  );
  const client = ip === null ? '' : port === null ? ip : `[${ip}]:${port}`;
  return [String(n).padStart(6), program.padEnd(10), kind.padEnd(13), client.padEnd(24), ...printed]
    .join(' ')
    .trimEnd();
}

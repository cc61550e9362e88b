import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDockerEngine } from '../../src/edge/docker.ts';
import type { DiagnosticEngine } from '../../src/ports.ts';
import { type EngineDouble, startEngineDouble } from '../double/engine.ts';
import { frame } from '../double/wire.ts';
import { running } from './subject.ts';
import { type Collected, collect } from './tools.ts';

const EXEC_CALLS = ['POST /containers/{id}/exec', 'POST /exec/{id}/start', 'GET /exec/{id}/json'] as const;

// What no real Engine does when asked to, and every one does some day.
let directory: string;
let double: EngineDouble;
let engine: DiagnosticEngine;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'screenpass-contract-'));
  const socketPath = join(directory, 'engine.sock');
  double = await startEngineDouble({ socketPath, container: { name: 'mailserver' } });
  engine = createDockerEngine({ host: double.host, container: 'mailserver' });
});
afterEach(async () => {
  await double.close();
  await rm(directory, { recursive: true });
});

async function follow(since?: string): Promise<Collected & AsyncDisposable> {
  const container = await running(engine);
  const stream = collect((signal) => engine.follow(container, since, signal));
  await stream.firstBatch();
  return stream;
}

const texts = async (stream: Collected, count: number) =>
  (await stream.lines(count)).map(({ stream, text }) => `${stream} ${text}`);

it('takes a cut stream for its end, and has what came before', async () => {
  await using stream = await follow();
  double.say('stdout', 'before');
  double.cutStreams();
  await stream.ended();
  expect(await texts(stream, 1)).toEqual(['stdout before']);
});

it('takes the end of the Engine for the end of the stream, and finds it again', async () => {
  await using stream = await follow();
  await double.close();
  await stream.ended();
  await expect(engine.inspect()).rejects.toMatchObject({ name: 'EngineError', kind: 'unreachable' });
  await double.listen();
  expect((await engine.inspect()).kind).toBe('running');
});

it('reads frames that are cut anywhere', async () => {
  const stamp = '2026-11-24T02:24:10.921946642Z';
  const frames = Buffer.concat([
    frame(1, Buffer.from(`${stamp} one\n`)),
    frame(1, Buffer.from(`${stamp} two\n`)),
    frame(2, Buffer.from(`${stamp} three\n`)),
  ]);
  await using stream = await follow();
  for (const byte of frames) {
    double.sendRaw(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  expect(await texts(stream, 3)).toEqual(['stdout one', 'stdout two', 'stderr three']);
});

it('has what came before the Engine broke the stream with an error', async () => {
  await using stream = await follow();
  double.say('stdout', 'before');
  double.sendRaw(frame(3, Buffer.from('error grabbing logs: unexpected EOF')));
  const failure = { name: 'EngineError', message: expect.stringContaining('unexpected EOF') };
  await expect(stream.ended()).rejects.toMatchObject(failure);
});

it('fails on a stream that is none', async () => {
  await using stream = await follow();
  double.sendRaw(Buffer.from('<html>502 Bad Gateway</html>'));
  await expect(stream.ended()).rejects.toMatchObject({ name: 'EngineError' });
});

it('asks for the exact nanosecond', async () => {
  await using _ = await follow('2026-11-24T02:24:10.921946642Z');
  expect(double.requests.at(-1)).toContain('since=1795487050.921946642');
});

it('says that an exec is denied, or that its Engine fails', async () => {
  double.refuseExec(403);
  const denied = { name: 'EngineError', kind: 'denied' };
  await expect(engine.exec(double.id, ['true'], 1000)).rejects.toMatchObject(denied);
  double.refuseExec(500);
  const failed = { name: 'EngineError', kind: 'failed' };
  await expect(engine.exec(double.id, ['true'], 1000)).rejects.toMatchObject(failed);
});

it.each([500, 501] as const)('knows an unreadable log by its message, with status %i', async (status) => {
  const container = await running(engine);
  double.logDriver('syslog', status);
  await using stream = collect((signal) => engine.follow(container, undefined, signal));
  await expect(stream.ended()).rejects.toMatchObject({ name: 'EngineError', kind: 'unreadable-log' });
});

it('waits for an exit code that comes after the output', async () => {
  double.onExec(async () => ({ exitCode: 7, stdout: 'done\n', stderr: '' }));
  double.lateExit(2);
  const result = await engine.exec(double.id, ['x'], 5000);
  expect(result).toEqual({ exitCode: 7, stdout: 'done\n', stderr: '' });
});

it('gives the exit code of a command whose container stopped', async () => {
  const started = new Promise<void>((resolve) => {
    double.onExec(() => {
      resolve();
      return new Promise(() => undefined);
    });
  });
  const result = engine.exec(double.id, ['x'], 5000);
  await started;
  double.stop();
  expect(await result).toMatchObject({ exitCode: 137 });
});

it.each([
  [[], ['GET /containers/{id}/json', 'GET /containers/{id}/logs', ...EXEC_CALLS]],
  [['CONTAINERS'], EXEC_CALLS],
  [
    ['CONTAINERS', 'POST'],
    ['POST /exec/{id}/start', 'GET /exec/{id}/json'],
  ],
  [
    ['CONTAINERS', 'EXEC'],
    ['POST /containers/{id}/exec', 'POST /exec/{id}/start'],
  ],
  [['CONTAINERS', 'EXEC', 'POST'], []],
] as const)('names the calls that a socket proxy with %j refuses', async (granted, refused) => {
  double.behindProxy(...granted);
  expect(await engine.refusedCalls()).toEqual(refused);
});

it('needs the list of containers only where a label is to be found', async () => {
  double.behindProxy();
  const byLabel = createDockerEngine({ host: double.host, container: 'service=mail' });
  expect((await byLabel.refusedCalls())[0]).toBe('GET /containers/json');
  await expect(engine.containers()).rejects.toMatchObject({ name: 'EngineError', kind: 'denied' });
});

it('does not take an Engine that is away for one that refuses', async () => {
  await double.close();
  await expect(engine.refusedCalls()).rejects.toMatchObject({ name: 'EngineError', kind: 'unreachable' });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type EngineDouble, startEngineDouble } from './engine.ts';
import { frame } from './wire.ts';

const START_MS = Date.parse('2026-11-24T02:24:10.921Z');
const EVERYTHING = 'stdout=1&stderr=1&timestamps=1';

interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly broken: boolean;
}

let directory: string;
let double: EngineDouble;
let now: number;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'screenpass-double-'));
  now = START_MS;
  const container = { name: 'mailserver', labels: { role: 'mail' } };
  const socketPath = join(directory, 'engine.sock');
  double = await startEngineDouble({ socketPath, container, clock: { now: () => now } });
});
afterEach(async () => {
  await double.close();
  await rm(directory, { recursive: true });
});

function ask(method: string, path: string, body?: object): Promise<Answer> {
  const socketPath = join(directory, 'engine.sock');
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path }, (response) => {
      const chunks: Buffer[] = [];
      const finish = (broken: boolean) =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks), broken });
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => finish(false));
      response.on('error', () => finish(true));
    });
    call.on('error', reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Starts to follow and waits until the double has the stream. */
async function follow(): Promise<{ answer: Promise<Answer> }> {
  const answer = ask('GET', `/containers/mailserver/logs?follow=1&${EVERYTHING}`);
  while (double.followers === 0) await new Promise(setImmediate);
  return { answer };
}

it('stamps lines by its clock and frames them by stream', async () => {
  double.say('stdout', 'caf\u00c3\u00a9\n');
  now += 1;
  double.say('stderr', '');
  const { body } = await ask('GET', `/v1.41/containers/mailserver/logs?${EVERYTHING}`);
  expect(body).toEqual(
    Buffer.concat([
      frame(1, Buffer.from('2026-11-24T02:24:10.921000001Z café\n')),
      frame(2, Buffer.from('2026-11-24T02:24:10.922000002Z \n')),
    ]),
  );
});

it('gives only the streams asked for, and nothing older than since', async () => {
  double.say('stdout', 'one\ntwo');
  double.say('stderr', 'three');
  const query = 'stdout=1&stderr=0&since=1795487050.921000002';
  const { body } = await ask('GET', `/containers/mailserver/logs?${query}`);
  expect(body).toEqual(frame(1, Buffer.from('two\n')));
  expect((await ask('GET', '/containers/mailserver/logs?stdout=1&since=now')).status).toBe(500);
  expect((await ask('GET', '/containers/mailserver/logs')).status).toBe(400);
});

it('lists by filters', async () => {
  const list = async (filters: object, all = 0) => {
    const query = `all=${all}&filters=${encodeURIComponent(JSON.stringify(filters))}`;
    return (JSON.parse((await ask('GET', `/containers/json?${query}`)).body.toString()) as unknown[]).length;
  };
  expect(await list({ label: ['role=mail'], name: ['^mailserver$'] })).toBe(1);
  expect(await list({ label: ['role=mail', 'role=web'] })).toBe(0);
  expect(await list({ name: ['web'] })).toBe(0);
  double.stop();
  expect(await list({})).toBe(0);
  expect(await list({}, 1)).toBe(1);
  expect(await list({ status: ['exited'] })).toBe(1);
});

it('breaks streams, or sends what no Engine should', async () => {
  const first = await follow();
  double.sendRaw(Buffer.from([3, 0]));
  double.cutStreams();
  expect(await first.answer).toMatchObject({ body: Buffer.from([3, 0]), broken: true });
  const second = await follow();
  double.stop();
  expect(await second.answer).toMatchObject({ body: Buffer.alloc(0), broken: false });
});

it('refuses what it is told to refuse', async () => {
  const create = () => ask('POST', '/containers/mailserver/exec', { Cmd: ['true'] });
  double.refuseExec(403);
  expect((await create()).status).toBe(403);
  double.refuseExec(undefined);
  expect((await create()).status).toBe(201);
  double.logDriver('none');
  expect((await ask('GET', `/containers/mailserver/logs?${EVERYTHING}`)).status).toBe(501);
  double.logDriver('none', 500);
  expect((await ask('GET', `/containers/mailserver/logs?${EVERYTHING}`)).status).toBe(500);
  expect((await ask('GET', '/v1.99/_ping')).status).toBe(400);
  expect((await ask('GET', '/images/json')).status).toBe(404);
});

it('says that an exec runs for as long as it is told to', async () => {
  double.onExec(async () => ({ exitCode: 7, stdout: '', stderr: 'no\n' }));
  double.lateExit(1);
  const { body } = await ask('POST', '/containers/mailserver/exec', { Cmd: ['x'], AttachStderr: true });
  const { Id } = JSON.parse(body.toString()) as { Id: string };
  expect((await ask('POST', `/exec/${Id}/start`, {})).body).toEqual(frame(2, Buffer.from('no\n')));
  const states = [await ask('GET', `/exec/${Id}/json`), await ask('GET', `/exec/${Id}/json`)];
  expect(states.map((state) => JSON.parse(state.body.toString()))).toMatchObject([
    { Running: true, ExitCode: null },
    { Running: false, ExitCode: 7 },
  ]);
});

it('remembers what it was asked', async () => {
  await ask('GET', '/_ping');
  await ask('GET', '/v1.41/containers/nobody/json');
  expect(double.requests).toEqual(['GET /_ping', 'GET /v1.41/containers/nobody/json']);
});

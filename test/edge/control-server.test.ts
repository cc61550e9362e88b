import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ControlReply } from '../../src/core/base/control-message.ts';
import { askControl } from '../../src/edge/control-client.ts';
import { FileError } from '../../src/ports.ts';
import {
  type Controls,
  createControls,
  echo,
  type Handle,
  held,
  LONG_MS,
  received,
  STATUS,
  STATUS_LINE,
} from '../double/control.ts';

let controls: Controls;
beforeEach(async () => {
  controls = await createControls();
});
afterEach(() => controls.remove());

function ask(): Promise<ControlReply> {
  return askControl(controls.path, STATUS, LONG_MS);
}

/** A raw client: sends the pieces, each after the one before has gone, and gives all that came until the end. */
async function talk(...pieces: (string | Buffer)[]): Promise<string> {
  const socket = connect(controls.path);
  for (const piece of pieces) {
    await new Promise((sent) => socket.write(piece, sent));
    await nextTurn();
  }
  return received(socket);
}

/** A client that has sent its request. */
async function waitingClient() {
  const socket = connect(controls.path).on('error', () => {});
  await new Promise((sent) => socket.write(STATUS_LINE, sent));
  return socket;
}

const OWN_ERROR = {
  ok: false,
  kind: 'failed',
  problem: expect.stringMatching(/failed by a bug: check its log/),
};
const TOO_LONG = { ok: false, kind: 'usage', problem: expect.stringMatching(/longer than 65536 characters/) };

describe('clients', () => {
  // The first test of this file: what others leave would hide what this one does.
  it('leave no timer and no socket behind, whatever becomes of them', async () => {
    const before = resources();
    const work = held();
    for (let round = 0; round < 4; round += 1) {
      const { ended, stop } = await controls.serve(echo, { graceMs: LONG_MS });
      stop();
      await ended;
    }
    const { ended, stop } = await controls.serve(work.handle, { idleMs: LONG_MS, graceMs: LONG_MS });
    const asking: Promise<ControlReply>[] = [];
    for (let round = 1; round <= 4; round += 1) {
      await expect(controls.serve()).rejects.toThrow(FileError);
      asking.push(ask());
      const gone = await waitingClient();
      await work.requests(2 * round);
      gone.destroy();
    }
    const silent = connect(controls.path);
    for (let request = 0; request < 8; request += 1) work.reply(request, null);
    await Promise.all(asking);
    await expect(askControl(controls.path, STATUS, 10)).rejects.toThrow(FileError);
    silent.destroy();
    stop();
    await ended;
    work.reply(8, 'too late');
    // Some of the runner's own come and go.
    const deadline = performance.now() + 5_000;
    while (resources() > before && performance.now() < deadline) await nextTurn();
    expect(resources()).toBeLessThanOrEqual(before);
  });

  function resources(): number {
    return process.getActiveResourcesInfo().filter((kind) => /^(Timeout|Pipe)/.test(kind)).length;
  }
});

describe('a conversation', () => {
  it('is one request and one reply', async () => {
    await controls.serve();
    const request = {
      command: 'allow',
      arguments: { sender: 'a\nb\u2028\u{1f4e7}', ttl: 7, deep: [{ x: null }] },
    };
    expect(await askControl(controls.path, request, LONG_MS)).toEqual({ ok: true, result: request });
  });

  it.each<ControlReply>([
    { ok: true, result: null },
    { ok: true, result: '\u{1f4e7}'.repeat(1024 * 1024) },
    { ok: false, kind: 'usage', problem: 'no such sender' },
    { ok: false, kind: 'failed', problem: 'DNS is down\nand out' },
  ])('gives any reply as it was, large or not (%#)', async (reply) => {
    await controls.serve(async () => reply);
    expect(await ask()).toEqual(reply);
  });

  it('does not mind how the request is cut', async () => {
    await controls.serve();
    const text = JSON.stringify({ command: 'x', arguments: { name: '\u{1f4e7}' } });
    const bytes = [...Buffer.from(`${text}\n`)].map((byte) => Buffer.of(byte));
    expect(await talk(...bytes)).toBe(`{"ok":true,"result":${text}}\n`);
  });

  it('ends with a reply that says what is wrong with the request, however long it is', async () => {
    await controls.serve();
    expect(JSON.parse(await talk('x'.repeat(70_000)))).toEqual(TOO_LONG);
    expect(JSON.parse(await talk(Buffer.alloc(16 * 1024 * 1024, 'x')))).toEqual(TOO_LONG);
    expect(await ask()).toMatchObject({ ok: true });
  });

  it('gets one line of reply whatever the bytes, and the next client is served', async () => {
    await controls.serve();
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map(Buffer.from),
      fc.constant(STATUS_LINE),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 4 }), async (pieces) => {
        const text = await talk(...pieces.map(Buffer.from), '\n');
        expect(text.indexOf('\n')).toBe(text.length - 1);
        expect(JSON.parse(text)).toEqual({ ok: expect.any(Boolean), ...JSON.parse(text) });
      }),
      { numRuns: 60 },
    );
    expect(await ask()).toMatchObject({ ok: true });
  });

  it('is cut when the client is silent', async () => {
    await controls.serve(echo, { idleMs: 20 });
    expect(await talk()).toBe('');
    expect(await talk('{"command"')).toBe('');
  });

  it('is not cut while the work takes its time', async () => {
    const work = held();
    await controls.serve(work.handle, { idleMs: 20 });
    const asking = ask();
    await work.requests(1);
    // Another client is cut in the meantime.
    await talk();
    await talk();
    work.reply(0, 'done');
    expect(await asking).toEqual({ ok: true, result: 'done' });
  });

  it('is cut when the client does not read the reply', async () => {
    const large = 'x'.repeat(4 * 1024 * 1024);
    const { ended, stop } = await controls.serve(async () => ({ ok: true, result: large }), {
      idleMs: 20,
      graceMs: LONG_MS,
    });
    const socket = (await waitingClient()).pause();
    stop();
    await ended;
    const text = await received(socket);
    expect(text.startsWith('{"ok":true')).toBe(true);
    expect(text.length).toBeLessThan(large.length);
  });
});

describe('many clients', () => {
  it('are served side by side, and one more than 16 is told to try again', async () => {
    const work = held();
    await controls.serve(work.handle);
    const asking = Array.from({ length: 16 }, ask);
    await work.requests(16);
    await expect(ask()).rejects.toThrow(/too many commands wait.*try again/);
    for (const place of asking.keys()) work.reply(15 - place, 15 - place);
    const results = (await Promise.all(asking)).map((reply) => reply.ok && reply.result);
    expect(results.sort((a, b) => Number(a) - Number(b))).toEqual([...asking.keys()]);
  });

  it.each([
    16, 20, 200,
  ])('are answered though %i others send nothing, of which 16 are held', async (count) => {
    await controls.serve(echo, { idleMs: LONG_MS });
    const idle = Array.from({ length: count }, () => connect(controls.path).on('error', () => {}));
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    for (const socket of idle) socket.resume();
    expect(await ask()).toMatchObject({ ok: true });
    await expect.poll(() => idle.filter((socket) => !socket.closed).length).toBeLessThanOrEqual(16);
    expect(idle.at(-1)?.closed).toBe(false);
    for (const socket of idle) socket.destroy();
  });

  it('are answered though 16 others do not read their reply', async () => {
    const large = 'x'.repeat(4 * 1024 * 1024);
    await controls.serve(async () => ({ ok: true, result: large }), { idleMs: LONG_MS });
    const lazy = await Promise.all(Array.from({ length: 16 }, waitingClient));
    for (const socket of lazy) socket.pause();
    expect(await ask()).toEqual({ ok: true, result: large });
    for (const socket of lazy) socket.destroy();
  });

  it('leave their places free when they die while they wait', async () => {
    const work = held();
    await controls.serve(work.handle);
    for (let round = 1; round <= 40; round += 1) {
      const socket = await waitingClient();
      await work.requests(round);
      socket.destroy();
      await nextTurn();
    }
    const asking = ask();
    await work.requests(41);
    for (let request = 0; request <= 40; request += 1) work.reply(request, request);
    expect(await asking).toEqual({ ok: true, result: 40 });
  });
});

describe('a bug', () => {
  const cyclic: { self?: object } = {};
  cyclic.self = cyclic;

  it.each<[string, Handle, Error]>([
    ['a rejection', () => Promise.reject(new RangeError('bug')), new RangeError('bug')],
    ['a result that JSON does not have', async () => ({ ok: true, result: cyclic }), expect.any(TypeError)],
  ])('in the handler is told to the client and passed on: %s', async (_, handle, bug) => {
    const { ended } = await controls.serve(handle);
    const passedOn = expect(ended).rejects.toEqual(bug);
    expect(await ask()).toEqual(OWN_ERROR);
    await passedOn;
  });

  it('is passed on though the client is gone', async () => {
    const work = held();
    const { ended } = await controls.serve(work.handle);
    const passedOn = expect(ended).rejects.toThrow('bug');
    const socket = await waitingClient();
    await work.requests(1);
    socket.destroy();
    work.fail(0, new Error('bug'));
    await passedOn;
  });
});

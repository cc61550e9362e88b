import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveHttp } from '../../src/edge/http.ts';
import type { Page } from '../../src/ports.ts';
import { SILENT } from '../double/report.ts';

const HEALTHY: Page = { code: 200, contentType: 'text/plain', text: 'well\n' };
const LARGE: Page = { code: 200, contentType: 'text/plain', text: 'x'.repeat(50_000_000) };

let stop: AbortController;
let port: number;
let ended: Promise<void>;
let page: () => Page;

beforeEach(async () => {
  stop = new AbortController();
  page = () => HEALTHY;
  port = await freePort();
  ({ ended } = await serve());
});
afterEach(async () => {
  stop.abort();
  await ended.catch(() => {});
});

function serve(options: { connectionMs?: number } = {}) {
  const pages = new Map([
    ['/healthz', () => page()],
    ['/large', () => LARGE],
  ]);
  return serveHttp({ host: '127.0.0.1', port }, pages, SILENT, stop.signal, options);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return free;
}

async function ask(method: string, path: string, { headers = {}, body = '' } = {}) {
  const call = request({ port, host: '127.0.0.1', method, path, headers });
  call.end(body);
  const [response] = await once(call, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { code: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() };
}

/** All that a client gets that sends these bytes and no more. */
async function raw(bytes: string): Promise<string> {
  const socket = await open();
  socket.write(bytes);
  return rest(socket);
}

async function open(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

async function rest(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(socket, 'close');
  return text;
}

/** Serves again, with the connections' time as short as a test may wait. */
async function hasten(connectionMs: number): Promise<void> {
  stop.abort();
  await ended;
  stop = new AbortController();
  ({ ended } = await serve({ connectionMs }));
}

describe('the HTTP listener', () => {
  it('gives a page to GET, with its status, and ends the connection', async () => {
    const { code, headers, text } = await ask('GET', '/healthz?from=monitor');
    expect([code, text]).toEqual([200, 'well\n']);
    expect(headers).toMatchObject({
      'content-type': 'text/plain',
      'content-length': '5',
      connection: 'close',
    });
    page = () => ({ ...HEALTHY, code: 503, text: 'not wired\n' });
    expect(await ask('GET', '/healthz')).toMatchObject({ code: 503, text: 'not wired\n' });
  });

  it('gives the headers alone to HEAD', async () => {
    const { code, headers, text } = await ask('HEAD', '/healthz');
    expect([code, text, headers['content-length']]).toEqual([200, '', '5']);
  });

  it.each([
    '/',
    '/healthz/',
    '/HEALTHZ',
    '/metrics.php',
    '/__proto__',
    '//healthz',
    '/%68ealthz',
  ])('has nothing at %s', async (path) => {
    expect(await ask('GET', path)).toMatchObject({ code: 404, text: '' });
    expect(await ask('POST', path)).toMatchObject({ code: 404, text: '' });
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])('does not take %s', async (method) => {
    const { code, headers, text } = await ask(method, '/healthz');
    expect([code, text, headers.allow]).toEqual([405, '', 'GET, HEAD']);
  });

  it('takes no body, however it is announced', async () => {
    expect(await ask('GET', '/healthz', { body: 'x', headers: { 'Content-Length': '1' } })).toMatchObject({
      code: 413,
    });
    const chunked = await raw('GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
    const patient = await raw(
      'GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n',
    );
    expect(patient).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('answers once a connection, however many requests come', async () => {
    const request = 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n';
    expect((await raw(request.repeat(3))).match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('refuses headers that are too large, and what is no HTTP', async () => {
    const large = `GET /healthz HTTP/1.1\r\nHost: a\r\nX-Large: ${'x'.repeat(9_000)}\r\n\r\n`;
    expect(await raw(large)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await raw('EHLO mail.example\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw('CONNECT /healthz HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('');
    expect(await ask('GET', '/healthz')).toMatchObject({ code: 200 });
  });

  it.each([
    16, 20, 200,
  ])('answers the next question though %i clients are idle, and holds 16', async (count) => {
    const idle: Socket[] = [];
    for (let i = 0; i < count; i += 1) idle.push(await open());
    expect(await raw('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n')).toContain('well');
    // The oldest were closed, and no more than that.
    await expect.poll(() => idle.filter((socket) => !socket.closed).length).toBeLessThanOrEqual(16);
    expect(idle.filter((socket) => socket.closed).length).toBeLessThanOrEqual(count - 15);
    expect(idle.at(-1)?.closed).toBe(false);
    for (const socket of idle) socket.destroy();
  });

  it('cuts a client that sends its request byte by byte', async () => {
    await hasten(100);
    const slow = await open();
    const cut = rest(slow);
    while (!slow.closed) {
      slow.write('G');
      await sleep(10);
    }
    expect(await cut).not.toContain('200');
  });

  it('cuts a client that does not read its answer', async () => {
    await hasten(100);
    const slow = await open();
    // Nobody reads yet.
    slow.pause();
    slow.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
    await sleep(200);
    const cut = rest(slow);
    slow.resume();
    const text = await cut;
    expect(text.length).toBeLessThan(LARGE.text.length);
  });

  it('says what to do when the port is taken', async () => {
    await expect(serve()).rejects.toMatchObject({
      name: 'ListenError',
      message: `SCREENPASS_HTTP: cannot listen on 127.0.0.1:${port}: something else listens there: stop it, or give SCREENPASS_HTTP another port (EADDRINUSE)`,
    });
  });

  it('says what to do when the address is not its own', async () => {
    await expect(
      serveHttp({ host: '192.0.2.1', port }, new Map(), SILENT, stop.signal),
    ).rejects.toMatchObject({ name: 'ListenError', message: expect.stringContaining('has no such address') });
  });

  it('ends at once when it is stopped, whoever is connected', async () => {
    const idle = await open();
    stop.abort();
    await ended;
    await once(idle, 'close');
  });

  it('answers 500 when a page meets a bug, and hands the bug on', async () => {
    const bug = new Error('bug');
    page = () => {
      throw bug;
    };
    const handed = expect(ended).rejects.toBe(bug);
    expect(await ask('GET', '/healthz')).toMatchObject({ code: 500, text: '' });
    await handed;
  });
});

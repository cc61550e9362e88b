// Serves the monitor's pages by HTTP. Their content comes from daemon/monitoring.ts.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ListenError, type Monitor, type Page, type Report } from '../ports.ts';

/** More than a few monitors need; a further one replaces the oldest. */
const CONNECTIONS = 16;
/** From the first byte to the end of its one answer, so that a slow client cannot hold a connection. */
const CONNECTION_MS = 10_000;
/** Request line and headers. */
const MOST_HEADER_BYTES = 8_192;

interface Place {
  readonly host: string;
  readonly port: number;
}

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something else listens there: stop it, or give SCREENPASS_HTTP another port',
  EADDRNOTAVAIL:
    'screenpass has no such address: name one of its own in SCREENPASS_HTTP, or 0.0.0.0 or [::] for all',
  EACCES: 'screenpass may not use that port: give SCREENPASS_HTTP one above 1023',
  ENOTFOUND: 'there is no such name: give SCREENPASS_HTTP an address',
  EAI_AGAIN: 'DNS does not answer for that name: give SCREENPASS_HTTP an address',
  EAFNOSUPPORT: 'that address family is off here: give SCREENPASS_HTTP an address of the other one',
};

/**
 * Serves the monitor's pages by HTTP/1.1: GET and HEAD of the pages, one answer a connection. Everything else is 404 or
 * 405, a request with a body 413, all without a body. Rejects with ListenError when it cannot listen at `place`. When a
 * page throws, its client gets 500, and then `ended` rejects with the same error.
 */
export async function serveHttp(
  place: Place,
  pages: Parameters<Monitor['serve']>[0],
  report: Report,
  signal: AbortSignal,
  { connectionMs = CONNECTION_MS } = {},
): ReturnType<Monitor['serve']> {
  const server = createServer({ maxHeaderSize: MOST_HEADER_BYTES });
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    const [oldest] = open;
    // An answer takes no time, so the oldest client is idle or does not read.
    if (open.size >= CONNECTIONS && oldest !== undefined) {
      open.delete(oldest);
      oldest.destroy();
    }
    open.add(socket);
    const timer = setTimeout(() => socket.destroy(), connectionMs);
    socket.once('close', () => {
      open.delete(socket);
      clearTimeout(timer);
    });
  });
  const bug = new Promise<never>((_, reject) => {
    const take = (request: IncomingMessage, response: ServerResponse) => {
      try {
        answer(request, response, pages);
      } catch (error) {
        refuse(response, 500);
        reject(error);
      }
    };
    // A client that waits for leave to send a body gets its answer, and no leave.
    server.on('request', take).on('checkContinue', take);
  });
  try {
    await once(server.listen(place), 'listening', { signal });
  } catch (error) {
    server.close();
    if (signal.aborted) return { ended: Promise.resolve() };
    throw listenError(place, error as NodeJS.ErrnoException);
  }
  server.on('error', ({ message }) => report.error(`HTTP: a connection could not be taken: ${message}`));
  const closed = once(server, 'close').then(() => {});
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return { ended: Promise.race([bug, closed]) };
}

function answer(
  { method, url = '', headers }: IncomingMessage,
  response: ServerResponse,
  pages: ReadonlyMap<string, () => Page>,
): void {
  const page = pages.get(url.split('?')[0] ?? '');
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
  if (page === undefined) refuse(response, 404);
  else if (method !== 'GET' && method !== 'HEAD') refuse(response, 405, { Allow: 'GET, HEAD' });
  else if (hasBody) refuse(response, 413);
  else send(response, page());
}

function send(response: ServerResponse, { code, contentType, text }: Page): void {
  const about = { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(text) };
  // To HEAD, node sends the headers alone.
  response.writeHead(code, { ...about, 'Cache-Control': 'no-store', Connection: 'close' }).end(text);
}

function refuse(
  response: ServerResponse,
  code: 404 | 405 | 413 | 500,
  more: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(code, { ...more, 'Content-Length': 0, Connection: 'close' }).end();
}

function listenError({ host, port }: Place, error: NodeJS.ErrnoException): ListenError {
  const { code, message } = error;
  const where = `SCREENPASS_HTTP: cannot listen on ${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new ListenError(`${where}: ${ADVICE[code ?? ''] ?? message} (${code})`, { cause: error });
}

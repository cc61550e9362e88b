// Stands between screenpass and the Engine, and lets the connection fail in the ways in which connections fail.
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';

export interface EngineProxy {
  /** Cuts the log streams that are open now; gives how many. */
  cut(): number;
  /** Cuts each open log stream within its next piece, after this share of it (0 to 1); gives how many. */
  cutWithin(share: number): number;
  /** Forwards nothing of the open log streams any more but keeps them open, until `cut`. */
  hold(): number;
  /** The Engine is gone: connections are closed and new ones are not answered. */
  setGone(gone: boolean): void;
  /** `POST .../exec` is answered with 403. */
  setExecRefused(refused: boolean): void;
  close(): Promise<void>;
}

interface LogStream {
  readonly response: ServerResponse;
  held: boolean;
  cutShare: number | null;
}

/** Listens on the Unix socket `path` and forwards to that of the Engine. */
export async function createEngineProxy(path: string, engine: string): Promise<EngineProxy> {
  const sockets = new Set<Socket>();
  const streams = new Set<LogStream>();
  let gone = false;
  let execRefused = false;

  const forward: RequestListener = (request, response) => {
    const { url = '/', method = 'GET', headers } = request;
    if (execRefused && method === 'POST' && /\/containers\/[^/]+\/exec$/.test(url)) {
      response.writeHead(403, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ message: 'refused by the proxy' }));
      return;
    }
    const onward = httpRequest({ socketPath: engine, path: url, method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      if (/\/containers\/[^/]+\/logs\b/.test(url)) relay(answer, response);
      else answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  };

  function relay(answer: IncomingMessage, response: ServerResponse): void {
    const stream: LogStream = { response, held: false, cutShare: null };
    streams.add(stream);
    response.flushHeaders();
    response.on('close', () => streams.delete(stream));
    answer.on('data', (piece: Buffer) => {
      if (stream.held) return;
      if (stream.cutShare === null) response.write(piece);
      else {
        stream.held = true;
        response.write(piece.subarray(0, Math.ceil(piece.length * stream.cutShare)), () =>
          response.destroy(),
        );
      }
    });
    answer.on('error', () => response.destroy());
    answer.on('end', () => {
      if (!stream.held) response.end();
    });
  }

  const server = createServer(forward);
  server.on('connection', (socket) => {
    if (gone) socket.destroy();
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((listening) => server.listen(path, listening));

  return {
    cut() {
      const open = [...streams];
      for (const { response } of open) response.destroy();
      return open.length;
    },
    cutWithin(share) {
      for (const stream of streams) stream.cutShare = share;
      return streams.size;
    },
    hold() {
      for (const stream of streams) stream.held = true;
      return streams.size;
    },
    setGone(now) {
      gone = now;
      if (now) for (const socket of sockets) socket.destroy();
    },
    setExecRefused(now) {
      execRefused = now;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

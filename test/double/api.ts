import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** An answer other than success, with the Engine's own words. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** One request: the part of the path that varies, the query, the body. */
export interface Call {
  readonly target: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** The path without version; its one group is the target. */
  readonly path: RegExp;
  readonly answer: (call: Call, response: ServerResponse) => void | Promise<void>;
}

const API_VERSION = '1.41';

/**
 * A server that speaks HTTP as the Engine does: optional version in the path, JSON, `{"message"}` for errors. `seen` is
 * told each request, and may throw an ApiError for it.
 */
export function apiServer(routes: readonly Route[], seen: (request: string) => void): Server {
  return createServer((request, response) => {
    dispatch(routes, seen, request, response).catch((error: unknown) => {
      const status = error instanceof ApiError ? error.status : 500;
      // Too late for a status: as when the Engine fails in the middle of an answer.
      if (response.headersSent) response.destroy();
      else sendJson(response, status, { message: String(error instanceof Error ? error.message : error) });
    });
  });
}

/** Answers a whole JSON document. */
export function sendJson(response: ServerResponse, status: number, document: object): void {
  const text = `${JSON.stringify(document)}\n`;
  response.writeHead(status, {
    'Api-Version': API_VERSION,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** The Engine's form of a boolean query parameter. */
export function flag(query: URLSearchParams, name: string): boolean {
  return !['', '0', 'no', 'false', 'none'].includes((query.get(name) ?? '').toLowerCase());
}

async function dispatch(
  routes: readonly Route[],
  seen: (request: string) => void,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  seen(`${request.method} ${request.url}`);
  const url = new URL(request.url ?? '/', 'http://engine');
  const [, version, path = ''] = /^(?:\/v(\d+\.\d+))?(\/.*)$/.exec(url.pathname) ?? [];
  if (version !== undefined && Number(version.split('.')[1]) > Number(API_VERSION.split('.')[1])) {
    throw new ApiError(
      400,
      `client version ${version} is too new. Maximum supported API version is ${API_VERSION}`,
    );
  }
  for (const route of routes) {
    const match = request.method === route.method ? route.path.exec(path) : null;
    if (match === null) continue;
    const target = decodeURIComponent(match[1] ?? '');
    await route.answer({ target, query: url.searchParams, body: await readBody(request) }, response);
    return;
  }
  throw new ApiError(404, 'page not found');
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? {} : JSON.parse(text);
}

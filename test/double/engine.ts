import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Server, ServerResponse } from 'node:http';
import type { StreamName } from '../../src/core/log/log-line.ts';
import type { Clock } from '../../src/ports.ts';
import { ApiError, apiServer, type Call, flag, type Route, sendJson } from './api.ts';
import { Container, type ContainerOptions } from './container.ts';
import { type ExecHandler, Execs } from './execs.ts';
import { type LogQuery, readLogQuery } from './log-query.ts';

export interface EngineDoubleOptions {
  readonly socketPath: string;
  readonly container: ContainerOptions;
  /** The Engine's clock; the host's if there is none. */
  readonly clock?: Pick<Clock, 'now'>;
}

/** What a socket proxy grants, in the names of the common one (tecnativa/docker-socket-proxy). */
export type ProxyFlag = 'CONTAINERS' | 'EXEC' | 'POST';

/** A log stream that somebody follows. */
interface Follower {
  readonly response: ServerResponse;
  readonly query: LogQuery;
}

/** Serves the Engine API for one running container on a Unix socket. */
export async function startEngineDouble(options: EngineDoubleOptions): Promise<EngineDouble> {
  const double = new EngineDouble(options);
  await double.listen();
  return double;
}

/** The Engine as the double plays it, and the hand of the test on it. */
export class EngineDouble {
  /** For DOCKER_HOST. */
  readonly host: string;
  /** `METHOD /path?query` of each request, in order. */
  readonly requests: string[] = [];
  readonly #socketPath: string;
  readonly #container: Container;
  readonly #execs = new Execs();
  readonly #followers = new Set<Follower>();
  readonly #server: Server;
  #exists = true;
  #execRefusal: number | undefined;
  #granted: readonly ProxyFlag[] | undefined;
  #unreadableStatus = 501;

  constructor({ socketPath, container, clock }: EngineDoubleOptions) {
    this.host = `unix://${socketPath}`;
    this.#socketPath = socketPath;
    this.#container = new Container(container, () => (clock ?? Date).now());
    this.#server = apiServer(this.#routes(), (request) => {
      this.requests.push(request);
      this.#passProxy(request);
    });
  }

  get id(): string {
    return this.#container.id;
  }

  /** How many log streams are open. */
  get followers(): number {
    return this.#followers.size;
  }

  /**
   * The container writes a line, or several; one character a byte, a last line end may be left out. One that does not
   * run writes nothing.
   */
  say(stream: StreamName, text: string): void {
    if (!this.#container.running) return;
    for (const line of text.replace(/\n$/, '').split('\n')) {
      const entries = this.#container.write(stream, line);
      for (const { response, query } of this.#followers) {
        for (const entry of entries) {
          for (const piece of this.#container.log.encode(entry, query)) response.write(piece);
        }
      }
    }
  }

  stop(): void {
    this.#container.running = false;
    this.#execs.killAll();
    for (const { response } of this.#followers) response.end();
    this.#followers.clear();
  }

  start(): void {
    this.#container.start();
  }

  /** `docker rm`: from now on there is no such container. */
  remove(): void {
    this.stop();
    this.#exists = false;
  }

  /** A new container of the same name: new id, empty log, running. */
  recreate(): void {
    this.remove();
    this.#container.renew();
    this.#exists = true;
  }

  onExec(handler: ExecHandler): void {
    this.#execs.handler = handler;
  }

  /** How many inspections of an exec still say running after its output ended. */
  lateExit(inspections: number): void {
    this.#execs.late = inspections;
  }

  /** Answers exec requests like a socket proxy that does not grant them; undefined grants them again. */
  refuseExec(status: number | undefined): void {
    this.#execRefusal = status;
  }

  /** From now on a socket proxy stands before the Engine, which grants only this. */
  behindProxy(...granted: ProxyFlag[]): void {
    this.#granted = granted;
  }

  /** From now on the container logs through this driver. Engines differ in the status for one that cannot be read. */
  logDriver(name: string, unreadableStatus: 500 | 501 = 501): void {
    this.#container.logDriver = name;
    this.#unreadableStatus = unreadableStatus;
  }

  /** Breaks the open log streams after what was said so far, as a proxy or a dying Engine does. */
  cutStreams(): void {
    for (const { response } of this.#followers) response.socket?.destroySoon();
    this.#followers.clear();
  }

  /** These bytes next in every open log stream, be they frames or not. */
  sendRaw(bytes: Buffer): void {
    for (const { response } of this.#followers) response.write(bytes);
  }

  async listen(): Promise<void> {
    await rm(this.#socketPath, { force: true });
    this.#server.listen(this.#socketPath);
    await once(this.#server, 'listening');
  }

  /** The Engine goes away: connections break, the socket is gone. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #routes(): Route[] {
    return [
      { method: 'GET', path: /^\/_ping$/, answer: (_, response) => void response.end('OK') },
      {
        method: 'GET',
        path: /^\/version$/,
        answer: (_, response) =>
          sendJson(response, 200, { Version: '20.10.24', ApiVersion: '1.41', MinAPIVersion: '1.12' }),
      },
      { method: 'GET', path: /^\/containers\/json$/, answer: (call, response) => this.#list(call, response) },
      {
        method: 'GET',
        path: /^\/containers\/([^/]+)\/json$/,
        answer: ({ target }, response) => sendJson(response, 200, this.#find(target).inspection()),
      },
      {
        method: 'GET',
        path: /^\/containers\/([^/]+)\/logs$/,
        answer: (call, response) => this.#logs(call, response),
      },
      {
        method: 'POST',
        path: /^\/containers\/([^/]+)\/exec$/,
        answer: (call, response) => this.#createExec(call, response),
      },
      {
        method: 'POST',
        path: /^\/exec\/([^/]+)\/start$/,
        answer: ({ target }, response) => this.#execs.start(target, response),
      },
      {
        method: 'GET',
        path: /^\/exec\/([^/]+)\/json$/,
        answer: ({ target }, response) => sendJson(response, 200, this.#execs.inspect(target)),
      },
    ];
  }

  #passProxy(request: string): void {
    const [method = '', path = ''] = request.split(' ');
    const granted = this.#granted;
    if (granted === undefined) return;
    const area = /^(?:\/v[\d.]+)?\/exec/.test(path) ? 'EXEC' : 'CONTAINERS';
    if (!granted.includes(area) || (method !== 'GET' && !granted.includes('POST')))
      throw new ApiError(403, 'Forbidden');
  }

  #find(reference: string): Container {
    if (this.#exists && this.#container.isCalled(reference)) return this.#container;
    throw new ApiError(404, `No such container: ${reference}`);
  }

  #list({ query }: Call, response: ServerResponse): void {
    const filters = JSON.parse(query.get('filters') || '{}') as Record<string, object>;
    const passed = Object.entries(filters).map(([name, values]) => {
      const passes = this.#container.passes(name, Array.isArray(values) ? values : Object.keys(values));
      if (passes === undefined) throw new ApiError(400, `Invalid filter '${name}'`);
      return passes;
    });
    // Asking for a status is asking for stopped ones too.
    const wanted = this.#container.running || flag(query, 'all') || 'status' in filters;
    const listed = this.#exists && wanted && passed.every(Boolean);
    sendJson(response, 200, listed ? [this.#container.listing()] : []);
  }

  #logs({ target, query }: Call, response: ServerResponse): void {
    const container = this.#find(target);
    const wanted = readLogQuery(query);
    if (!container.readable) {
      throw new ApiError(this.#unreadableStatus, 'configured logging driver does not support reading');
    }
    response.writeHead(200);
    response.flushHeaders();
    for (const piece of container.log.read(wanted)) response.write(piece);
    if (!flag(query, 'follow') || !container.running) {
      response.end();
      return;
    }
    const follower = { response, query: wanted };
    this.#followers.add(follower);
    response.on('close', () => this.#followers.delete(follower));
  }

  #createExec({ target, body }: Call, response: ServerResponse): void {
    if (this.#execRefusal !== undefined) throw new ApiError(this.#execRefusal, 'Forbidden');
    const container = this.#find(target);
    if (!container.running) throw new ApiError(409, `Container ${container.id} is not running`);
    sendJson(response, 201, this.#execs.create(body));
  }
}

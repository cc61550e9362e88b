import { randomBytes } from 'node:crypto';
import type { StreamName } from '../../src/core/log/log-line.ts';
import { ContainerLog } from './container-log.ts';

export interface ContainerOptions {
  readonly name: string;
  readonly image?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly tty?: boolean;
  /** Its address in each Engine network, with the length: `{ mail_default: '172.18.0.5/16' }`. */
  readonly networks?: Readonly<Record<string, string>>;
  /** Paths inside the container that are mounts. */
  readonly mounts?: readonly string[];
}

/** Drivers whose logs an Engine without a cache of its own can read back. */
const READABLE = ['json-file', 'local', 'journald'];

/** One container: what the Engine knows of it, without any HTTP. */
export class Container {
  readonly name: string;
  id = newId();
  running = true;
  logDriver = 'json-file';
  log: ContainerLog;
  readonly #options: ContainerOptions;
  readonly #now: () => number;
  #startedAt: number;
  #sequence = 0;

  constructor(options: ContainerOptions, now: () => number) {
    this.name = options.name;
    this.#options = options;
    this.#now = now;
    this.#startedAt = now();
    this.log = new ContainerLog(this.tty);
  }

  get tty(): boolean {
    return this.#options.tty ?? false;
  }

  get readable(): boolean {
    return READABLE.includes(this.logDriver);
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.#startedAt = this.#now();
  }

  /** A new container under the old name, as `docker compose up --force-recreate` makes one. */
  renew(): void {
    this.id = newId();
    this.log = new ContainerLog(this.tty);
    this.running = false;
    this.start();
  }

  write(stream: StreamName, line: string): ReturnType<ContainerLog['append']> {
    return this.log.append(stream, line, this.#stamp(), this.logDriver);
  }

  /** By name, by id, or by the beginning of the id. */
  isCalled(reference: string): boolean {
    return reference === this.name || (reference !== '' && this.id.startsWith(reference));
  }

  /** Whether it passes one filter of a list request. Undefined: the Engine knows no such filter. */
  passes(filter: string, values: readonly string[]): boolean | undefined {
    const test = (matches: (value: string) => boolean) => values.length === 0 || values.some(matches);
    switch (filter) {
      case 'id':
        return test((value) => this.id.startsWith(value));
      case 'name':
        return test((value) => [this.name, `/${this.name}`].some((name) => new RegExp(value).test(name)));
      case 'status':
        return test((value) => value === this.status);
      case 'label':
        // The only filter whose values must all be met.
        return values.every((value) => {
          const [key = '', ...rest] = value.split('=');
          const label = this.#options.labels?.[key];
          return label !== undefined && (rest.length === 0 || label === rest.join('='));
        });
      default:
        return undefined;
    }
  }

  get status(): 'running' | 'exited' {
    return this.running ? 'running' : 'exited';
  }

  inspection(): object {
    return {
      Id: this.id,
      Name: `/${this.name}`,
      State: {
        Status: this.status,
        Running: this.running,
        Paused: false,
        Restarting: false,
        StartedAt: new Date(this.#startedAt).toISOString(),
      },
      Config: { Tty: this.tty, Labels: this.#options.labels ?? {} },
      HostConfig: { LogConfig: { Type: this.logDriver, Config: {} } },
      NetworkSettings: { Networks: this.#networks() },
      Mounts: this.#mounts(),
    };
  }

  listing(): object {
    return {
      Id: this.id,
      Names: [`/${this.name}`],
      Image: this.#options.image ?? 'mailserver/docker-mailserver:latest',
      Created: Math.floor(this.#startedAt / 1000),
      Labels: this.#options.labels ?? {},
      State: this.status,
      Status: this.running ? 'Up 1 minute' : 'Exited (0) 1 minute ago',
      NetworkSettings: { Networks: this.#networks() },
      Mounts: this.#mounts(),
    };
  }

  /** A stopped container is still in its networks, but has no address there. */
  #networks(): object {
    const networks = Object.entries(this.#options.networks ?? {}).map(([name, cidr]) => {
      const [address = '', length = ''] = this.running ? cidr.split('/') : [];
      const six = address.includes(':');
      return [
        name,
        {
          // The Engine takes the first address of a network for itself.
          Gateway: six ? '' : address.replace(/\.\d+$/, '.1'),
          IPAddress: six ? '' : address,
          IPPrefixLen: six ? 0 : Number(length),
          GlobalIPv6Address: six ? address : '',
          GlobalIPv6PrefixLen: six ? Number(length) : 0,
        },
      ];
    });
    return Object.fromEntries(networks);
  }

  #mounts(): object[] {
    return (this.#options.mounts ?? []).map((path) => ({
      Type: 'bind',
      Source: `/srv${path}`,
      Destination: path,
      RW: false,
    }));
  }

  /** Different for each line, in the clock's order while it goes forward, and back when it jumps back. */
  #stamp(): bigint {
    this.#sequence = (this.#sequence + 1) % 1_000_000;
    return BigInt(Math.floor(this.#now())) * 1_000_000n + BigInt(this.#sequence);
  }
}

function newId(): string {
  return randomBytes(32).toString('hex');
}

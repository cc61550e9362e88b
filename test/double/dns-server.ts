import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type DecodedPacket, decode } from 'dns-packet';
import { answerTo } from './dns-answer.ts';
import type { Zone, ZoneType } from './dns-zone.ts';

export interface DnsServerOptions {
  readonly zone: Zone;
  /** Time before each answer, in milliseconds. */
  readonly delayMs?: number;
  /** On 127.0.0.1; 0, the default, is any free one. */
  readonly port?: number;
}

export interface DnsServer extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly server: string;
  /** `udp TYPE name` or `tcp TYPE name` of each question, in order, the name as it was written. */
  readonly asked: readonly string[];
  /** Questions for this name and type so far, over UDP and TCP. */
  count(type: ZoneType, name: string): number;
  /** The most questions that waited for their answer at once. */
  readonly mostAtOnce: number;
  close(): Promise<void>;
}

/** An authoritative DNS server for everything in the zone, on UDP and TCP of one port. */
export async function startDnsServer({ zone, delayMs = 0, port = 0 }: DnsServerOptions): Promise<DnsServer> {
  const { udp, tcp } = await bind(port);
  const desk = createDesk(delayMs);
  const clients = new Set<Socket>();

  udp.on('message', (packet, from) =>
    desk.take('udp', packet, (query) => {
      const bytes = answerTo(query, zone, 'udp');
      if (Buffer.isBuffer(bytes)) udp.send(bytes, from.port, from.address);
    }),
  );
  tcp.on('connection', (client) => {
    clients.add(client);
    client.on('close', () => clients.delete(client));
    // The other side may cut the connection at any time.
    client.on('error', () => client.destroy());
    onMessage(client, (packet) => desk.take('tcp', packet, (query) => answerOverTcp(client, query, zone)));
  });

  const close = async () => {
    if (!tcp.listening) return;
    desk.close();
    for (const client of clients) client.destroy();
    await Promise.all([once(udp.close(), 'close'), once(tcp.close(), 'close')]);
  };
  return {
    server: `127.0.0.1:${udp.address().port}`,
    asked: desk.asked,
    count: (type, name) =>
      desk.asked.filter((line) => line.slice(4).toLowerCase() === `${type} ${name}`.toLowerCase()).length,
    get mostAtOnce() {
      return desk.mostAtOnce;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Writes the questions down and lets each wait for its answer. */
function createDesk(delayMs: number) {
  const asked: string[] = [];
  const timers = new Set<NodeJS.Timeout>();
  return {
    asked,
    mostAtOnce: 0,
    take(transport: 'udp' | 'tcp', packet: Buffer, answer: (query: DecodedPacket) => void): void {
      const query = decode(packet);
      const [question] = query.questions ?? [];
      asked.push(`${transport} ${question?.type} ${question?.name}`);
      const timer = setTimeout(() => {
        timers.delete(timer);
        answer(query);
      }, delayMs);
      timers.add(timer);
      this.mostAtOnce = Math.max(this.mostAtOnce, timers.size);
    },
    close(): void {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** Each message has its length before it (RFC 1035 section 4.2.2). */
function onMessage(client: Socket, handle: (packet: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  client.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const end = 2 + rest.readUInt16BE(0);
      handle(rest.subarray(2, end));
      rest = rest.subarray(end);
    }
  });
}

function answerOverTcp(client: Socket, query: DecodedPacket, zone: Zone): void {
  const bytes = answerTo(query, zone, 'tcp');
  if (bytes === 'cut') client.destroy();
  if (!Buffer.isBuffer(bytes)) return;
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  client.write(Buffer.concat([length, bytes]));
}

/** A port that is free for both; a free one of UDP may be taken on TCP. */
async function bind(wanted: number) {
  for (let tries = 1; ; tries += 1) {
    const tcp = createServer();
    tcp.listen(wanted, '127.0.0.1');
    await once(tcp, 'listening');
    const udp = createSocket('udp4');
    udp.bind((tcp.address() as AddressInfo).port, '127.0.0.1');
    try {
      await once(udp, 'listening');
      return { udp, tcp };
    } catch (error) {
      tcp.close();
      if (wanted !== 0 || tries === 10) throw error;
    }
  }
}

// Serves the control socket: one at a time by path, one request a connection. The commands are in daemon/requests.ts.
import { once } from 'node:events';
import { chmod, link, lstat, mkdtemp, rename, rm, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import {
  type ControlReply,
  formatMessage,
  LONGEST_REQUEST,
  parseRequest,
} from '../core/base/control-message.ts';
import { type Advice, advise, FILE_ADVICE, missing } from '../core/base/system-error.ts';
import { type Control, FileError } from '../ports.ts';

type Handle = Parameters<Control['serve']>[0];

/** More than an administrator and a health check ever need at once. */
const CONNECTIONS = 16;
/** A client that neither sends its request nor reads its reply for so long is cut off. */
const IDLE_MS = 10_000;
/** For pending replies after the abort. */
const GRACE_MS = 1_000;
/** Bytes of sun_path (unix(7)) without the final NUL; libuv cuts a longer path and says nothing. */
const LONGEST_PATH = 107;
/** Beside the socket: the socket that gets the name next. Only one can be here, so this is a lock. */
const TURN = '.takeover';

const NO_SOCKETS =
  'its file system has no sockets or hard links: keep the state directory in a volume of the Engine';
const ADVICE: Advice = { ...FILE_ADVICE, EPERM: NO_SOCKETS, EOPNOTSUPP: NO_SOCKETS };

/**
 * Serves the control port on a Unix socket of mode 0600. Rejects with FileError when the path cannot be used or
 * another process listens there, even when both start at the same moment. When `handle` rejects, its client gets a
 * reply of kind `failed`, and then `ended` rejects with the same error.
 */
export async function serveControl(
  path: string,
  handle: Handle,
  signal: AbortSignal,
  { idleMs = IDLE_MS, graceMs = GRACE_MS } = {},
): ReturnType<Control['serve']> {
  const server = createServer();
  const open = new Set<Socket>();
  /** Those with a request under way. */
  const busy = new Set<Socket>();
  const bug = new Promise<never>((_, reject) => {
    server.on('connection', (socket) => {
      if (open.size >= CONNECTIONS) makeRoom(socket);
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      converse(socket, (request) => working(socket, handle(request)), idleMs).catch(reject);
    });
  });

  async function working<T>(socket: Socket, work: Promise<T>): Promise<T> {
    busy.add(socket);
    return work.finally(() => busy.delete(socket));
  }

  /** The oldest client that has not sent its request, or does not read its reply, is closed; else the new one is. */
  function makeRoom(newest: Socket): void {
    const idle = [...open].find((socket) => !busy.has(socket)) ?? newest;
    open.delete(idle);
    idle.destroy();
  }

  try {
    const own = await explained(path, () => publish(server, path));
    const closed = once(server, 'close');
    return { ended: Promise.race([bug, Promise.all([closed, stop(own)])]).then(() => {}) };
  } catch (error) {
    server.close();
    throw error;
  }

  async function stop(own: bigint): Promise<void> {
    if (!signal.aborted) await once(signal, 'abort');
    const cut = () => {
      for (const socket of open) socket.destroy();
    };
    setTimeout(cut, graceMs).unref();
    try {
      // While it listens: then no other file can have the number of its inode.
      await explained(path, async () => {
        if (await isInode(path, own)) await unlink(path);
      });
    } finally {
      server.close();
    }
  }
}

/** One client, from its connection until its reply is on the way. Rejects on a bug of `handle` only. */
async function converse(socket: Socket, handle: Handle, idleMs: number): Promise<void> {
  // A client that is gone needs no reply.
  socket.on('error', () => {});
  socket.on('timeout', () => socket.destroy()).setTimeout(idleMs);
  const line = await readLine(socket);
  if (line === undefined) return;
  const request = parseRequest(line);
  // It may wait as long as the work takes.
  socket.setTimeout(0);
  try {
    reply(request.ok ? await handle(request.value) : { ok: false, kind: 'usage', problem: request.problem });
  } catch (error) {
    reply({ ok: false, kind: 'failed', problem: 'screenpass failed by a bug: check its log, and report it' });
    throw error;
  }

  function reply(message: ControlReply): void {
    socket.end(formatMessage(message)).setTimeout(idleMs);
  }
}

/** The first line, or as much of it as is too long already. Undefined: the client left before its end. */
function readLine(socket: Socket): Promise<string | undefined> {
  let line = '';
  return new Promise((resolve) => {
    socket.once('close', () => resolve(undefined));
    socket.setEncoding('utf8').on('data', function collect(chunk: string) {
      const end = chunk.indexOf('\n');
      line += end < 0 ? chunk : chunk.slice(0, end);
      if (end < 0 && line.length <= LONGEST_REQUEST) return;
      // What follows still flows, and is lost: a client that cannot get rid of it would not read the reply.
      socket.off('data', collect);
      resolve(line);
    });
  });
}

/**
 * Lets the server listen on the path and gives the number of the socket's inode. It listens in a directory that only we
 * can enter before it has a name outside: so what has a name and does not listen was left by a kill.
 */
async function publish(server: Server, path: string): Promise<bigint> {
  if (Buffer.byteLength(path) > LONGEST_PATH)
    throw new FileError(
      `${path} is longer than the ${LONGEST_PATH} bytes that the path of a socket may have: choose a shorter SCREENPASS_STATE_DIR`,
    );
  const room = await mkdtemp(`${dirname(path)}/.`);
  try {
    const own = join(room, 's');
    await once(server.listen(own), 'listening');
    await chmod(own, 0o600);
    const { ino } = await lstat(own, { bigint: true });
    await takeName(own, path);
    // Two that found the same dead turn may have taken it from each other.
    if (!(await isInode(path, ino))) throw inUse(path);
    return ino;
  } finally {
    await rm(room, { recursive: true, force: true });
  }
}

/** Replaces a dead socket, one process at a time: the second would replace the first, which is alive by then. */
async function takeName(own: string, path: string): Promise<void> {
  const turn = join(dirname(path), TURN);
  if (!(await linked(own, turn))) {
    if ((await probe(turn)) !== 'dead') throw inUse(path);
    await rm(turn, { force: true });
    if (!(await linked(own, turn))) throw inUse(path);
  }
  try {
    if ((await probe(path)) === 'alive') throw inUse(path);
    await rename(turn, path).catch(missing);
  } catch (error) {
    await rm(turn, { force: true });
    throw error;
  }
}

/** A second name for the socket. False: something has it already. */
async function linked(own: string, name: string): Promise<boolean> {
  try {
    await link(own, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** What has the name. Dead: a kill left it behind. */
async function probe(path: string): Promise<'alive' | 'dead' | 'nothing'> {
  const found = await lstat(path).catch(missing);
  if (found?.isSocket() === false)
    throw new FileError(`${path} is in the way and not a socket of screenpass: move it elsewhere`);
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return 'alive';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED') return 'dead';
    if (code === 'ENOENT') return 'nothing';
    throw error;
  } finally {
    socket.destroy();
  }
}

async function isInode(path: string, number: bigint): Promise<boolean> {
  return (await lstat(path, { bigint: true }).catch(missing))?.ino === number;
}

function inUse(path: string): FileError {
  return new FileError(
    `another screenpass uses this state directory (it listens on ${path}): stop it, or give this one its own SCREENPASS_STATE_DIR`,
  );
}

async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = advise(path, error, ADVICE);
    throw reason === undefined ? error : new FileError(reason, { cause: error });
  }
}

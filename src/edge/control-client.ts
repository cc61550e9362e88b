// Sends one request to the control socket of the daemon and reads the reply.
import { connect, type Socket } from 'node:net';
import {
  type ControlReply,
  type ControlRequest,
  formatMessage,
  parseReply,
} from '../core/base/control-message.ts';
import { type Advice, advise } from '../core/base/system-error.ts';
import { FileError } from '../ports.ts';

const NO_DAEMON =
  'no screenpass runs with this state directory: start it, or set SCREENPASS_STATE_DIR to its directory';
const NO_REPLY =
  'screenpass ended before it replied, or too many commands wait: check its log, and try again';

const ADVICE: Advice = {
  ENOENT: NO_DAEMON,
  // The daemon was killed.
  ECONNREFUSED: NO_DAEMON,
  EACCES: 'only the user that screenpass runs as may use it: run this command as that user',
  ECONNRESET: NO_REPLY,
  EPIPE: NO_REPLY,
};

/**
 * Asks the daemon that listens on the path. Rejects with FileError, which says what to do, when none listens, when it
 * may not be asked, and when no reply came within `timeoutMs` in all.
 */
export async function askControl(
  path: string,
  request: ControlRequest,
  timeoutMs: number,
): Promise<ControlReply> {
  const socket = connect(path);
  const overdue = setTimeout(() => {
    const late = `${path}: screenpass did not answer within ${timeoutMs / 1000} s: check its log`;
    socket.destroy(new FileError(late));
  }, timeoutMs);
  try {
    socket.write(formatMessage(request));
    const text = await readAll(socket);
    if (!text.endsWith('\n')) throw new FileError(`${path}: ${NO_REPLY}`);
    const reply = parseReply(text);
    if (reply !== undefined) return reply;
    throw new FileError(
      `${path}: another program or version listens here: use the command of the version that runs`,
    );
  } catch (error) {
    const explained = advise(path, error, ADVICE);
    throw explained === undefined ? error : new FileError(explained, { cause: error });
  } finally {
    clearTimeout(overdue);
    socket.destroy();
  }
}

async function readAll(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  return text;
}

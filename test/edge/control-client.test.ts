import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askControl } from '../../src/edge/control-client.ts';
import { FileError } from '../../src/ports.ts';
import {
  type Controls,
  createControls,
  held,
  LONG_MS,
  leaveStale,
  STATUS,
  withoutRoot,
} from '../double/control.ts';

let controls: Controls;
beforeEach(async () => {
  controls = await createControls();
});
afterEach(() => controls.remove());

describe('the client', () => {
  it('says what to do when there is no daemon', async () => {
    const ask = () => askControl(controls.path, STATUS, LONG_MS);
    await expect(ask()).rejects.toThrow(FileError);
    await expect(ask()).rejects.toThrow(
      /control\.sock: no screenpass runs with this state directory: start it.*\(ENOENT\)/,
    );
    await leaveStale(controls.path);
    await expect(ask()).rejects.toThrow(/no screenpass runs with this state directory.*\(ECONNREFUSED\)/);
  });

  it('says what to do when it may not ask', async () => {
    await controls.serve();
    await chmod(controls.folder, 0o755);
    await withoutRoot(() =>
      expect(askControl(controls.path, STATUS, LONG_MS)).rejects.toThrow(
        /only the user that screenpass runs as.*\(EACCES\)/,
      ),
    );
  });

  it('does not wait longer than it was told to', async () => {
    await controls.serve(held().handle);
    const asking = askControl(controls.path, STATUS, 20);
    await expect(asking).rejects.toThrow(/did not answer within 0.02 s: check its log/);
    await expect(asking).rejects.toThrow(FileError);
  });

  it('knows that a daemon that hangs up without reading was ended', async () => {
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      setTimeout(() => socket.destroy(), 10);
    }).listen(controls.path);
    await once(server, 'listening');
    await expect(askControl(controls.path, STATUS, LONG_MS)).rejects.toThrow(
      /ended before it replied.*\(ECONNRESET\)/,
    );
    server.close();
  });

  it.each([
    ['', /ended before it replied/],
    ['{"ok":true,"result":1}', /ended before it replied/],
    ['\n', /another program or version listens here/],
    ['HTTP/1.1 400 Bad Request\r\n', /another program or version listens here/],
    ['{"ok":true,"result":1}\n{"ok":true,"result":2}\n', /another program or version listens here/],
  ])('does not take %j for a reply', async (text, told) => {
    const server = createServer((socket) => socket.resume().end(text)).listen(controls.path);
    await once(server, 'listening');
    const asking = askControl(controls.path, STATUS, LONG_MS);
    await expect(asking).rejects.toThrow(told);
    await expect(asking).rejects.toThrow(FileError);
    server.close();
    await once(server, 'close');
  });
});

// An answer that is cut in the middle has no end: no call may wait for one.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createDockerEngine } from '../../src/edge/docker.ts';
import { EngineError } from '../../src/ports.ts';

const target = { id: 'a'.repeat(64), name: 'mail', tty: false, logDriver: 'json-file', run: 'r' } as never;

it('a call whose answer was cut in the middle ends with its time limit or the stop, and never waits for ever', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'screenpass-cut-'));
  const path = join(directory, 'sock');
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{', () => response.destroy());
  });
  const cuts = async () => {
    const [, response] = await once(server, 'request');
    await once(response, 'close');
    // The client also has to have seen it.
    await sleep(200);
  };
  server.listen(path);
  try {
    const calls = [
      (engine: ReturnType<typeof createDockerEngine>) => engine.inspect(),
      (engine: ReturnType<typeof createDockerEngine>) => engine.lastLines(target, 10),
      (engine: ReturnType<typeof createDockerEngine>) => engine.exec('a', ['true'], 20_000),
    ];
    for (const call of calls) {
      const stop = new AbortController();
      const engine = createDockerEngine({ host: `unix://${path}`, container: 'mail', stop: stop.signal });
      const cut = cuts();
      const answer = call(engine).catch((error: unknown) => error);
      await cut;
      stop.abort();
      expect(await answer).toBeInstanceOf(EngineError);
    }
  } finally {
    server.close();
    rmSync(directory, { recursive: true });
  }
}, 15_000);

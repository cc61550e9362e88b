import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { spawned } from '../double/program.ts';

it('does not start when the port of SCREENPASS_HTTP is taken, and says what to do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'screenpass-'));
  const other = createServer().listen(0, '127.0.0.1');
  try {
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const env = {
      DOCKER_HOST: `unix://${folder}/docker.sock`,
      SCREENPASS_TABLE: `${folder}/table.cidr`,
      SCREENPASS_STATE_DIR: folder,
      SCREENPASS_HTTP: `127.0.0.1:${port}`,
    };
    const { code, stdout, stderr } = await spawned(['run'], { env });
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toBe(
      `screenpass: SCREENPASS_HTTP: cannot listen on 127.0.0.1:${port}: something else listens there: ` +
        'stop it, or give SCREENPASS_HTTP another port (EADDRINUSE)\n',
    );
  } finally {
    other.close();
    await rm(folder, { recursive: true });
  }
});

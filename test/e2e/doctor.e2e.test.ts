// What doctor says of real containers with a real Postfix.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckName, CheckResult } from '../../src/core/doctor/check-result.ts';
import { zone } from './dns-steps.ts';
import { Stack, TABLE, WIRING } from './harness.ts';

const ses = '54.240.27.75';
// The first run also builds the images.
const buildTime = 900_000;
const stepTime = 120_000;

describe('doctor', () => {
  const stack = new Stack({ wired: true, clients: [ses], listed: [ses], zone });

  beforeAll(() => stack.up(), buildTime);
  afterAll(() => stack.remove(), stepTime);

  async function look(
    container?: string,
  ): Promise<{ code: number; of: (check: CheckName) => CheckResult | undefined }> {
    const settings = container === undefined ? {} : { SCREENPASS_CONTAINER: container };
    const { code, stdout } = await stack.screenpassAs(settings, 'doctor', '--json');
    const findings = JSON.parse(stdout) as CheckResult[];
    return { code, of: (check) => findings.find((finding) => finding.check === check) };
  }

  /** Once Postfix runs there. */
  function lookWhenUp(container: string) {
    return stack.until(`Postfix in ${container}`, async () => {
      const looked = await look(container);
      return looked.of('postfix')?.verdict === 'ok' ? looked : undefined;
    });
  }

  it(
    'finds a healthy stack healthy',
    async () => {
      await stack.alert('started');
      await stack.send({
        from: ses,
        helo: 'a27-75.smtp-out.us-west-2.amazonses.com',
        sender: 'x@amazonses.com',
      });
      await stack.alert('reload-done');
      const { stdout } = await stack.screenpass('doctor');
      const ill = stdout.match(/^(?:warn|FAIL|\?) +\S+/gm) ?? [];
      expect(ill).toEqual([]);
      expect(stdout).toMatch(/^ok {4}table-postfix {2}/m);
      expect(stdout).toMatch(/^ok {4}clients {8}1 of the last 1 /m);
    },
    stepTime,
  );

  it(
    'finds a table that nobody named, and a log that cannot be read',
    async () => {
      const mount = `${stack.shared}:/etc/screenpass:ro`;
      const { code, of } = await lookWhenUp(
        await stack.anotherMail('run', '--log-driver', 'none', '-v', mount),
      );
      expect(code).toBe(1);
      expect(of('log')).toMatchObject({
        verdict: 'fail',
        remedy: expect.stringContaining('driver: json-file'),
      });
      expect(of('clients')).toMatchObject({ verdict: 'unknown' });
      expect(of('wired')).toMatchObject({
        verdict: 'fail',
        remedy: expect.stringContaining(`\n  ${WIRING}\n`),
      });
      expect(of('table-postfix')).toMatchObject({ verdict: 'ok' });
      expect(of('table-shared')).toMatchObject({ verdict: 'ok' });
    },
    stepTime,
  );

  it(
    'finds a table that is mounted as a single file',
    async () => {
      const mount = `${stack.shared}/postscreen_access.cidr:${TABLE}:ro`;
      const { code, of } = await look(await stack.anotherMail('run', '-v', mount));
      expect(code).toBe(1);
      expect(of('table-shared')).toMatchObject({
        verdict: 'fail',
        says: expect.stringContaining('single file'),
        remedy: expect.stringContaining('./docker-data/screenpass/:/etc/screenpass/:ro'),
      });
    },
    stepTime,
  );

  it(
    'finds a table that Postfix does not have',
    async () => {
      const { of } = await look(await stack.anotherMail('run'));
      expect(of('table-postfix')).toMatchObject({
        verdict: 'fail',
        says: expect.stringContaining('No such file or directory'),
      });
      expect(of('table-shared')).toMatchObject({ verdict: 'unknown' });
    },
    stepTime,
  );

  it(
    'finds a container that is stopped, and one that is not there',
    async () => {
      const stopped = await stack.anotherMail('create');
      expect((await look(stopped)).of('container')).toMatchObject({
        verdict: 'fail',
        says: `${stopped} does not run`,
      });
      const { code, of } = await look('mail-server');
      expect(code).toBe(1);
      expect(of('container')).toMatchObject({ verdict: 'fail', remedy: expect.stringContaining(stopped) });
    },
    stepTime,
  );

  it(
    'finds an Engine that is not there',
    async () => {
      const settings = { DOCKER_HOST: 'unix:///run/nowhere.sock' };
      const { code, stdout } = await stack.screenpassAs(settings, 'doctor', '--json');
      expect(code).toBe(3);
      expect(JSON.parse(stdout)[0]).toMatchObject({ check: 'engine', verdict: 'fail' });
    },
    stepTime,
  );
});

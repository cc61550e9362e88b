import { describe, expect, it } from 'vitest';
import { execContract } from './exec-contract.ts';
import { followContract } from './follow-contract.ts';
import { engineOf, PATIENCE_MS, running, type Setup, type Subject } from './subject.ts';
import { drain, relay } from './tools.ts';

/** What the daemon relies on when it uses an Engine through createDockerEngine. Each test has its own container. */
export function engineContract(name: string, setup: Setup): void {
  describe.concurrent(name, { timeout: PATIENCE_MS }, () => {
    inspectContract(setup);
    followContract(setup);
    execContract(setup);
    diagnosticContract(setup);

    it('is unreachable when nobody answers', async () => {
      await using subject = await setup();
      const container = await running(engineOf(subject));
      const engine = engineOf(subject, subject.name, `unix://${subject.socketPath}.nowhere`);
      const unreachable = { name: 'EngineError', kind: 'unreachable' };
      await expect(engine.inspect()).rejects.toMatchObject(unreachable);
      await expect(engine.exec(container.id, ['true'], PATIENCE_MS)).rejects.toMatchObject(unreachable);
      const lines = drain(engine.follow(container, undefined, new AbortController().signal));
      await expect(lines).rejects.toMatchObject(unreachable);
    });
  });
}

const NAMINGS: readonly (readonly [string, (subject: Subject) => string])[] = [
  ['name', (subject) => subject.name],
  ['Compose service', (subject) => `service=${subject.service}`],
  ['label', (subject) => `label=${subject.label}`],
];

function inspectContract(setup: Setup): void {
  it('tells what a running container is like', async () => {
    await using subject = await setup();
    expect(await running(engineOf(subject))).toEqual({
      id: await subject.id(),
      run: expect.stringContaining(await subject.id()),
      tty: false,
      logDriver: 'json-file',
      networks: subject.networks,
      gateways: subject.gateways,
      mounts: [subject.mount],
    });
  });

  it('finds it by id, and by the beginning of the id', async () => {
    await using subject = await setup();
    const id = await subject.id();
    expect((await running(engineOf(subject, id))).id).toBe(id);
    expect((await running(engineOf(subject, id.slice(0, 12)))).id).toBe(id);
  });

  it.each(NAMINGS)('follows the life of a container named by %s', async (_, naming) => {
    await using subject = await setup();
    const engine = engineOf(subject, naming(subject));
    const first = await subject.id();
    expect((await running(engine)).id).toBe(first);
    await subject.stop();
    expect((await engine.inspect()).kind).toBe('stopped');
    await subject.recreate();
    const second = await subject.id();
    expect(second).not.toBe(first);
    const { id, run } = await running(engine);
    expect([id, (await running(engine)).run]).toEqual([second, run]);
    await subject.remove();
    expect((await engine.inspect()).kind).toBe('missing');
  });

  it('works over TCP', async () => {
    await using subject = await setup();
    await using over = await relay(subject.socketPath);
    expect((await running(engineOf(subject, subject.name, over.host))).id).toBe(await subject.id());
  });
}

/** What doctor relies on. */
function diagnosticContract(setup: Setup): void {
  it.each(NAMINGS)('grants every call that a container named by %s takes', async (_, naming) => {
    await using subject = await setup();
    expect(await engineOf(subject, naming(subject)).refusedCalls()).toEqual([]);
  });

  it('lists the container with its image, also when it is stopped', async () => {
    await using subject = await setup();
    const listed = async () =>
      (await engineOf(subject).containers()).find(({ name }) => name === subject.name);
    expect(await listed()).toEqual({ name: subject.name, image: subject.image });
    await subject.stop();
    expect(await listed()).toEqual({ name: subject.name, image: subject.image });
  });

  it.each([false, true])('gives the last lines of both streams together, and ends (tty: %s)', async (tty) => {
    await using subject = await setup({ tty });
    const engine = engineOf(subject);
    const container = await running(engine);
    expect(await engine.lastLines(container, 3)).toEqual([]);
    await subject.say('stdout', 'one', 'two');
    await subject.say('stderr', 'three');
    await subject.say('stdout', 'four');
    const last = await until(async () => {
      const lines = (await engine.lastLines(container, 3)).map(({ text }) => text);
      return lines.at(-1) === 'four' ? lines : undefined;
    });
    expect(last).toEqual(['two', 'three', 'four']);
    expect(await engine.lastLines(container, 100)).toHaveLength(4);
  });
}

/** A real Engine has what a container wrote a moment later. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await new Promise((done) => setTimeout(done, 20));
  }
}

import { expect, it } from 'vitest';
import { EngineError } from '../../src/ports.ts';
import { engineOf, running, type Setup, type Subject } from './subject.ts';
import { bytes, type Collected, collect, drain } from './tools.ts';

const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/;

async function follow(subject: Subject, since?: string): Promise<Collected & AsyncDisposable> {
  const engine = engineOf(subject);
  const container = await running(engine);
  return collect((signal) => engine.follow(container, since, signal));
}

/** The log of a container, as the daemon reads it. */
export function followContract(setup: Setup): void {
  reading(setup);
  bytesAndParts(setup);
  resuming(setup);
  ending(setup);
  abandoning(setup);
  otherKinds(setup);
}

function reading(setup: Setup): void {
  it('reads both streams from the beginning, in order and stamped', async () => {
    await using subject = await setup();
    await subject.say('stdout', 'one', 'two', 'three');
    await subject.say('stderr', 'four');
    await subject.say('stdout', 'five');
    await using stream = await follow(subject);
    const lines = await stream.lines(5);
    expect(lines.map(({ stream, text }) => `${stream} ${text}`)).toEqual([
      'stdout one',
      'stdout two',
      'stdout three',
      'stderr four',
      'stdout five',
    ]);
    const stamps = lines.map(({ stamp }) => stamp);
    for (const stamp of stamps) expect(stamp).toMatch(STAMP);
    expect(stamps).toEqual(stamps.toSorted());
  });

  it('says that the stream is open before there is a line', async () => {
    await using subject = await setup();
    await using stream = await follow(subject);
    expect(await stream.firstBatch()).toEqual([]);
  });
}

function bytesAndParts(setup: Setup): void {
  it('keeps text as it is, one character a byte', async () => {
    // U+2028 and U+0085 end lines elsewhere, and a client may send them.
    const odd = [
      '',
      'caf\u00c3\u00a9',
      'a\u00e2\u0080\u00a8b\u00c2\u0085c',
      '\u001b[31m\u0000 tail ',
      '',
      'end',
    ];
    await using subject = await setup();
    await subject.say('stdout', ...odd);
    await using stream = await follow(subject);
    expect((await stream.lines(odd.length)).map(({ text }) => text)).toEqual(odd);
  });

  it('puts the parts of a long line together, without the stamps between them', async () => {
    await using subject = await setup();
    const lengths = [6, 20_000, 7, 16_384, 16_383, 40_000, 5];
    await subject.say('stdout', ...lengths.map(bytes));
    await using stream = await follow(subject);
    expectLengths(await stream.lines(lengths.length), lengths);
  });

  it('keeps the parts of a long line apart from the other stream', async () => {
    await using subject = await setup();
    await using stream = await follow(subject);
    await Promise.all([
      subject.say('stdout', ...Array<string>(20).fill(bytes(20_000))),
      subject.say('stderr', ...Array<string>(20).fill(bytes(30_000))),
    ]);
    const lines = await stream.lines(40);
    expectLengths(
      lines,
      lines.map(({ stream }) => (stream === 'stdout' ? 20_000 : 30_000)),
    );
  });
}

function resuming(setup: Setup): void {
  it('resumes from a stamp, with the line of that stamp', async () => {
    await using subject = await setup();
    await subject.say('stdout', 'one', 'two', 'three');
    await using first = await follow(subject);
    const [, second] = await first.lines(3);
    await using again = await follow(subject, second?.stamp);
    expect((await again.lines(2)).map(({ text }) => text)).toEqual(['two', 'three']);
  });

  it('delivers what is written while it follows', async () => {
    await using subject = await setup();
    await using stream = await follow(subject);
    await stream.firstBatch();
    await subject.say('stderr', 'live');
    expect((await stream.lines(1)).map(({ text }) => text)).toEqual(['live']);
    await subject.say('stdout', 'and on');
    expect((await stream.lines(2)).map(({ text }) => text)).toEqual(['live', 'and on']);
  });
}

function ending(setup: Setup): void {
  it('ends when the container stops', async () => {
    await using subject = await setup();
    await using stream = await follow(subject);
    await subject.say('stdout', 'last words');
    await stream.lines(1);
    await subject.stop();
    await stream.ended();
  });

  it('reads what a stopped container has left, and ends', async () => {
    await using subject = await setup();
    const container = await running(engineOf(subject));
    await subject.say('stdout', 'last words');
    await subject.stop();
    const signal = new AbortController().signal;
    const lines = (await drain(engineOf(subject).follow(container, undefined, signal))).flat();
    expect(lines.map(({ text }) => text)).toEqual(['last words']);
  });

  it('ends when the container is removed', async () => {
    await using subject = await setup();
    await using stream = await follow(subject);
    await stream.firstBatch();
    await subject.remove();
    await stream.ended();
  });

  it('fails for a container that is no more', async () => {
    await using subject = await setup();
    const container = await running(engineOf(subject));
    await subject.recreate();
    const lines = engineOf(subject).follow(container, undefined, new AbortController().signal);
    await expect(drain(lines)).rejects.toThrow(EngineError);
  });
}

function abandoning(setup: Setup): void {
  it('ends promptly when it is told to', async () => {
    await using subject = await setup();
    await using stream = await follow(subject);
    await stream.firstBatch();
    const before = performance.now();
    stream.abort();
    await stream.ended();
    expect(performance.now() - before).toBeLessThan(1000);
  });

  it('ends at once when it had been told to before', async () => {
    await using subject = await setup();
    await subject.say('stdout', 'unread');
    const container = await running(engineOf(subject));
    const lines = engineOf(subject).follow(container, undefined, AbortSignal.abort());
    expect((await drain(lines)).flat()).toEqual([]);
  });
}

function otherKinds(setup: Setup): void {
  it('reads the raw stream of a container with a terminal', async () => {
    await using subject = await setup({ tty: true });
    expect((await running(engineOf(subject))).tty).toBe(true);
    await subject.say('stdout', 'one', '', 'two');
    await subject.say('stderr', 'three');
    await using stream = await follow(subject);
    const lines = await stream.lines(4);
    expect(lines.map(({ text }) => text)).toEqual(['one', '', 'two', 'three']);
    for (const { stamp } of lines) expect(stamp).toMatch(STAMP);
  });

  it('reads any byte that the driver "local" keeps', async () => {
    await using subject = await setup({ logDriver: 'local' });
    expect((await running(engineOf(subject))).logDriver).toBe('local');
    await subject.say('stdout', 'a\u00e9\u00ff\u0080b');
    await using stream = await follow(subject);
    expect((await stream.lines(1)).map(({ text }) => text)).toEqual(['a\u00e9\u00ff\u0080b']);
  });

  it('finds the end of a long line, which the driver "local" does not mark', async () => {
    await using subject = await setup({ logDriver: 'local' });
    const lengths = [6, 20_000, 7, 16_384, 5];
    await subject.say('stdout', ...lengths.map(bytes));
    await using stream = await follow(subject);
    expectLengths(await stream.lines(lengths.length), lengths);
  });

  it('says that a log is unreadable when the driver keeps nothing', async () => {
    await using subject = await setup({ logDriver: 'none' });
    const container = await running(engineOf(subject));
    expect(container.logDriver).toBe('none');
    const lines = engineOf(subject).follow(container, undefined, new AbortController().signal);
    await expect(drain(lines)).rejects.toMatchObject({ name: 'EngineError', kind: 'unreadable-log' });
  });
}

/** By length first: a difference in the whole text is a very long report. */
function expectLengths(lines: readonly { text: string }[], lengths: readonly number[]): void {
  expect(lines.map(({ text }) => text.length)).toEqual(lengths);
  expect(lines.every(({ text }) => text === bytes(text.length))).toBe(true);
}

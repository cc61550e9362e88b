import { expect, it } from 'vitest';
import type { ExecResult } from '../../src/core/engine/mail-container.ts';
import { EngineError } from '../../src/ports.ts';
import { engineOf, PATIENCE_MS, type Setup, type Subject } from './subject.ts';

async function exec(subject: Subject, argv: readonly string[], timeoutMs = PATIENCE_MS): Promise<ExecResult> {
  return engineOf(subject).exec(await subject.id(), argv, timeoutMs);
}

/** Commands in a container, as the daemon runs them. */
export function execContract(setup: Setup): void {
  results(setup);
  failures(setup);
}

function results(setup: Setup): void {
  it.each([0, 3])('gives exit code %i, and both outputs apart', async (exitCode) => {
    await using subject = await setup();
    const result = await exec(subject, ['sh', '-c', `echo out; echo err >&2; exit ${exitCode}`]);
    expect(result).toEqual({ exitCode, stdout: 'out\n', stderr: 'err\n' });
  });

  it('gives the exit code of a command that prints nothing', async () => {
    await using subject = await setup();
    expect(await exec(subject, ['false'])).toEqual({ exitCode: 1, stdout: '', stderr: '' });
  });

  it('waits for the end of a command, not of its output', async () => {
    await using subject = await setup();
    const result = await exec(subject, ['sh', '-c', 'echo done; exec >&- 2>&-; sleep 0.3; exit 4']);
    expect(result).toEqual({ exitCode: 4, stdout: 'done\n', stderr: '' });
  });

  it('keeps output as it is, one character a byte', async () => {
    await using subject = await setup();
    const { stdout } = await exec(subject, ['printf', '\\351\\377\\r\\n\\n\\303\\251 end']);
    expect(stdout).toBe('\u00e9\u00ff\r\n\n\u00c3\u00a9 end');
  });

  it('keeps the beginning of a long output, and comes to its end', async () => {
    await using subject = await setup();
    const script = 'head -c 300000 /dev/zero | tr "\\000" x; echo err >&2; exit 5';
    const { exitCode, stdout, stderr } = await exec(subject, ['sh', '-c', script]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 5, stderr: 'err\n' });
    expect(stdout.length).toBeGreaterThanOrEqual(50_000);
    expect(/^x*$/.test(stdout)).toBe(true);
  });

  it('has no shell between the arguments and the command', async () => {
    await using subject = await setup();
    const hostile = ['$HOME; echo x', '`id`', '$(id)', 'a\'b"c', '', ' two  blanks ', '*'];
    const { stdout } = await exec(subject, ['printf', '[%s]', ...hostile]);
    expect(stdout).toBe(hostile.map((argument) => `[${argument}]`).join(''));
  });
}

function failures(setup: Setup): void {
  it('gives up on a command that does not end in time', async () => {
    await using subject = await setup();
    const before = performance.now();
    await expect(exec(subject, ['sleep', '30'], 300)).rejects.toThrow(EngineError);
    expect(performance.now() - before).toBeLessThan(10_000);
  });

  it('fails in a container that is stopped', async () => {
    await using subject = await setup();
    await subject.stop();
    await expect(exec(subject, ['true'])).rejects.toThrow(EngineError);
  });

  it('fails in a container that is no more', async () => {
    await using subject = await setup();
    const before = await subject.id();
    await subject.recreate();
    await expect(engineOf(subject).exec(before, ['true'], PATIENCE_MS)).rejects.toThrow(EngineError);
  });
}

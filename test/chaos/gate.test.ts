import { describe, expect, it } from 'vitest';
import { createGate } from './gate.ts';

/** Work that lasts until it is told to end, and says what it does. */
function createWork(said: string[]) {
  const ends = new Map<string, () => void>();
  const work = (name: string) => async () => {
    said.push(`${name} begins`);
    await new Promise<void>((end) => ends.set(name, end));
    said.push(`${name} ends`);
  };
  return { work, end: (name: string) => ends.get(name)?.() };
}

/** Long enough for all that needs no one. */
async function settled(): Promise<void> {
  for (let i = 0; i < 50; i += 1) await Promise.resolve();
}

describe('the gate', () => {
  it('lets one be alone after those that are there, and others in when it is over', async () => {
    const said: string[] = [];
    const { work, end } = createWork(said);
    const gate = createGate();
    const all = [gate.together(work('a')), gate.together(work('b'))];
    await settled();
    all.push(gate.alone(work('one')));
    all.push(gate.together(work('c')));
    await settled();
    expect(said).toEqual(['a begins', 'b begins']);
    end('a');
    await settled();
    end('b');
    await settled();
    expect(said.slice(2)).toEqual(['a ends', 'b ends', 'one begins']);
    end('one');
    await settled();
    expect(said.slice(5)).toEqual(['one ends', 'c begins']);
    end('c');
    await Promise.all(all);
  });

  it('opens again after work that failed', async () => {
    const gate = createGate();
    const failing = async () => {
      throw new Error('no');
    };
    await expect(gate.alone(failing)).rejects.toThrow('no');
    await expect(gate.together(failing)).rejects.toThrow('no');
    expect(await gate.alone(async () => 'done')).toBe('done');
  });
});

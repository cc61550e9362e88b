// A minute of what `npm run chaos` does for as long as one likes.
import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LANES } from '../chaos/faults.ts';
import { type Books, balanced, runChaos } from '../chaos/run.ts';

// It takes over mounts, networks and an Engine of its own.
const { REQUIRE_ENGINE: required } = process.env;
const able = required === '1' || (process.platform === 'linux' && process.getuid?.() === 0);
if (!able) console.log('Not run, because this is not root: the chaos run');

describe.runIf(able)('a minute of chaos', () => {
  it('loses no refusal, tells none twice, leaves the table valid, and ends well', async () => {
    const said: string[] = [];
    const books: Books = await runChaos({
      seed: 20261124,
      ms: 60_000,
      times: 1,
      say: (text) => said.push(text),
    });
    if (balanced(books)) rmSync(books.artefacts, { recursive: true });
    else console.log([...said, JSON.stringify(books, null, 2)].join('\n'));
    const { lost, doubled, unfounded, invalid, failed, died, shutOut, healthy } = books;
    expect({ lost, doubled, unfounded, invalid, failed, died, shutOut, healthy }).toEqual({
      ...{ lost: [], doubled: [], unfounded: [], invalid: [], failed: [], died: [], shutOut: [] },
      healthy: true,
    });
    expect(books.refusals).toBeGreaterThan(50);
    const kinds = LANES.flatMap(({ faults }) => Object.keys(faults));
    expect(Object.keys(books.faults).sort()).toEqual(kinds.sort());
  }, 1_200_000);
});

import { describe, expect, it } from 'vitest';
import { GATES } from '../../../src/core/postscreen/gate.ts';

describe('the table of gates', () => {
  it.each(Object.entries(GATES))('has a sentence and a page for %s', (_, { remedy, docs }) => {
    expect(remedy).toMatch(/^[A-Z].{10,170}\.$/i);
    expect(docs).toMatch(/^config\/[a-z0-9/-]+\/(?:#[a-z0-9_]+)?$/);
  });

  it('says of no gate behind postscreen that the access list cures it', () => {
    const cured = Object.values(GATES).filter(({ curable }) => curable);
    expect(cured.map(({ level }) => level)).toEqual(cured.map(() => 'postscreen'));
    expect(cured).toHaveLength(6);
  });
});

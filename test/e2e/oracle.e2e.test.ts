// A thousand real sessions, and an independent reader of the mail log as the judge of what screenpass said of them.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import { SALESFORCE_ZONE } from '../double/salesforce-zone.ts';
import { sendersZone } from '../double/senders-zone.ts';
import { clients, listed, SETTINGS } from '../oracle/plan.ts';
import { composeFile, prepare, runOracle } from '../oracle/run.ts';
import { Stack } from './harness.ts';

const { ORACLE_SEED: seed = '20261124', ORACLE_SESSIONS: count = '1000' } = process.env;

describe('screenpass and an independent reader of the same mail log', () => {
  const zone = { ...sendersZone(readCatalogue(catalogue)), ...SALESFORCE_ZONE };
  const stack = new Stack({
    wired: true,
    settings: SETTINGS,
    clients,
    listed,
    zone,
    composeFiles: [composeFile],
  });

  beforeAll(() => stack.up(), 900_000);
  afterAll(() => stack.remove(), 120_000);

  it(`agree on ${count} sessions (ORACLE_SEED=${seed})`, async () => {
    await stack.alert('started');
    await prepare(stack);
    const books = await runOracle(stack, Number(seed), Number(count), (text) => console.log(text));
    console.log(`${books.table}${JSON.stringify(books.outcomes)} of ${books.sessions} sessions in the log`);
    const { artefacts } = books;
    const agree = books.differences.length + books.contradictions.length === 0;
    if (agree) rmSync(artefacts, { recursive: true });
    else console.log(`the logs are in ${artefacts}`);
    expect(books.differences).toEqual([]);
    expect(books.contradictions).toEqual([]);
    expect(books.sessions).toBeGreaterThan(Number(count) * 0.9);
  }, 900_000);
});

import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('./', import.meta.url);

/** All lines of the corpus, one character a byte. */
export function corpusLines(): readonly string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(new URL(name, FOLDER), 'utf8').trim().split('\n'))
    .map((json) => Buffer.from((JSON.parse(json) as { line: string }).line, 'utf8').toString('latin1'));
}

import { readFileSync } from 'node:fs';
import { records, type Zone } from '../../double/dns-zone.ts';

const FILE = new URL('published.jsonl', import.meta.url);

/** SPF records as senders published them, by name. Throws when a name comes twice. */
export function publishedTexts(): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const line of readFileSync(FILE, 'utf8').trim().split('\n')) {
    const { name, txt } = JSON.parse(line) as { name: string; txt: string };
    if (Object.hasOwn(texts, name)) throw new Error(`${name} is twice in ${FILE.pathname}`);
    texts[name] = txt;
  }
  return texts;
}

/** The same as a zone. Names that they lead to and that have no record here do not exist. */
export function publishedZone(): Zone {
  return records(publishedTexts());
}

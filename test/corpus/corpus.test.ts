import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PostfixEvent, parseEvent } from '../../src/core/log/postfix-event.ts';

interface Sample {
  line: string;
  expect: object | null;
  why: string;
}

const FOLDER = new URL('./', import.meta.url);

/** Log bytes are read one character a byte. */
const read = (line: string) => parseEvent(Buffer.from(line, 'utf8').toString('latin1'));

function flat(event: PostfixEvent | undefined): object | null {
  if (event === undefined) return null;
  const { program, kind, ip, port, code, enhanced, dnsbl, rank, helo, sender, recipient } = event;
  return { program, kind, ip, port, code, enhanced, dnsbl, rank, helo, sender, recipient };
}

function samples(file: URL): Sample[] {
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('our corpus', () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl') && name !== 'gates.jsonl');
  for (const name of files) {
    const all = samples(new URL(name, FOLDER));
    it(`${name}: each of ${all.length} lines gives its object`, () => {
      expect(all.length).toBeGreaterThan(20);
      for (const { line, expect: wanted, why } of all) expect(flat(read(line)), why).toEqual(wanted);
    });
  }

  it('gives the same with CR LF taken off, with a docker stamp and with a compose name in front', () => {
    for (const { line, why } of samples(new URL('postscreen.jsonl', FOLDER))) {
      const plain = flat(read(line));
      expect(flat(read(`2026-11-24T02:24:10.921946642Z ${line}`)), why).toEqual(plain);
      expect(flat(read(`mailserver  | ${line}`)), why).toEqual(plain);
    }
  });
});

const SHAPES = new URL('../../../shared/corpus/postscreen-shapes.jsonl', import.meta.url);

if (!existsSync(SHAPES)) console.log('the shared corpus of real-world shapes is absent; it was not read');
else
  it('each line of the shared corpus that has a header gives its labels', () => {
    const rows = readFileSync(SHAPES, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    // The labels call every program "other" that has no kinds of its own.
    const own = new Set(['postscreen', 'dnsblog', 'smtpd', 'tlsproxy']);
    const headed = rows.filter(({ program }) => program !== 'none');
    expect(headed.length).toBe(137);
    for (const { line, program, kind, smtp_code: code, ...labels } of headed) {
      const { ip, port, enhanced, dnsbl, rank, helo, sender, recipient } = labels;
      const event = read(line);
      if (event === undefined) expect([kind, own.has(program)], line).toEqual(['other', false]);
      else {
        const wanted = { kind, ip, port, code, enhanced, dnsbl, rank, helo, sender, recipient };
        expect(flat(event), line).toEqual({ program: own.has(program) ? program : event.program, ...wanted });
        expect(own.has(event.program), line).toBe(own.has(program));
      }
    }
  });

describe('any text', () => {
  const fragments = samples(new URL('adversarial.jsonl', FOLDER)).flatMap(({ line }) =>
    line.slice(0, 3000).split(/(?<=[ ;,<>[\]:])/),
  );

  it('never makes the parser throw, and never gives an address that is none', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom(...fragments), fc.string({ unit: 'binary' })), { maxLength: 60 }),
        (parts) => {
          const event = read(parts.join(''));
          if (event?.ip) expect(event.ip).toMatch(/^[0-9a-f.:]+$/i);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

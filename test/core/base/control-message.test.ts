import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ControlReply } from '../../../src/core/base/control-message.ts';
import {
  formatMessage,
  LONGEST_REQUEST,
  parseReply,
  parseRequest,
} from '../../../src/core/base/control-message.ts';

/** What is the same after JSON. */
const json = fc.json({ depthSize: 'small' }).map((text): unknown => JSON.parse(text));

function lineOf(message: string): string {
  expect(message.indexOf('\n')).toBe(message.length - 1);
  return message.slice(0, -1);
}

describe('a request', () => {
  it('is one line, and reads as it was written', () => {
    const given = fc.dictionary(fc.string(), json, { maxKeys: 4 });
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), given, (command, values) => {
        const request = { command, arguments: JSON.parse(JSON.stringify(values)) };
        expect(parseRequest(lineOf(formatMessage(request)))).toEqual({ ok: true, value: request });
      }),
    );
  });

  it.each([
    ['an empty line', ''],
    ['no JSON', 'GET / HTTP/1.1\r'],
    ['half of it', '{"command":"status",'],
    ['null', 'null'],
    ['a list', '[{"command":"status","arguments":{}}]'],
    ['a command that is no text', '{"command":7,"arguments":{}}'],
    ['no arguments', '{"command":"status"}'],
    ['arguments in a list', '{"command":"status","arguments":[]}'],
    ['arguments of null', '{"command":"status","arguments":null}'],
    ['another field', '{"command":"status","arguments":{},"as":"root"}'],
    ['a prototype', '{"command":"status","arguments":{},"__proto__":{}}'],
    ['deep brackets', '['.repeat(64_000)],
    ['control characters', '\u0000\u001b\ufffd'],
  ])('is not %s', (_, line) => {
    expect(parseRequest(line)).toEqual({
      ok: false,
      problem: expect.stringMatching(/not one line of JSON such as/),
    });
  });

  it('has 64 Ki characters at most', () => {
    const frame = lineOf(formatMessage({ command: '', arguments: {} })).length;
    const sized = (length: number) =>
      lineOf(formatMessage({ command: 'x'.repeat(length - frame), arguments: {} }));
    expect(parseRequest(sized(LONGEST_REQUEST)).ok).toBe(true);
    expect(parseRequest(sized(LONGEST_REQUEST + 1))).toEqual({
      ok: false,
      problem: 'the request is longer than 65536 characters',
    });
  });
});

describe('a reply', () => {
  it('is one line, and reads as it was written', () => {
    const reply: fc.Arbitrary<ControlReply> = fc.oneof(
      fc.record({ ok: fc.constant(true as const), result: json }),
      fc.record({
        ok: fc.constant(false as const),
        kind: fc.constantFrom('usage' as const, 'failed' as const),
        problem: fc.string({ unit: 'binary' }),
      }),
    );
    fc.assert(
      fc.property(reply, (message) => {
        expect(parseReply(lineOf(formatMessage(message)))).toEqual(message);
      }),
    );
  });

  it.each([
    '',
    'HTTP/1.1 400 Bad Request\r',
    'null',
    '{"ok":"yes"}',
    '{"ok":false,"kind":"other","problem":"x"}',
    '{"ok":false,"kind":"usage"}',
  ])('is not %j', (line) => {
    expect(parseReply(line)).toBeUndefined();
  });
});

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEvent } from '../../../src/core/log/postfix-event.ts';
import { GATES } from '../../../src/core/postscreen/gate.ts';
import { type LaterRefusal, readLaterRefusal } from '../../../src/core/postscreen/later-gate.ts';

interface Sample {
  line: string;
  gate: string | null;
  ip: string | null;
  why: string;
}

const SAMPLES: Sample[] = readFileSync(new URL('../../corpus/gates.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

function read(line: string): LaterRefusal | undefined {
  return readLaterRefusal(line, parseEvent(line));
}

describe('a line of the mail log', () => {
  it.each(SAMPLES)('tells gate $gate: $why', ({ line, gate, ip }) => {
    const refusal = read(line);
    expect([refusal?.gate ?? null, refusal?.ip ?? null]).toEqual([gate, ip]);
  });

  it('tells the same with an Engine stamp or compose’s name in front, and is known when printed again', () => {
    for (const { line, why } of SAMPLES) {
      const refusal = read(line);
      expect(read(`mailserver  | ${line}`), why).toEqual(refusal);
      if (refusal !== undefined) expect(read(`2026-11-24T02:24:10.921946642Z ${line}`), why).toEqual(refusal);
    }
  });
});

describe('what is told of a refusal', () => {
  const smtpd = (reply: string, claims: string) =>
    read(
      `2026-11-24T02:24:10.1+00:00 mail postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.1]: ${reply}; ${claims}`,
    );

  it.each([
    ['450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]', 'Client host rejected'],
    ['554 5.7.1 Service unavailable; Sender address [SECRET@b] blocked using z', 'Service unavailable'],
    ['554 5.7.1 <SECRET@c>: Relay access denied', 'Relay access denied'],
    ['552 5.2.2 <SECRET@c>: Recipient address rejected: SECRET has too much', 'Recipient address rejected'],
    ['451 4.3.0 <x>: SECRET>: Recipient address rejected: Temporary failure', null],
  ])('of %s are Postfix’s own words only', (reply, text) => {
    const refusal = smtpd(reply, 'from=<SECRET@b> to=<SECRET@c> proto=ESMTP helo=<SECRET>');
    expect(refusal?.text).toBe(text);
    const [code, enhanced] = reply.split(' ');
    expect(refusal).toMatchObject({ code: Number(code), enhanced });
  });

  it('of a milter’s reply are no words, since they are the milter’s', () => {
    const line = SAMPLES.find(({ gate }) => gate === 'dmarc')?.line ?? '';
    expect(read(line)).toMatchObject({ code: null, enhanced: '5.7.1', text: null });
  });
});

describe('any text', () => {
  const fragments = SAMPLES.flatMap(({ line }) => line.split(/(?<=[ ;,<>[\]:])/));
  const piece = fc.oneof(fc.constantFrom(...fragments), fc.string({ unit: 'binary' }));

  it('never throws, and gives addresses, known gates and short words only', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (parts) => {
        const refusal = read(parts.join(''));
        if (refusal === undefined) return;
        expect(isIP(refusal.ip)).not.toBe(0);
        expect(GATES[refusal.gate].level).toBe('later');
        expect(refusal.text ?? 'Ok').toMatch(/^[A-Z][A-Za-z ]{1,79}$/);
      }),
      { numRuns: 3000 },
    );
  });

  it('as sender, recipient or HELO never gives a gate but the real one or none in particular', () => {
    const words = [
      ...['Relay access denied', 'Recipient address rejected: Greylisted', 'Helo command rejected: x', 'x'],
      ...[
        'Service unavailable; Client host [192.0.2.1] blocked using z',
        'Sender address rejected: Domain not found',
      ],
      ...['<', '>: ', '; from=<', '> to=<', ' proto=ESMTP helo=<x>', '5.7.23', 'A'.repeat(900)],
    ];
    const said = fc.array(fc.constantFrom(...words), { maxLength: 8 }).map((parts) => parts.join(''));
    // smtpd lets less of HELO through.
    const helo = said.map((text) => text.replace(/[ <>()\\";@]/g, '?'));
    const replies: readonly [string, (from: string, to: string, helo: string) => string][] = [
      ['client-hostname', () => '450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.1]'],
      ['sender-domain', (from) => `450 4.1.8 <${from}>: Sender address rejected: Domain not found`],
      ['relay-denied', (_, to) => `554 5.7.1 <${to}>: Relay access denied`],
      ['helo', (_, __, name) => `450 4.7.1 <${name}>: Helo command rejected: Host not found`],
      ['postgrey', (_, to) => `450 4.7.1 <${to}>: Recipient address rejected: Greylisted`],
      [
        'spf',
        (from, to) => `550 5.7.1 <${to}>: Recipient address rejected: Message rejected due to: SPF ${from}`,
      ],
      ['other-later', (_, to) => `552 5.2.2 <${to}>: Recipient address rejected: Mailbox is full`],
    ];
    fc.assert(
      fc.property(said, said, helo, fc.constantFrom(...replies), (from, to, name, [gate, reply]) => {
        const start = '2026-11-24T02:24:10.1+00:00 mail postfix/smtpd[1]: ';
        const body = `NOQUEUE: reject: RCPT from unknown[192.0.2.1]: ${reply(from, to, name)}; from=<${from}> to=<${to}> proto=ESMTP helo=<${name}>`;
        // Where Postfix cuts the line.
        expect([gate, 'other-later']).toContain(read(start + body.slice(0, 2000))?.gate);
      }),
      { numRuns: 5000 },
    );
  });
});
